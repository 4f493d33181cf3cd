using Iscsi.Protocol.Scsi;
using Iscsi.Storage;
using Iscsi.Target.Scsi;

namespace Iscsi.Target.Tests.Scsi;

public sealed class LogicalUnitMapTests
{
    private static StubBlockDevice Disk(string identity) =>
        new(new BlockDeviceInfo { BlockSize = 512, BlockCount = 16, Identity = identity, Description = identity });

    [Fact]
    public void One_storage_under_two_LUNs_is_refused_with_both_named()
    {
        var map = new LogicalUnitMap(ScsiHarness.TargetName);
        map.Add(0, Disk("/srv/a.img"));
        var e = Assert.Throws<ArgumentException>(() => map.Add(1, Disk("/srv/a.img")));
        Assert.Contains("/srv/a.img is already LUN 0", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_LUN_that_is_taken_is_refused()
    {
        var map = new LogicalUnitMap(ScsiHarness.TargetName);
        map.Add(3, Disk("a"));
        Assert.Throws<ArgumentException>(() => map.Add(3, Disk("b")));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(16384)]
    public void A_LUN_outside_14_bits_is_refused(int number) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new LogicalUnitMap(ScsiHarness.TargetName).Add(number, Disk("a")));

    [Fact]
    public void More_LUNs_than_REPORT_LUNS_can_tell_are_refused()
    {
        var map = new LogicalUnitMap(ScsiHarness.TargetName);
        for (var i = 0; i < ScsiLimits.MaxLogicalUnits; i++) map.Add(i, Disk($"{i}"));
        Assert.Throws<ArgumentException>(() => map.Add(1000, Disk("one more")));
    }

    [Theory]
    [InlineData("")]
    [InlineData("123456789012345678901")]
    [InlineData("tab\there")]
    public void A_serial_number_that_cannot_be_told_is_refused(string serial) =>
        Assert.Throws<ArgumentException>(() => new LogicalUnitMap(ScsiHarness.TargetName).Add(0, Disk("a"), new LunOptions { SerialNumber = serial }));

    [Fact]
    public void A_target_name_of_more_than_223_bytes_is_refused() =>
        Assert.Throws<ArgumentException>(() => new LogicalUnitMap("iqn." + new string('x', 220)));

    [Fact]
    public void Every_LUN_is_found_and_no_other()
    {
        var map = new LogicalUnitMap(ScsiHarness.TargetName);
        int[] numbers = [700, 3, 0, 255, 256, 16383];
        foreach (var number in numbers) map.Add(number, Disk($"{number}"));
        for (var number = 0; number <= LogicalUnitNumber.Max; number++)
        {
            Assert.Equal(numbers.Contains(number), map.TryFind(LogicalUnitNumber.Encode(number), out var unit));
            if (unit is not null) Assert.Equal(number, unit.Number);
        }
    }

    [Fact]
    public void Identifiers_differ_by_target_and_by_storage_and_not_by_LUN()
    {
        var a = new LogicalUnitMap("iqn.2026-11.net.example:a").Add(0, Disk("x"));
        var same = new LogicalUnitMap("iqn.2026-11.net.example:a").Add(5, Disk("x"));
        var otherTarget = new LogicalUnitMap("iqn.2026-11.net.example:b").Add(0, Disk("x"));
        var otherDisk = new LogicalUnitMap("iqn.2026-11.net.example:a").Add(0, Disk("y"));
        Assert.Equal((a.SerialNumber, a.NaaIdentifier), (same.SerialNumber, same.NaaIdentifier));
        Assert.NotEqual(a.SerialNumber, otherTarget.SerialNumber);
        Assert.NotEqual(a.NaaIdentifier, otherTarget.NaaIdentifier);
        Assert.NotEqual(a.NaaIdentifier, otherDisk.NaaIdentifier);
    }

    [Fact]
    public void A_removed_unit_is_gone_and_no_longer_watches_its_device()
    {
        var h = new ScsiHarness();
        Assert.True(h.Device.IsWatched);
        Assert.True(h.Units.Remove(h.Unit));
        Assert.False(h.Device.IsWatched);
        Assert.False(h.Units.TryFind(0, out _));
        Assert.False(h.Units.Remove(h.Unit));
    }
}

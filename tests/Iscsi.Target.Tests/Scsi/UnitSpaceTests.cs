using Iscsi.Protocol.Scsi;
using Iscsi.Storage;
using Iscsi.Target.Scsi;
using Microsoft.Extensions.Time.Testing;

namespace Iscsi.Target.Tests.Scsi;

public sealed class UnitSpaceTests
{
    private const long MiB = 1 << 20;

    private readonly FakeTimeProvider _clock = new();

    private ScsiHarness New(LunOptions? options = null, Func<BlockDeviceInfo, BlockDeviceInfo>? configure = null)
    {
        var h = new ScsiHarness(info => (configure ?? (i => i))(info with { ReportsSpace = true }), options: options, clock: _clock);
        h.Device.Space = new BlockDeviceSpace(100 * MiB, 1 * MiB);
        return h;
    }

    private static ScsiStatusAndSense Select(ScsiHarness h, LogicalBlockProvisioningModePage page)
    {
        var list = new byte[4 + LogicalBlockProvisioningModePage.Size];
        page.Write(list.AsSpan(4));
        var r = h.Run([OperationCode.ModeSelect6, 0x10, 0, 0, (byte)list.Length, 0], list);
        return new(r.Status == Protocol.ScsiStatus.Good, r.Sense);
    }

    private sealed record ScsiStatusAndSense(bool IsGood, SenseData Sense);

    private void Sample(ScsiHarness h)
    {
        _clock.Advance(h.Unit.Limits.SpaceInterval);
        Assert.True(h.Unit.Space.Tick(h.Units).IsCompletedSuccessfully);
    }

    private static StubBlockDevice Silent() => new(new BlockDeviceInfo
    {
        BlockSize = 512, BlockCount = 2048, Unmap = DeviceSupport.Native, ReportsSpace = true, Identity = "silent",
    });

    private static bool IsTold(ScsiHarness h) =>
        (h.Nexus.Pending(h.Unit) & UnitAttention.ThinProvisioningSoftThresholdReached) != UnitAttention.None;

    [Fact]
    public void A_device_that_can_not_tell_its_space_has_no_thresholds()
    {
        var h = new ScsiHarness();
        h.AssertInvalidField([OperationCode.ModeSense6, 0x08, 0x1C, 0x02, 255, 0], 3);
        Assert.Equal(SenseKey.IllegalRequest, Select(h, new() { Available = 5 }).Sense.Key);
        Assert.True(LogicalBlockProvisioningVpdPage.TryParseBody(h.RunGood(ScsiHarness.Inquiry(0xB2)).AsSpan(4), out var page));
        Assert.Equal(0, page.ThresholdExponent);
    }

    [Fact]
    public void Without_a_threshold_the_file_system_is_never_asked()
    {
        var h = New();
        Sample(h);
        Assert.Empty(h.Device.Calls);
    }

    [Fact]
    public void Falling_to_the_threshold_is_told_once_and_again_after_it_was_left()
    {
        var h = New();
        Assert.True(Select(h, new() { Available = 50 }).IsGood);
        Sample(h);
        Assert.False(IsTold(h));

        h.Device.Space = new(50 * MiB, 1 * MiB);
        Sample(h);
        h.AssertSense([OperationCode.TestUnitReady, 0, 0, 0, 0, 0], SenseKey.UnitAttention, AdditionalSense.ThinProvisioningSoftThresholdReached);
        Assert.Equal((ulong)LogicalBlockProvisioningModePage.AvailableAt, h.Request.Sense.Information);
        Sample(h);
        Assert.False(IsTold(h));

        h.Device.Space = new(60 * MiB, 1 * MiB);
        Sample(h);
        h.Device.Space = new(10 * MiB, 1 * MiB);
        Sample(h);
        Assert.True(IsTold(h));
    }

    [Fact]
    public void Rising_to_the_threshold_of_used_resources_is_told_with_its_descriptor()
    {
        var h = New();
        Assert.True(Select(h, new() { Used = 8 }).IsGood);
        h.Device.Space = new(100 * MiB, (7 * MiB) + 1);
        Sample(h);
        var r = h.Run([OperationCode.RequestSense, 1, 0, 0, 252, 0]);
        Assert.Equal(Protocol.ScsiStatus.Good, r.Status);
        Assert.True(SenseData.TryParse(h.Data, out var sense));
        Assert.Equal("6/38/07", sense.ToString());
        Assert.Equal((ulong)LogicalBlockProvisioningModePage.UsedAt, sense.Information);
    }

    [Fact]
    public void A_resource_that_is_not_known_reaches_no_threshold()
    {
        var h = New();
        Assert.True(Select(h, new() { Available = 50, Used = 1 }).IsGood);
        h.Device.Space = default;
        Sample(h);
        Assert.False(IsTold(h));
    }

    [Fact]
    public void The_file_system_is_asked_once_an_interval_or_at_once_after_it_was_full()
    {
        var h = New();
        Assert.True(Select(h, new() { Available = 50 }).IsGood);
        Sample(h);
        h.Device.Calls.Clear();
        _ = h.Unit.Space.Tick(h.Units);
        Assert.Empty(h.Device.Calls);

        h.Device.WriteFailure = new BlockDeviceException(BlockDeviceError.NoSpace, "full");
        h.AssertSense(
            ScsiHarness.Cdb10(OperationCode.Write10, 0, 0, 1), SenseKey.DataProtect, AdditionalSense.SpaceAllocationFailedWriteProtect, new byte[512]);
        h.Device.Space = new(0, 1 * MiB);
        _ = h.Unit.Space.Tick(h.Units);
        Assert.Equal(["space"], h.Device.Calls);
        Assert.True(IsTold(h));
    }

    [Fact]
    public void A_full_file_system_stops_writes_and_nothing_else()
    {
        var h = New();
        h.RunGood(ScsiHarness.Cdb10(OperationCode.Write10, 0, 0, 1), Enumerable.Repeat((byte)7, 512).ToArray());
        h.Device.WriteFailure = new BlockDeviceException(BlockDeviceError.NoSpace, "full");
        for (var i = 0; i < 2; i++)
        {
            h.AssertSense(
                ScsiHarness.Cdb10(OperationCode.Write10, 0x08, 0, 1), SenseKey.DataProtect, AdditionalSense.SpaceAllocationFailedWriteProtect, new byte[512]);
        }
        Assert.Equal(7, h.RunGood(ScsiHarness.Cdb10(OperationCode.Read10, 0, 0, 1))[0]);
        h.RunGood(ScsiHarness.Cdb10(OperationCode.SynchronizeCache10, 0, 0, 0));
        h.Device.WriteFailure = null;
        h.RunGood(ScsiHarness.Cdb10(OperationCode.Write10, 0, 0, 1), new byte[512]);
    }

    [Fact]
    public void SITUA_tells_one_nexus_only()
    {
        var h = New();
        var other = h.NewNexus();
        Assert.True(Select(h, new() { Available = 200, SingleInitiator = true }).IsGood);
        other.ClearAll(UnitAttention.All);
        Sample(h);
        Assert.True(IsTold(h));
        Assert.Equal(UnitAttention.None, other.Pending(h.Unit));
    }

    [Fact]
    public void Without_SITUA_every_nexus_is_told()
    {
        var h = New();
        var other = h.NewNexus();
        Assert.True(Select(h, new() { Available = 200 }).IsGood);
        Sample(h);
        Assert.True(IsTold(h));
        Assert.True((other.Pending(h.Unit) & UnitAttention.ThinProvisioningSoftThresholdReached) != UnitAttention.None);
    }

    [Fact]
    public void The_option_is_the_default_threshold_rounded_up()
    {
        var h = New(new LunOptions { LowSpaceBytes = (99 * MiB) + 1 });
        Assert.Equal(100u, h.Unit.Modes.Provisioning.Available);
        Assert.Null(h.Unit.Modes.Provisioning.Used);
        Sample(h);
        Assert.True(IsTold(h));
    }

    [Fact]
    public void A_device_that_fails_to_tell_is_asked_again()
    {
        var device = Silent();
        device.SpaceFailure = new BlockDeviceException(BlockDeviceError.Unavailable, "gone");
        var units = new LogicalUnitMap(ScsiHarness.TargetName, clock: _clock);
        var unit = units.Add(0, device, new LunOptions { LowSpaceBytes = 1 });
        for (var i = 1; i <= 3; i++)
        {
            _clock.Advance(unit.Limits.SpaceInterval);
            Assert.True(unit.Space.Tick(units).IsCompletedSuccessfully);
            Assert.Equal(i, device.Calls.Count);
        }
    }

    [Fact]
    public void While_a_file_system_hangs_it_is_not_asked_again()
    {
        var device = Silent();
        device.SpaceHangs = true;
        var units = new LogicalUnitMap(ScsiHarness.TargetName, clock: _clock);
        var unit = units.Add(0, device, new LunOptions { LowSpaceBytes = 1 });
        for (var i = 0; i < 3; i++)
        {
            _clock.Advance(unit.Limits.SpaceInterval);
            _ = unit.Space.Tick(units);
        }
        Assert.Single(device.Calls);
    }

    [Fact]
    public async Task A_file_tells_the_space_it_has_and_the_space_left()
    {
        var path = Path.Combine(Path.GetTempPath(), $"iscsinet-{Guid.NewGuid():N}.img");
        try
        {
            await using var file = await FileBlockDevice.OpenAsync(path, new() { CreateWithLength = 64 * MiB });
            Assert.True(file.Info.ReportsSpace);
            var before = await file.GetSpaceAsync();
            Assert.True(before.AvailableBytes is null or > 0);
            await file.WriteAsync(0, new byte[MiB]);
            await file.FlushAsync();
            var after = await file.GetSpaceAsync();
            if (OperatingSystem.IsLinux()) Assert.InRange(after.AllocatedBytes!.Value - before.AllocatedBytes!.Value, MiB, 2 * MiB);
            await using var around = new ReadOnlyBlockDevice(file, leaveOpen: true);
            Assert.Equal(after.AllocatedBytes, (await around.GetSpaceAsync()).AllocatedBytes);
        }
        finally
        {
            File.Delete(path);
        }
    }
}

using System.Buffers.Binary;
using Iscsi.Protocol.Scsi;
using Iscsi.Target.Scsi;
using Microsoft.Extensions.Time.Testing;

namespace Iscsi.Target.Tests.Scsi;

public sealed class IdentityTests : IDisposable
{
    private const byte Text = 0x02;

    private readonly string _directory = Directory.CreateTempSubdirectory().FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private LunOptions Kept => new() { StatePath = Path.Combine(_directory, "state") };

    private static byte[] Cdb(byte operationCode, byte serviceAction, uint length, byte type = 0)
    {
        var cdb = new byte[12];
        cdb[0] = operationCode;
        cdb[1] = serviceAction;
        BinaryPrimitives.WriteUInt32BigEndian(cdb.AsSpan(6), length);
        cdb[10] = (byte)(type << 1);
        return cdb;
    }

    private static byte[] Report(byte type = 0, uint length = 1024) => Cdb(OperationCode.MaintenanceIn, OperationCode.ReportIdentifyingInformation, length, type);

    private static byte[] Set(int length, byte type = 0) => Cdb(OperationCode.MaintenanceOut, OperationCode.SetIdentifyingInformation, (uint)length, type);

    private static byte[] ReportTimestamp => Cdb(OperationCode.MaintenanceIn, OperationCode.ReportTimestamp, 64);

    private static byte[] SetTimestamp(uint length = 12) => Cdb(OperationCode.MaintenanceOut, OperationCode.SetTimestamp, length);

    [Fact]
    public void There_is_no_information_before_some_is_set() => Assert.Equal([0, 0, 0, 0], new ScsiHarness().RunGood(Report()));

    [Fact]
    public void What_is_set_is_reported_by_its_type_and_kept_over_a_restart()
    {
        var h = new ScsiHarness(options: Kept);
        var information = Enumerable.Range(0, 64).Select(i => (byte)(i * 4)).ToArray();
        h.RunGood(Set(64), information);
        h.RunGood(Set(6, Text), "vier\0\0"u8.ToArray());
        Assert.Equal([0, 0, 0, 64, .. information], h.RunGood(Report()));

        var again = new ScsiHarness(options: Kept);
        Assert.Equal([0, 0, 0, 64, .. information], again.RunGood(Report()));
        Assert.Equal([0, 0, 0, 6, .. "vier\0\0"u8], again.RunGood(Report(Text)));
        again.RunGood(Set(0));
        Assert.Equal([0, 0, 0, 0], again.RunGood(Report()));
        Assert.Equal([0, 0, 0, 0], new ScsiHarness(options: Kept).RunGood(Report()));
    }

    [Fact]
    public void The_supported_types_have_their_greatest_lengths() =>
        Assert.Equal([0, 0, 0, 8, 0x00, 0, 0, 64, 0x04, 0, 1, 0], new ScsiHarness().RunGood(Report(0x7F)));

    [Theory]
    [InlineData(0x01)]
    [InlineData(0x03)]
    public void Another_type_is_an_invalid_field(byte type)
    {
        new ScsiHarness().AssertInvalidField(Report(type), 10, 7);
        new ScsiHarness().AssertInvalidField(Set(4, type), 10, 7, new byte[4]);
    }

    [Theory]
    [InlineData(65, 0)]
    [InlineData(257, Text)]
    public void Too_much_information_is_an_invalid_field(int length, byte type) =>
        new ScsiHarness().AssertInvalidField(Set(length, type), 6, null, new byte[length]);

    [Fact]
    public void The_types_can_not_be_set() => new ScsiHarness().AssertInvalidField(Set(4, 0x7F), 10, 7, new byte[4]);

    [Theory]
    [InlineData(new byte[] { 0x41, 0x42 })] // no zero at the end
    [InlineData(new byte[] { 0xC3, 0x00 })] // no UTF-8
    public void A_text_is_UTF_8_with_a_zero_at_its_end(byte[] text) =>
        new ScsiHarness().AssertSense(Set(text.Length, Text), SenseKey.IllegalRequest, AdditionalSense.InvalidFieldInParameterList, text);

    [Fact]
    public void Information_is_cut_at_every_allocation_length()
    {
        var h = new ScsiHarness();
        h.RunGood(Set(3), [1, 2, 3]);
        byte[] whole = [0, 0, 0, 3, 1, 2, 3];
        for (var length = 0; length < 9; length++) Assert.Equal(whole[..Math.Min(7, length)], h.RunGood(Report(length: (uint)length)));
    }

    [Fact]
    public void Fewer_data_than_the_CDB_says_change_nothing()
    {
        var h = new ScsiHarness();
        h.AssertSense(Set(8), SenseKey.IllegalRequest, AdditionalSense.ParameterListLengthError, new byte[4]);
        h.AssertSense(SetTimestamp(), SenseKey.IllegalRequest, AdditionalSense.ParameterListLengthError, new byte[4]);
    }

    [Fact]
    public void Another_nexus_is_told_of_a_change_only()
    {
        var h = new ScsiHarness();
        var other = h.NewNexus();
        h.RunGood(Set(0));
        Assert.Equal(UnitAttention.None, other.Pending(h.Unit));
        h.RunGood(Set(2), [1, 2]);
        Assert.Equal(UnitAttention.DeviceIdentifierChanged, other.Pending(h.Unit));
        Assert.Equal(UnitAttention.None, h.Nexus.Pending(h.Unit));
        Assert.Equal("6/3F/05", h.Run([OperationCode.TestUnitReady, 0, 0, 0, 0, 0], nexus: other).Sense.ToString());
        h.RunGood(Set(2), [1, 2]);
        Assert.Equal(UnitAttention.None, other.Pending(h.Unit));
    }

    [Fact]
    public void The_clock_is_the_hosts_until_it_is_set_and_runs_on()
    {
        var clock = new FakeTimeProvider(DateTimeOffset.FromUnixTimeMilliseconds(0x0123456789AB));
        var h = new ScsiHarness(clock: clock);
        var other = h.NewNexus();
        Assert.Equal([0, 10, 3, 0, 0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0, 0], h.RunGood(ReportTimestamp));
        h.RunGood(SetTimestamp(), [0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]);
        clock.Advance(TimeSpan.FromMilliseconds(5));
        Assert.Equal([0, 10, 2, 0, 0, 0, 0, 0, 1, 5, 0, 0], h.RunGood(ReportTimestamp));
        Assert.Equal("6/2A/10", h.Run([OperationCode.TestUnitReady, 0, 0, 0, 0, 0], nexus: other).Sense.ToString());
    }

    [Fact]
    public void A_timestamp_has_twelve_bytes_or_none()
    {
        var h = new ScsiHarness();
        h.RunGood(SetTimestamp(0));
        h.AssertSense(SetTimestamp(11), SenseKey.IllegalRequest, AdditionalSense.ParameterListLengthError, new byte[11]);
        h.AssertSense(SetTimestamp(13), SenseKey.IllegalRequest, AdditionalSense.ParameterListLengthError, new byte[13]);
        Assert.Equal(3, h.RunGood(ReportTimestamp)[2]);
    }
}

using System.Buffers.Binary;
using Iscsi.Protocol.Scsi;
using Iscsi.Storage;
using Iscsi.Target.Scsi;

namespace Iscsi.Target.Tests.Scsi;

public sealed class DiagnosticTests
{
    private const byte SelfTest = 0x04;
    private const byte PageFormat = 0x10;

    private static byte[] Send(byte flags, ushort length = 0) => [OperationCode.SendDiagnostic, flags, 0, (byte)(length >> 8), (byte)length, 0];

    private static byte[] Latest(ScsiHarness h) => h.RunGood([OperationCode.LogSense, 0, 0x50, 0, 0, 0, 0, 4, 0, 0])[4..24];

    [Theory]
    [InlineData(SelfTest, 4)]
    [InlineData(0xA0, 4)] // foreground short
    [InlineData(0xC0, 64)] // foreground extended
    [InlineData(SelfTest | 0x03, 4)] // with DEVOFFL and UNITOFFL
    public void A_self_test_reads_the_first_and_the_last_block_and_some_between(byte flags, int reads)
    {
        var h = new ScsiHarness();
        h.RunGood(Send(flags));
        Assert.Equal(reads, h.Device.Calls.Count);
        Assert.Equal("read 0 1", h.Device.Calls[0]);
        Assert.Equal("read 2047 1", h.Device.Calls[^1]);
        Assert.Equal(h.Device.Calls.Distinct(), h.Device.Calls);
        Assert.Equal((byte)(flags >> 5 << 5), Latest(h)[4]);
        Assert.Equal(ulong.MaxValue, BinaryPrimitives.ReadUInt64BigEndian(Latest(h).AsSpan(8)));
    }

    [Fact]
    public void A_self_test_of_the_smallest_disk_stays_inside_it()
    {
        var h = new ScsiHarness(info => info with { BlockCount = 1 });
        h.RunGood(Send(0xC0));
        Assert.All(h.Device.Calls, call => Assert.Equal("read 0 1", call));
    }

    [Fact]
    public void A_block_that_can_not_be_read_fails_the_self_test_and_is_logged()
    {
        var h = new ScsiHarness();
        h.Device.ReadFailure = new BlockDeviceException(BlockDeviceError.MediumError, "bad");
        h.AssertSense(Send(0xA0), SenseKey.HardwareError, AdditionalSense.LogicalUnitFailedSelfTest);
        var result = Latest(h);
        Assert.Equal((0xA6, 2), (result[4], result[5]));
        Assert.Equal(0UL, BinaryPrimitives.ReadUInt64BigEndian(result.AsSpan(8)));
        Assert.Equal([0x03, 0x11, 0x00], result[16..19]);
    }

    [Fact]
    public void A_latched_write_error_fails_the_self_test()
    {
        var h = new ScsiHarness();
        h.Unit.LatchWriteError();
        h.AssertSense(Send(SelfTest), SenseKey.HardwareError, AdditionalSense.LogicalUnitFailedSelfTest);
        Assert.Equal((0x05, 1), (Latest(h)[4], Latest(h)[5]));
    }

    [Fact]
    public void The_log_holds_the_latest_twenty_first()
    {
        var h = new ScsiHarness();
        for (var i = 0; i < 25; i++) h.RunGood(Send(i == 24 ? (byte)0xC0 : (byte)0xA0));
        Assert.Equal(20, h.Unit.SelfTests.ToArray().Length);
        Assert.Equal(0xC0, Latest(h)[4]);
    }

    [Theory]
    [InlineData(0x20)] // background short
    [InlineData(0x40)] // background extended
    [InlineData(0x60)] // reserved
    [InlineData(0x80)] // abort background
    [InlineData(0xE0)] // reserved
    [InlineData(0xA0 | SelfTest)] // a code with SELFTEST
    public void Other_self_tests_are_invalid_fields(byte flags) => new ScsiHarness().AssertInvalidField(Send(flags), 1, 7);

    [Fact]
    public void A_self_test_has_no_parameter_list() => new ScsiHarness().AssertInvalidField(Send(SelfTest, 4), 3, null, new byte[4]);

    [Fact]
    public void Nothing_to_do_is_done() => new ScsiHarness().RunGood(Send(PageFormat));

    [Fact]
    public void The_only_page_is_the_list_of_pages()
    {
        var h = new ScsiHarness();
        h.RunGood(Send(PageFormat, 4), [0, 0, 0, 0]);
        Assert.Equal([0, 0, 0, 1, 0], h.RunGood([OperationCode.ReceiveDiagnosticResults, 0, 0, 1, 0, 0]));
        Assert.Equal([0, 0, 0, 1, 0], h.RunGood([OperationCode.ReceiveDiagnosticResults, 1, 0, 1, 0, 0]));
        h.AssertInvalidField([OperationCode.ReceiveDiagnosticResults, 1, 0x40, 1, 0, 0], 2);
    }

    [Fact]
    public void Other_pages_and_broken_lists_are_refused()
    {
        var h = new ScsiHarness();
        h.AssertInvalidField(Send(0, 4), 1, 4, new byte[4]);
        h.AssertSense(Send(PageFormat, 4), SenseKey.IllegalRequest, AdditionalSense.InvalidFieldInParameterList, [0x40, 0, 0, 0]);
        h.AssertSense(Send(PageFormat, 5), SenseKey.IllegalRequest, AdditionalSense.InvalidFieldInParameterList, [0, 0, 0, 1, 0]);
        h.AssertSense(Send(PageFormat, 5), SenseKey.IllegalRequest, AdditionalSense.ParameterListLengthError, new byte[5]);
        h.AssertSense(Send(PageFormat, 3), SenseKey.IllegalRequest, AdditionalSense.ParameterListLengthError, new byte[3]);
        h.AssertSense(Send(PageFormat, 4), SenseKey.IllegalRequest, AdditionalSense.ParameterListLengthError, new byte[2]);
    }
}

using Iscsi.Protocol.Scsi;
using Iscsi.Target.Scsi;

namespace Iscsi.Target.Tests.Scsi;

public sealed class InformationalExceptionTests
{
    private static byte[] RequestSense => [OperationCode.RequestSense, 0, 0, 0, 252, 0];

    private static byte[] List(InformationalExceptionsModePage page)
    {
        var list = new byte[4 + InformationalExceptionsModePage.Size];
        page.Write(list.AsSpan(4));
        return list;
    }

    private static byte[] Select(byte[] list) => [OperationCode.ModeSelect6, 0x10, 0, 0, (byte)list.Length, 0];

    private static void Set(ScsiHarness h, InformationalExceptionsModePage page) => h.RunGood(Select(List(page)), List(page));

    private static (byte, byte) Log(ScsiHarness h)
    {
        var page = h.RunGood([OperationCode.LogSense, 0, 0x6F, 0, 0, 0, 0, 1, 0, 0]);
        Assert.Equal([0xAF, 0, 0, 8, 0, 0, 3, 4], page[..8]);
        Assert.Equal(0xFF, page[10]);
        return (page[8], page[9]);
    }

    [Fact]
    public void Nothing_is_wrong_with_a_disk_that_works() => Assert.Equal((0, 0), Log(new ScsiHarness()));

    [Fact]
    public void TEST_tells_a_false_failure_as_a_unit_attention_once()
    {
        var h = new ScsiHarness();
        Set(h, new() { Test = true, Method = InformationalExceptionsModePage.MethodUnitAttention });
        h.AssertSense([OperationCode.TestUnitReady, 0, 0, 0, 0, 0], SenseKey.UnitAttention, AdditionalSense.FailurePredictionThresholdExceededFalse);
        h.Unit.Tick(h.Units);
        h.RunGood([OperationCode.TestUnitReady, 0, 0, 0, 0, 0]);
        Assert.Equal((0x5D, 0xFF), Log(h));
    }

    [Fact]
    public void On_request_the_failure_is_told_to_REQUEST_SENSE_only()
    {
        var h = new ScsiHarness();
        Set(h, new() { Test = true, Method = InformationalExceptionsModePage.MethodOnRequest });
        h.RunGood([OperationCode.TestUnitReady, 0, 0, 0, 0, 0]);
        Assert.True(SenseData.TryParse(h.RunGood(RequestSense), out var sense));
        Assert.Equal("0/5D/FF", sense.ToString());
    }

    [Fact]
    public void A_latched_write_error_is_a_failure_to_come_and_the_heartbeat_tells_it()
    {
        var h = new ScsiHarness();
        Set(h, new() { Method = InformationalExceptionsModePage.MethodUnitAttention });
        h.Unit.LatchWriteError();
        Assert.Equal((0x5D, 0x00), Log(h));
        h.Unit.Tick(h.Units);
        h.AssertSense([OperationCode.TestUnitReady, 0, 0, 0, 0, 0], SenseKey.UnitAttention, AdditionalSense.FailurePredictionThresholdExceeded);
    }

    [Fact]
    public void DEXCPT_keeps_everything_quiet()
    {
        var h = new ScsiHarness();
        Set(h, new() { DisableExceptionControl = true, Method = InformationalExceptionsModePage.MethodUnitAttention });
        h.Unit.LatchWriteError();
        h.Unit.Tick(h.Units);
        Assert.Equal((0, 0), Log(h));
        Assert.Equal(UnitAttention.None, h.Nexus.Pending(h.Unit));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(5)]
    [InlineData(0xF)]
    public void A_method_that_is_not_done_is_refused(byte method)
    {
        var h = new ScsiHarness();
        h.AssertSense(Select(new byte[16]), SenseKey.IllegalRequest, AdditionalSense.InvalidFieldInParameterList, List(new() { Method = method }));
        Assert.Equal(new FieldPointer(false, 7), h.Request.Sense.Field);
    }

    [Fact]
    public void DEXCPT_and_TEST_exclude_each_other()
    {
        var list = List(new() { DisableExceptionControl = true, Test = true });
        new ScsiHarness().AssertSense(Select(list), SenseKey.IllegalRequest, AdditionalSense.InvalidFieldInParameterList, list);
    }
}

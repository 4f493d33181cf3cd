using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;
using Iscsi.Target.Scsi;

namespace Iscsi.Target.Tests.Scsi;

public sealed class VerifyTests
{
    private const byte Compare = 0x02;
    private const byte CompareSame = 0x06;

    private static ScsiHarness Filled(ScsiLimits? limits = null)
    {
        var h = new ScsiHarness(limits: limits);
        new Random(7).NextBytes(h.Device.Bytes);
        return h;
    }

    [Fact]
    public void Without_BYTCHK_every_block_is_read_and_no_data_are_wanted()
    {
        var h = Filled();
        var r = h.Run(ScsiHarness.Cdb10(OperationCode.Verify10, 0, 1, 300), new byte[300 * 512]);
        Assert.Equal((ScsiStatus.Good, 0L, 0), (r.Status, r.TransferLength, r.DataOutNeeded));
        Assert.Equal(["read 1 128", "read 129 128", "read 257 44"], h.Device.Calls);
    }

    [Fact]
    public void Without_BYTCHK_an_unreadable_block_is_a_medium_error()
    {
        var h = Filled();
        h.Device.ReadFailure = new IOException();
        h.AssertSense(ScsiHarness.Cdb10(OperationCode.Verify10, 0, 0, 1), SenseKey.MediumError, AdditionalSense.UnrecoveredReadError);
    }

    [Fact]
    public void BYTCHK_01_compares_all_data()
    {
        var h = Filled();
        var data = h.Device.Bytes.Slice(3 * 512, 2048).ToArray();
        h.RunGood(ScsiHarness.Cdb12(OperationCode.Verify12, Compare, 3, 4), data);
        data[1500] ^= 1;
        h.AssertSense(ScsiHarness.Cdb12(OperationCode.Verify12, Compare, 3, 4), SenseKey.Miscompare, AdditionalSense.MiscompareDuringVerify, data);
        Assert.Equal(1500UL, h.Request.Sense.Information);
    }

    [Fact]
    public void BYTCHK_11_compares_one_block_with_every_block()
    {
        var h = Filled();
        var block = new byte[512];
        new Random(8).NextBytes(block);
        for (var i = 0; i < 300; i++) block.CopyTo(h.Device.Bytes[((10 + i) * 512)..]);
        var cdb = ScsiHarness.Cdb16(OperationCode.Verify16, CompareSame, 10, 300);
        h.RunGood(cdb, block);
        Assert.Equal(512, h.Request.TransferLength);

        h.Device.Bytes[((10 + 299) * 512) + 17] ^= 1;
        h.AssertSense(cdb, SenseKey.Miscompare, AdditionalSense.MiscompareDuringVerify, block);
        Assert.Equal((299UL * 512) + 17, h.Request.Sense.Information);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(511)]
    [InlineData(1024)]
    public void BYTCHK_11_wants_exactly_one_block(int length) => Filled().AssertSense(
        ScsiHarness.Cdb16(OperationCode.Verify16, CompareSame, 10, 3), SenseKey.IllegalRequest, AdditionalSense.InvalidFieldInCdb, new byte[length]);

    [Fact]
    public void BYTCHK_10_is_reserved() => Filled().AssertInvalidField(ScsiHarness.Cdb10(OperationCode.Verify10, 0x04, 0, 1), 1, 2);

    [Fact]
    public void The_memory_stays_within_the_bound_with_large_blocks()
    {
        var h = new ScsiHarness(info => info with { BlockSize = 4096, BlockCount = 64 }, new ScsiLimits { AllAtOnceBytes = ScsiLimits.MinAllAtOnceBytes });
        h.RunGood(ScsiHarness.Cdb16(OperationCode.Verify16, CompareSame, 0, 64), new byte[4096]);
        Assert.Equal(64, h.Device.Calls.Count);
    }

    [Fact]
    public async Task Cancelling_ends_the_work_between_two_requests()
    {
        var h = Filled();
        var r = h.Begin(ScsiHarness.Cdb10(OperationCode.Verify10, 0, 0, 2048));
        r.Scratch.Add(new byte[r.ScratchBytes]);
        r.Cancellation = new CancellationToken(canceled: true);
        await ScsiDispatcher.ExecuteAsync(r);
        Assert.Equal(SenseKey.AbortedCommand, r.Sense.Key);
        Assert.Empty(h.Device.Calls);
    }
}

using Iscsi.Protocol.Scsi;
using Iscsi.Storage;
using Iscsi.Target.Scsi;

namespace Iscsi.Target.Tests.Scsi;

public sealed class WriteSameTests
{
    private const byte Unmap = 0x08;
    private const byte NoData = 0x01;

    private static byte[] Pattern()
    {
        var block = new byte[512];
        new Random(3).NextBytes(block);
        return block;
    }

    private static ScsiHarness Filled(Func<BlockDeviceInfo, BlockDeviceInfo>? configure = null, ScsiLimits? limits = null)
    {
        var h = new ScsiHarness(configure, limits);
        h.Device.Bytes.Fill(0xFF);
        return h;
    }

    private static void AssertRange(ScsiHarness h, int lba, int count, ReadOnlySpan<byte> block)
    {
        for (var i = 0; i < count; i++) Assert.True(h.Device.Bytes.Slice((lba + i) * 512, 512).SequenceEqual(block));
        Assert.True(lba == 0 || h.Device.Bytes[(lba * 512) - 1] == 0xFF);
        Assert.True(lba + count == 2048 || h.Device.Bytes[(lba + count) * 512] == 0xFF);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(127)]
    [InlineData(128)]
    [InlineData(300)]
    public void A_pattern_is_written_to_every_block(int count)
    {
        var h = Filled();
        var pattern = Pattern();
        h.RunGood(ScsiHarness.Cdb10(OperationCode.WriteSame10, 0, 5, (ushort)count), pattern);
        AssertRange(h, 5, count, pattern);
    }

    [Theory]
    [InlineData(0, "zero 5 300 None")]
    [InlineData(Unmap, "zero 5 300 MayUnmap")]
    public void A_block_of_zeroes_is_one_request_that_may_unmap_when_asked(byte flags, string call)
    {
        var h = Filled();
        h.RunGood(ScsiHarness.Cdb16(OperationCode.WriteSame16, flags, 5, 300), new byte[512]);
        Assert.Equal([call], h.Device.Calls);
        AssertRange(h, 5, 300, new byte[512]);
    }

    [Fact]
    public void A_pattern_is_written_even_when_unmapping_is_permitted()
    {
        var h = Filled();
        var pattern = Pattern();
        h.RunGood(ScsiHarness.Cdb16(OperationCode.WriteSame16, Unmap, 5, 3), pattern);
        AssertRange(h, 5, 3, pattern);
    }

    [Fact]
    public void NDOB_writes_zeroes_without_data()
    {
        var h = Filled();
        h.RunGood(ScsiHarness.Cdb16(OperationCode.WriteSame16, Unmap | NoData, 5, 3));
        Assert.Equal((0, 0L), (h.Request.DataOutNeeded, h.Request.TransferLength));
        AssertRange(h, 5, 3, new byte[512]);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Zeroes_are_written_where_the_device_has_no_zeroing(bool hasData)
    {
        var h = Filled(info => info with { WriteZeroes = DeviceSupport.None });
        h.RunGood(ScsiHarness.Cdb16(OperationCode.WriteSame16, hasData ? (byte)0 : NoData, 5, 300), hasData ? new byte[512] : null);
        Assert.StartsWith("write 5", h.Device.Calls[0], StringComparison.Ordinal);
        AssertRange(h, 5, 300, new byte[512]);
    }

    [Fact]
    public void Zero_blocks_are_an_invalid_length_on_a_disk_that_unmaps()
    {
        var h = Filled();
        h.AssertInvalidField(ScsiHarness.Cdb10(OperationCode.WriteSame10, Unmap, 2000, 0), 7, null, new byte[512]);
        h.AssertInvalidField(ScsiHarness.Cdb16(OperationCode.WriteSame16, 0, 2000, 0), 10, null, new byte[512]);
        Assert.Empty(h.Device.Calls);
    }

    [Fact]
    public void Zero_blocks_go_to_the_end_of_a_disk_that_does_not_unmap()
    {
        var h = Filled(info => info with { Unmap = DeviceSupport.None });
        h.RunGood(ScsiHarness.Cdb10(OperationCode.WriteSame10, 0, 2000, 0), Pattern());
        AssertRange(h, 2000, 48, Pattern());
        h.RunGood(ScsiHarness.Cdb16(OperationCode.WriteSame16, NoData, 1900, 0));
        AssertRange(h, 1900, 148, new byte[512]);
        h.AssertSense(ScsiHarness.Cdb16(OperationCode.WriteSame16, NoData, 2048, 0), SenseKey.IllegalRequest, AdditionalSense.LogicalBlockAddressOutOfRange);
    }

    [Fact]
    public void Zero_blocks_are_an_invalid_length_when_the_rest_is_longer_than_the_maximum()
    {
        var h = Filled(info => info with { Unmap = DeviceSupport.None }, limits: new ScsiLimits { MaximumWriteSameBytes = 100 * 512 });
        h.RunGood(ScsiHarness.Cdb10(OperationCode.WriteSame10, 0, 1948, 0), Pattern());
        h.AssertInvalidField(ScsiHarness.Cdb10(OperationCode.WriteSame10, 0, 1947, 0), 7, null, Pattern());
    }

    [Theory]
    [InlineData(2048, 1)]
    [InlineData(2047, 2)]
    [InlineData(2049, 0)]
    [InlineData(uint.MaxValue, 1)]
    public void Beyond_the_end_is_05_21_00(uint lba, ushort count) => Filled().AssertSense(
        ScsiHarness.Cdb10(OperationCode.WriteSame10, 0, lba, count), SenseKey.IllegalRequest, AdditionalSense.LogicalBlockAddressOutOfRange, new byte[512]);

    [Fact]
    public void More_than_the_maximum_is_an_invalid_length()
    {
        var h = Filled(limits: new ScsiLimits { MaximumWriteSameBytes = 100 * 512 });
        h.RunGood(ScsiHarness.Cdb10(OperationCode.WriteSame10, 0, 0, 100), Pattern());
        h.AssertInvalidField(ScsiHarness.Cdb10(OperationCode.WriteSame10, 0, 0, 101), 7, null, Pattern());
        h.AssertInvalidField(ScsiHarness.Cdb16(OperationCode.WriteSame16, 0, 0, 101), 10, null, Pattern());
    }

    [Theory]
    [InlineData(256)]
    [InlineData(1024)]
    [InlineData(0)]
    public void Anything_but_one_block_of_data_is_refused(int length)
    {
        var h = Filled();
        h.AssertSense(ScsiHarness.Cdb10(OperationCode.WriteSame10, Unmap, 0, 1), SenseKey.IllegalRequest, AdditionalSense.InvalidFieldInCdb, new byte[length]);
        Assert.Empty(h.Device.Calls);
    }

    [Theory]
    [InlineData(0x10)]
    [InlineData(0x18)]
    public void ANCHOR_is_refused(byte flags)
    {
        var h = Filled();
        h.AssertInvalidField(ScsiHarness.Cdb10(OperationCode.WriteSame10, flags, 0, 1), 1, 4, new byte[512]);
        h.AssertInvalidField(ScsiHarness.Cdb16(OperationCode.WriteSame16, flags, 0, 1), 1, 4, new byte[512]);
    }

    [Fact]
    public void A_full_disk_is_07_27_07()
    {
        var h = Filled();
        h.Device.WriteFailure = new BlockDeviceException(BlockDeviceError.NoSpace, "full");
        h.AssertSense(
            ScsiHarness.Cdb10(OperationCode.WriteSame10, 0, 0, 1), SenseKey.DataProtect, AdditionalSense.SpaceAllocationFailedWriteProtect, Pattern());
    }
}

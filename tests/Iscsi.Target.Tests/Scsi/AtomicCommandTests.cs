using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;
using Iscsi.Storage;
using Iscsi.Target.Scsi;

namespace Iscsi.Target.Tests.Scsi;

public sealed class AtomicCommandTests
{
    private static ScsiHarness Filled(ScsiLimits? limits = null, int blockSize = 512)
    {
        var h = new ScsiHarness(info => info with { BlockSize = blockSize }, limits);
        new Random(7).NextBytes(h.Device.Bytes);
        return h;
    }

    private static byte[] CompareAndWrite(ulong lba, byte blockCount, byte flags = 0)
    {
        var cdb = ScsiHarness.Cdb16(OperationCode.CompareAndWrite, flags, lba, 0);
        cdb[13] = blockCount;
        return cdb;
    }

    private static byte[] WriteAtomic(ulong lba, ushort blockCount) => ScsiHarness.Cdb16(OperationCode.WriteAtomic16, 0, lba, blockCount);

    private static byte[] Halves(ScsiHarness h, int lba, int blockCount, byte fill)
    {
        var half = blockCount * h.Device.Info.BlockSize;
        var data = new byte[2 * half];
        h.Device.Bytes.Slice(lba * h.Device.Info.BlockSize, half).CopyTo(data);
        data.AsSpan(half).Fill(fill);
        return data;
    }

    [Theory]
    [InlineData(512, 1)]
    [InlineData(512, 7)]
    [InlineData(512, 60)]
    [InlineData(4096, 7)]
    public void COMPARE_AND_WRITE_writes_the_second_half_where_the_first_one_is(int blockSize, int blockCount)
    {
        var h = Filled(blockSize: blockSize);
        h.RunGood(CompareAndWrite(5, (byte)blockCount), Halves(h, 5, blockCount, 0xAB));
        Assert.Equal(2 * blockCount * blockSize, h.Request.TransferLength);
        Assert.Equal(-1, h.Device.Bytes.Slice(5 * blockSize, blockCount * blockSize).IndexOfAnyExcept((byte)0xAB));
        Assert.NotEqual(0xAB, h.Device.Bytes[(5 * blockSize) - 1] & h.Device.Bytes[(5 + blockCount) * blockSize]);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(511)]
    [InlineData(512)]
    [InlineData((60 * 512) - 1)]
    public void A_byte_that_differs_is_a_miscompare_with_its_offset_and_nothing_is_written(int offset)
    {
        var h = Filled();
        var data = Halves(h, 5, 60, 0xAB);
        data[offset] ^= 0x10;
        var before = h.Device.Bytes.ToArray();
        h.AssertSense(CompareAndWrite(5, 60), SenseKey.Miscompare, AdditionalSense.MiscompareDuringVerify, data);
        Assert.Equal((ulong)offset, h.Request.Sense.Information);
        Assert.Equal(before, h.Device.Bytes);
    }

    [Fact]
    public void The_largest_COMPARE_AND_WRITE_fits_one_demand_and_one_more_block_is_refused()
    {
        foreach (var all in (int[])[8 * 1024, 16 * 1024, 64 * 1024, 256 * 1024])
        {
            foreach (var blockSize in (int[])[512, 4096])
            {
                var h = Filled(new ScsiLimits { AllAtOnceBytes = all }, blockSize);
                var maximum = ScsiCapabilities.MaximumCompareAndWriteBlocks(h.Unit);
                if (maximum == 0) continue;
                h.RunGood(CompareAndWrite(0, (byte)maximum), Halves(h, 0, maximum, 1));
                var pages = MemoryBudget.Blocks(h.Request.DataOutNeeded) + MemoryBudget.Blocks(h.Request.ScratchBytes);
                Assert.True(pages * MemoryBudget.BlockBytes <= all, $"{all} {blockSize}");
                if (maximum == 255) continue;
                h.AssertInvalidField(CompareAndWrite(0, (byte)(maximum + 1)), 13, dataOut: Halves(h, 0, maximum + 1, 1));
            }
        }
    }

    [Fact]
    public void Without_room_for_one_block_there_is_no_COMPARE_AND_WRITE()
    {
        var h = Filled(new ScsiLimits { AllAtOnceBytes = 8192 }, blockSize: 4096);
        h.AssertSense(CompareAndWrite(0, 1), SenseKey.IllegalRequest, AdditionalSense.InvalidCommandOperationCode, new byte[8192]);
        Assert.Equal(0, VpdPages.BlockLimits(h.Unit).MaximumCompareAndWriteLength);
    }

    [Theory]
    [InlineData(1, 0)]
    [InlineData(1, 512)]
    [InlineData(1, 2048)]
    [InlineData(0, 512)]
    public void Data_out_that_is_not_twice_the_blocks_is_refused(byte blockCount, int length) => Filled().AssertSense(
        CompareAndWrite(0, blockCount), SenseKey.IllegalRequest, AdditionalSense.InvalidFieldInCdb, new byte[length]);

    [Fact]
    public void No_blocks_are_good_and_the_range_is_checked()
    {
        var h = Filled();
        h.RunGood(CompareAndWrite(2048, 0), []);
        h.AssertSense(CompareAndWrite(2049, 0), SenseKey.IllegalRequest, AdditionalSense.LogicalBlockAddressOutOfRange, []);
        h.AssertSense(CompareAndWrite(2047, 2), SenseKey.IllegalRequest, AdditionalSense.LogicalBlockAddressOutOfRange, new byte[2048]);
        Assert.Equal(2048UL, h.Request.Sense.Information);
    }

    [Fact]
    public void Both_want_to_be_alone_with_exactly_their_blocks()
    {
        var h = Filled();
        foreach (var (cdb, length) in ((byte[], uint)[])[(CompareAndWrite(5, 3), 6 * 512), (WriteAtomic(5, 3), 3 * 512)])
        {
            var r = h.Begin(cdb, length, dataOut: true);
            Assert.Equal((ScsiStep.CollectDataOut, new BlockRange(5, 3), true), (h.Step, r.LockedRange, r.IsAloneWithRange));
        }
    }

    [Theory]
    [InlineData(OperationCode.CompareAndWrite, 2)]
    [InlineData(OperationCode.WriteAtomic16, 1)]
    public void A_failed_write_with_FUA_latches_the_error(byte operationCode, int halves)
    {
        var h = Filled();
        h.Device.WriteFailure = new IOException();
        var cdb = ScsiHarness.Cdb16(operationCode, 0x08, 0, 1);
        h.AssertSense(cdb, SenseKey.MediumError, AdditionalSense.WriteError, Halves(h, 0, 1, 1)[..(halves * 512)]);
        Assert.True(h.Unit.IsWriteErrorLatched);
    }

    [Fact]
    public void WRITE_ATOMIC_is_one_request_to_the_device()
    {
        var h = Filled();
        var data = new byte[128 * 512];
        new Random(9).NextBytes(data);
        h.RunGood(WriteAtomic(3, 128), data);
        Assert.Equal(["write 3 128"], h.Device.Calls);
        Assert.Equal(data, h.Device.Bytes.Slice(3 * 512, data.Length));
    }

    [Fact]
    public void A_longer_WRITE_ATOMIC_than_the_limits_page_says_is_refused()
    {
        var h = Filled();
        Assert.Equal(128u, VpdPages.BlockLimits(h.Unit).MaximumAtomicTransferLength);
        h.AssertInvalidField(WriteAtomic(0, 129), 12, dataOut: new byte[129 * 512]);
    }

    [Fact]
    public void WRITE_ATOMIC_exists_only_where_the_device_promises_it()
    {
        var h = new ScsiHarness(info => info with { MaximumAtomicWriteBytes = 0 });
        h.AssertSense(WriteAtomic(0, 1), SenseKey.IllegalRequest, AdditionalSense.InvalidCommandOperationCode, new byte[512]);
        Assert.Equal(0u, VpdPages.BlockLimits(h.Unit).MaximumAtomicTransferLength);
    }

    [Theory]
    [InlineData(OperationCode.CompareAndWrite)]
    [InlineData(OperationCode.WriteAtomic16)]
    [InlineData(OperationCode.OrWrite16)]
    [InlineData(OperationCode.WriteAndVerify16)]
    public void A_read_only_unit_refuses_them(byte operationCode) =>
        new ScsiHarness(info => info with { IsReadOnly = true }).AssertSense(
            ScsiHarness.Cdb16(operationCode, 0, 0, 1), SenseKey.DataProtect, AdditionalSense.WriteProtected, new byte[512]);
}

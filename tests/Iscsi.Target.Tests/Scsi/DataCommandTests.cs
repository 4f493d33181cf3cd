using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;
using Iscsi.Storage;
using Iscsi.Target.Scsi;
using Reservations;

namespace Iscsi.Target.Tests.Scsi;

/// <summary>WRITE AND VERIFY, ORWRITE, PRE-FETCH, READ DEFECT DATA, READ and WRITE BUFFER.</summary>
public sealed class DataCommandTests
{
    [Fact]
    public void A_write_that_reads_is_streamed_with_its_flags()
    {
        AssertStreamed(ScsiHarness.Cdb10(OperationCode.WriteAndVerify10, 0x00, 9, 3), ScsiStep.WriteAndReadMedium, BlockWriteFlags.ForceUnitAccess);
        AssertStreamed(ScsiHarness.Cdb10(OperationCode.WriteAndVerify10, 0x12, 9, 3), ScsiStep.WriteAndCompareMedium, BlockWriteFlags.ForceUnitAccess);
        AssertStreamed(ScsiHarness.Cdb12(OperationCode.WriteAndVerify12, 0x02, 9, 3), ScsiStep.WriteAndCompareMedium, BlockWriteFlags.ForceUnitAccess);
        AssertStreamed(ScsiHarness.Cdb16(OperationCode.WriteAndVerify16, 0x02, 9, 3), ScsiStep.WriteAndCompareMedium, BlockWriteFlags.ForceUnitAccess);
        AssertStreamed(ScsiHarness.Cdb16(OperationCode.OrWrite16, 0x00, 9, 3), ScsiStep.OrMedium, BlockWriteFlags.None);
        AssertStreamed(ScsiHarness.Cdb16(OperationCode.OrWrite16, 0x08, 9, 3), ScsiStep.OrMedium, BlockWriteFlags.ForceUnitAccess);

        static void AssertStreamed(byte[] cdb, ScsiStep step, BlockWriteFlags flags)
        {
            var h = new ScsiHarness();
            var r = h.Begin(cdb, 3 * 512, dataOut: true);
            Assert.Equal((step, new MediumTransfer(9, 3, 512, flags), 3 * 512L), (h.Step, r.Transfer, r.TransferLength));
        }
    }

    [Fact]
    public void Bits_are_set_across_runs_of_any_length()
    {
        var random = new Random(5);
        for (var round = 0; round < 200; round++)
        {
            var a = new byte[random.Next(1, 300)];
            var b = new byte[random.Next(1, a.Length + 1)];
            random.NextBytes(a);
            random.NextBytes(b);
            var expected = a.Select((value, i) => (byte)(value | (i < b.Length ? b[i] : 0))).ToArray();
            var list = Split(a, random);
            BlockListBits.Or(list, Split(b, random));
            var actual = new byte[a.Length];
            list.CopyTo(0, actual);
            Assert.Equal(expected, actual);
        }

        static BlockList Split(byte[] bytes, Random random)
        {
            var list = new BlockList();
            for (var at = 0; at < bytes.Length;)
            {
                var take = random.Next(1, bytes.Length - at + 1);
                list.Add(bytes.AsSpan(at, take).ToArray());
                at += take;
            }
            return list;
        }
    }

    [Fact]
    public void More_blocks_than_one_command_can_carry_are_refused()
    {
        var h = new ScsiHarness();
        h.Device.Resize(1L << 40);
        h.Nexus.ClearAll(UnitAttention.All);
        var maximum = VpdPages.BlockLimits(h.Unit).MaximumTransferLength;
        Assert.Equal(uint.MaxValue / 512, maximum);
        h.Begin(ScsiHarness.Cdb16(OperationCode.Read16, 0, 0, maximum));
        Assert.Equal(ScsiStep.ReadMedium, h.Step);
        h.AssertInvalidField(ScsiHarness.Cdb16(OperationCode.Read16, 0, 0, maximum + 1), 10);
    }

    private static ScsiHarness OnThreads() => new(info => info with { Store = new StoreNeed(1, 0) });

    [Fact]
    public void PRE_FETCH_reads_the_blocks()
    {
        var h = OnThreads();
        h.RunGood(ScsiHarness.Cdb10(OperationCode.PreFetch10, 0, 1, 300));
        Assert.Equal(["read 1 128", "read 129 128", "read 257 44"], h.Device.Calls);
    }

    [Fact]
    public void PRE_FETCH_of_no_blocks_goes_to_the_end()
    {
        var h = OnThreads();
        h.RunGood(ScsiHarness.Cdb16(OperationCode.PreFetch16, 0, 2000, 0));
        Assert.Equal(["read 2000 48"], h.Device.Calls);
        h.RunGood(ScsiHarness.Cdb16(OperationCode.PreFetch16, 0, 2048, 0));
    }

    [Fact]
    public void PRE_FETCH_does_not_read_more_than_its_bound()
    {
        var h = new ScsiHarness(info => info with { BlockCount = 4096, Store = new StoreNeed(1, 0) });
        h.RunGood(ScsiHarness.Cdb10(OperationCode.PreFetch10, 0, 0, 4096));
        Assert.Equal(PreFetchCommands.MaximumBytes / (128 * 512), h.Device.Calls.Count);
    }

    [Fact]
    public void PRE_FETCH_of_memory_or_with_IMMED_reads_nothing()
    {
        var h = new ScsiHarness();
        h.RunGood(ScsiHarness.Cdb10(OperationCode.PreFetch10, 0, 0, 8));
        Assert.Empty(h.Device.Calls);
        h = OnThreads();
        h.RunGood(ScsiHarness.Cdb10(OperationCode.PreFetch10, 0x02, 0, 8));
        Assert.Empty(h.Device.Calls);
    }

    [Fact]
    public void PRE_FETCH_checks_the_range() => new ScsiHarness().AssertSense(
        ScsiHarness.Cdb16(OperationCode.PreFetch16, 0x02, 2047, 2), SenseKey.IllegalRequest, AdditionalSense.LogicalBlockAddressOutOfRange);

    [Theory]
    [InlineData(0x00)]
    [InlineData(0x18)]
    [InlineData(0x1D)]
    public void The_defect_lists_are_there_and_empty(byte lists)
    {
        var h = new ScsiHarness();
        Assert.Equal([0, lists, 0, 0], h.RunGood([OperationCode.ReadDefectData10, 0, lists, 0, 0, 0, 0, 1, 0, 0]));
        Assert.Equal([0, lists, 0, 0, 0, 0, 0, 0], h.RunGood([OperationCode.ReadDefectData12, lists, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]));
        Assert.Equal([0, lists], h.RunGood([OperationCode.ReadDefectData10, 0, lists, 0, 0, 0, 0, 0, 2, 0]));
    }

    private static byte[] Buffer(byte operationCode, byte mode, byte id, ushort offset, ushort length) =>
        [operationCode, mode, id, 0, (byte)(offset >> 8), (byte)offset, 0, (byte)(length >> 8), (byte)length, 0];

    [Fact]
    public void The_data_buffer_keeps_what_was_written()
    {
        var h = new ScsiHarness();
        Assert.Equal([0, 0, 2, 0], h.RunGood(Buffer(OperationCode.ReadBuffer, 0x03, 0, 0, 4)));
        h.RunGood(Buffer(OperationCode.WriteBuffer, 0x02, 0, 509, 3), [1, 2, 3]);
        Assert.Equal([0, 1, 2, 3], h.RunGood(Buffer(OperationCode.ReadBuffer, 0x02, 0, 508, 100)));
        Assert.Equal(512, h.RunGood(Buffer(OperationCode.ReadBuffer, 0x02, 0, 0, 1000)).Length);
        Assert.Equal([0, 1], h.RunGood(Buffer(OperationCode.ReadBuffer, 0x02, 0, 508, 2)));
        h.AssertInvalidField(Buffer(OperationCode.WriteBuffer, 0x02, 0, 510, 3), 6, dataOut: [1, 2, 3]);
        h.AssertInvalidField(Buffer(OperationCode.WriteBuffer, 0x02, 0, 513, 0), 3, dataOut: []);
    }

    [Fact]
    public void There_is_one_data_buffer()
    {
        var h = new ScsiHarness();
        Assert.Equal([0, 0, 0, 0], h.RunGood(Buffer(OperationCode.ReadBuffer, 0x03, 1, 0, 4)));
        h.AssertInvalidField(Buffer(OperationCode.ReadBuffer, 0x02, 1, 0, 4), 2);
        h.AssertInvalidField(Buffer(OperationCode.WriteBuffer, 0x02, 1, 0, 4), 2, dataOut: new byte[4]);
    }

    [Fact]
    public void The_echo_buffer_returns_what_the_same_nexus_sent_last()
    {
        var h = new ScsiHarness();
        var read = Buffer(OperationCode.ReadBuffer, 0x0A, 0, 0, 512);
        Assert.Equal([0, 0, 2, 0], h.RunGood(Buffer(OperationCode.ReadBuffer, 0x0B, 0, 0, 4)));
        h.AssertSense(read, SenseKey.IllegalRequest, AdditionalSense.CommandSequenceError);
        h.RunGood(Buffer(OperationCode.WriteBuffer, 0x0A, 0, 0, 5), [1, 2, 3, 4, 5]);
        Assert.Equal([1, 2, 3, 4, 5], h.RunGood(read));

        var other = h.NewNexus();
        var r = h.Run(Buffer(OperationCode.WriteBuffer, 0x0A, 0, 0, 1), [9], nexus: other);
        Assert.Equal(ScsiStatus.Good, r.Status);
        h.AssertSense(read, SenseKey.IllegalRequest, AdditionalSense.CommandSequenceError);
    }

    [Theory]
    [InlineData(OperationCode.ReadBuffer, 0x00)]
    [InlineData(OperationCode.ReadBuffer, 0x1C)]
    [InlineData(OperationCode.WriteBuffer, 0x05)]
    [InlineData(OperationCode.WriteBuffer, 0x03)]
    public void Other_modes_are_an_invalid_field(byte operationCode, byte mode) =>
        new ScsiHarness().AssertInvalidField(Buffer(operationCode, mode, 0, 0, 0), 1, 4);

    [Fact]
    public void What_writes_shares_its_blocks_with_other_writers()
    {
        var h = new ScsiHarness();
        var r = h.Begin(ScsiHarness.Cdb10(OperationCode.WriteSame10, 0, 7, 9), 512, dataOut: true);
        Assert.Equal((new BlockRange(7, 9), false), (r.LockedRange, r.IsAloneWithRange));
        r = h.Begin([OperationCode.Unmap, 0, 0, 0, 0, 0, 0, 0, 24, 0], 24, dataOut: true);
        Assert.Equal((new BlockRange(0, 2048), false), (r.LockedRange, r.IsAloneWithRange));
    }
}

using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;
using Iscsi.Storage;

namespace Iscsi.Target.Scsi;

/// <summary>WRITE SAME (SBC-3).</summary>
internal static class WriteSameCommands
{
    private const byte Unmap = 0x08;
    private const byte NoDataOutBuffer = 0x01;

    /// <summary>
    /// The rows. ANCHOR, WRPROTECT and the obsolete PBDATA and LBDATA are outside the masks; UNMAP is in where the device unmaps.
    /// </summary>
    /// <remarks>
    /// A NUMBER OF LOGICAL BLOCKS of zero is "up to the end" on a fully provisioned disk. On one that unmaps it is refused, and the Block
    /// Limits page says so (WSNZ): clients have been seen to expect that it then unmaps whatever the pattern is, where SBC-3 wants the
    /// pattern written.
    /// </remarks>
    public static readonly ScsiCommandRow[] Rows =
    [
        // byte 1 flags, byte 2 LOGICAL BLOCK ADDRESS (4), byte 7 NUMBER OF LOGICAL BLOCKS (2)
        Row("WRITE SAME (10)", [OperationCode.WriteSame10, Unmap, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0xFF, 0xFF, 0]),

        // byte 1 flags and NDOB, byte 2 LOGICAL BLOCK ADDRESS (8), byte 10 NUMBER OF LOGICAL BLOCKS (4)
        Row("WRITE SAME (16)",
        [
            OperationCode.WriteSame16, Unmap | NoDataOutBuffer, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0,
        ]),
    ];

    private static ScsiCommandRow Row(string name, byte[] usage) => new()
    {
        Name = name,
        Usage = usage,
        Conditional = new ConditionalBits(1, Unmap, ScsiCapabilities.CanUnmap),
        Traits = ScsiTraits.Writes,
        Direction = DataDirection.Write,
        Memory = MemoryNeed.AllAtOnce,
        RecommendedTimeoutSeconds = 60,
        Begin = Begin,
        Execute = WriteSameAsync,
    };

    private static ScsiStep Begin(ScsiRequest r)
    {
        var unit = r.Unit!;
        var cdbLength = r.Row!.CdbLength;
        var (lba, blockCount) = BlockAddress.Parse(r.Cdb, cdbLength);
        if (!BlockAddress.IsInside(r, lba, blockCount)) return ScsiStep.Done;
        if (blockCount == 0 && ScsiCapabilities.CanWriteSameToTheEnd(unit))
        {
            // Nothing is left after the last block; a longer rest than a command may write is refused below.
            if ((long)lba == unit.Info.BlockCount) return r.Fail(BlockAddress.OutOfRange(lba));
            blockCount = (uint)Math.Min(unit.Info.BlockCount - (long)lba, uint.MaxValue);
        }
        if (blockCount == 0 || blockCount > ScsiCapabilities.MaximumWriteSameBlocks(unit))
            return r.InvalidField(BlockAddress.LengthOffset(cdbLength));

        r.NeedsStore = true;
        r.Work.Range = new BlockRange((long)lba, blockCount);
        r.LockedRange = r.Work.Range;
        r.Work.Flags = r.Cdb.Has(1, Unmap) ? BlockWriteFlags.MayUnmap : BlockWriteFlags.None;
        var blockSize = unit.Info.BlockSize;
        var hasNoData = cdbLength == Cdb.Size && r.Cdb.Has(1, NoDataOutBuffer);
        if (!hasNoData) return r.CollectOneBlock(blockSize, ScsiScratch.Bytes(unit, blockCount, blockSize));
        r.ScratchBytes = ScsiCapabilities.CanWriteZeroes(unit) ? 0 : ScsiScratch.Bytes(unit, blockCount, gatheredBytes: 0);
        return ScsiStep.Execute;
    }

    // SBC-3, WRITE SAME command and unmap operations: unmapping is permitted where the block that was sent is what an unmapped
    // block reads as. WriteZeroes keeps that promise for every block, also for those at the edge of an allocation unit; any other
    // pattern is written.
    private static async ValueTask WriteSameAsync(ScsiRequest r)
    {
        var unit = r.Unit!;
        var hasData = r.DataOutNeeded > 0;
        if (hasData && !r.HasWholeBlock()) return;
        if (ScsiCapabilities.CanWriteZeroes(unit) && (!hasData || BlockListCompare.IsZero(r.DataOut)))
        {
            await unit.Device.WriteZeroesAsync(r.Work.Range, r.Work.Flags, r.Cancellation).ConfigureAwait(false);
            return;
        }

        var blockSize = unit.Info.BlockSize;
        Replicate(r, hasData, blockSize);
        var chunkBlocks = r.Scratch.Length / blockSize;
        for (long done = 0; done < r.Work.Range.Count;)
        {
            r.Cancellation.ThrowIfCancellationRequested();
            var count = (int)Math.Min(chunkBlocks, r.Work.Range.Count - done);
            r.SetWindow(r.Scratch, count * blockSize);
            await unit.Device.WriteAsync(r.Work.Range.Lba + done, r.Window, BlockWriteFlags.None, r.Cancellation).ConfigureAwait(false);
            done += count;
        }
    }

    private static void Replicate(ScsiRequest r, bool hasData, int blockSize)
    {
        if (!hasData)
        {
            r.Scratch.Zero();
            return;
        }
        var end = r.Scratch.Length - (r.Scratch.Length % blockSize);
        for (var at = 0; at < end; at += blockSize)
        {
            var part = at;
            foreach (var run in r.DataOut.Runs)
            {
                var take = Math.Min(run.Length, at + blockSize - part);
                r.Scratch.CopyFrom(part, run.Span[..take]);
                part += take;
            }
        }
    }
}

using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;
using Iscsi.Storage;

namespace Iscsi.Target.Scsi;

/// <summary>
/// The commands that do all or nothing: COMPARE AND WRITE (SBC-3) and WRITE ATOMIC (SBC-4). All their data are in memory before they begin, and
/// no other request to the device overlaps them.
/// </summary>
internal static class AtomicCommands
{
    private const byte DisablePageOut = 0x10;
    private const byte ForceUnitAccess = 0x08;
    private const byte Flags = DisablePageOut | ForceUnitAccess;
    private const int CompareAndWriteLength = 13;
    private const int WriteAtomicLength = 12;

    /// <summary>The rows.</summary>
    /// <remarks>ATOMIC BOUNDARY is outside the mask: the limits page says that there are no boundaries.</remarks>
    public static readonly ScsiCommandRow[] Rows =
    [
        // byte 1 flags, byte 2 LOGICAL BLOCK ADDRESS (8), byte 13 NUMBER OF LOGICAL BLOCKS, byte 14 GROUP NUMBER
        new()
        {
            Name = "COMPARE AND WRITE",
            Usage = [OperationCode.CompareAndWrite, Flags, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0xFF, 0, 0],
            Traits = ScsiTraits.Writes,
            Direction = DataDirection.Write,
            Memory = MemoryNeed.AllAtOnce,
            IsSupported = static unit => ScsiCapabilities.MaximumCompareAndWriteBlocks(unit) > 0,
            Begin = BeginCompareAndWrite,
            Execute = CompareAndWriteAsync,
        },

        // byte 1 flags, byte 2 LOGICAL BLOCK ADDRESS (8), byte 10 ATOMIC BOUNDARY (2), byte 12 TRANSFER LENGTH (2), byte 14 GROUP NUMBER
        new()
        {
            Name = "WRITE ATOMIC (16)",
            Usage = [OperationCode.WriteAtomic16, Flags, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0xFF, 0xFF, 0, 0],
            Traits = ScsiTraits.Writes,
            Direction = DataDirection.Write,
            Memory = MemoryNeed.AllAtOnce,
            IsSupported = static unit => ScsiCapabilities.MaximumAtomicWriteBlocks(unit) > 0,
            Begin = BeginWriteAtomic,
            Execute = WriteAtomicAsync,
        },
    ];

    private static ScsiStep BeginCompareAndWrite(ScsiRequest r)
    {
        var unit = r.Unit!;
        var blockCount = r.Cdb[CompareAndWriteLength];
        if (!TryBegin(r, blockCount, CompareAndWriteLength, ScsiCapabilities.MaximumCompareAndWriteBlocks(unit))) return ScsiStep.Done;
        // Data-out is what the blocks are compared with, and then what is written.
        var lengthBytes = blockCount * unit.Info.BlockSize;
        var pages = MemoryBudget.Blocks(2L * lengthBytes) * MemoryBudget.BlockBytes;
        return r.CollectAll(2 * lengthBytes, ScsiScratch.Bytes(unit, blockCount, pages));
    }

    private static ScsiStep BeginWriteAtomic(ScsiRequest r)
    {
        var blockCount = r.Cdb.UInt16(WriteAtomicLength);
        return TryBegin(r, blockCount, WriteAtomicLength, ScsiCapabilities.MaximumAtomicWriteBlocks(r.Unit!))
            ? r.CollectAll(blockCount * r.Unit!.Info.BlockSize, scratchBytes: 0)
            : ScsiStep.Done;
    }

    private static bool TryBegin(ScsiRequest r, int blockCount, int lengthOffset, int maximumBlocks)
    {
        var lba = r.Cdb.UInt64(2);
        if (!BlockAddress.IsInside(r, lba, (ulong)blockCount)) return false;
        if (blockCount > maximumBlocks)
        {
            r.InvalidField(lengthOffset);
            return false;
        }
        r.Work.Range = new BlockRange((long)lba, blockCount);
        r.Work.Flags = r.Cdb.Has(1, ForceUnitAccess) ? BlockWriteFlags.ForceUnitAccess : BlockWriteFlags.None;
        r.LockedRange = r.Work.Range;
        r.IsAloneWithRange = true;
        r.NeedsStore = true;
        return true;
    }

    private static async ValueTask CompareAndWriteAsync(ScsiRequest r)
    {
        if (!r.HasWholeBlock()) return;
        var device = r.Unit!.Device;
        var blockSize = r.Unit.Info.BlockSize;
        var lengthBytes = (int)r.Work.Range.Count * blockSize;
        var chunkBytes = r.Scratch.Length / blockSize * blockSize;
        for (var done = 0; done < lengthBytes;)
        {
            var take = Math.Min(chunkBytes, lengthBytes - done);
            r.SetWindow(r.Scratch, take);
            await device.ReadAsync(r.Work.Range.Lba + (done / blockSize), r.Window, r.Cancellation).ConfigureAwait(false);
            var difference = BlockListCompare.FirstDifference(r.Window, 0, r.DataOut, done, take);
            if (difference >= 0)
            {
                ScsiDispatcher.Miscompare(r, done + difference);
                return;
            }
            done += take;
        }
        r.SetWindow(r.DataOut, lengthBytes, lengthBytes);
        await device.WriteAsync(r.Work.Range.Lba, r.Window, r.Work.Flags, r.Cancellation).ConfigureAwait(false);
    }

    private static ValueTask WriteAtomicAsync(ScsiRequest r) => r.HasWholeBlock()
        ? r.Unit!.Device.WriteAsync(r.Work.Range.Lba, r.DataOut, r.Work.Flags, r.Cancellation)
        : default;
}

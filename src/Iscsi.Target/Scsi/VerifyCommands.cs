using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;
using Iscsi.Storage;

namespace Iscsi.Target.Scsi;

/// <summary>VERIFY (SBC-3).</summary>
internal static class VerifyCommands
{
    private const byte DisablePageOut = 0x10;
    private const byte ByteCheck = 0x06;
    private const byte Flags = DisablePageOut | ByteCheck;

    // BYTCHK
    private const int MediumOnly = 0;
    private const int Compare = 1;
    private const int CompareSame = 3;

    /// <summary>The rows. VRPROTECT is outside the masks: protection information is not supported.</summary>
    public static readonly ScsiCommandRow[] Rows =
    [
        Row("VERIFY (10)", [OperationCode.Verify10, Flags, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0xFF, 0xFF, 0]),
        Row("VERIFY (12)", [OperationCode.Verify12, Flags, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0]),
        Row("VERIFY (16)", [OperationCode.Verify16, Flags, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0]),
    ];

    private static ScsiCommandRow Row(string name, byte[] usage) => new()
    {
        Name = name,
        Usage = usage,
        Traits = ScsiTraits.AllowedThroughWriteExclusive,
        Direction = DataDirection.Write,
        Memory = MemoryNeed.Bursts,
        Begin = Begin,
        Execute = VerifyAsync,
    };

    private static ScsiStep Begin(ScsiRequest r)
    {
        var check = (r.Cdb[1] & ByteCheck) >> 1;
        if (check is not (MediumOnly or Compare or CompareSame)) return r.InvalidField(1, 2);
        var (lba, blockCount) = BlockAddress.Parse(r.Cdb, r.Row!.CdbLength);
        if (!BlockAddress.IsInside(r, lba, blockCount)) return ScsiStep.Done;
        if (blockCount == 0) return r.Good();

        var blockSize = r.Unit!.Info.BlockSize;
        r.NeedsStore = true;
        if (check == Compare)
        {
            r.Transfer = new MediumTransfer((long)lba, blockCount, blockSize, BlockWriteFlags.None);
            r.TransferLength = r.Transfer.LengthBytes;
            return ScsiStep.CompareMedium;
        }

        r.Work.Range = new BlockRange((long)lba, blockCount);
        if (check == MediumOnly)
        {
            r.ScratchBytes = ScsiScratch.Bytes(r.Unit, blockCount, gatheredBytes: 0);
            return ScsiStep.Execute;
        }
        return r.CollectOneBlock(blockSize, ScsiScratch.Bytes(r.Unit, blockCount, blockSize));
    }

    // Reads every block; with BYTCHK 11b each one is compared with the one block that was sent.
    private static async ValueTask VerifyAsync(ScsiRequest r)
    {
        var compares = r.DataOutNeeded > 0;
        if (compares && !r.HasWholeBlock()) return;
        var blockSize = r.Unit!.Info.BlockSize;
        var chunkBlocks = r.Scratch.Length / blockSize;
        for (long done = 0; done < r.Work.Range.Count;)
        {
            r.Cancellation.ThrowIfCancellationRequested();
            var count = (int)Math.Min(chunkBlocks, r.Work.Range.Count - done);
            r.SetWindow(r.Scratch, count * blockSize);
            await r.Unit.Device.ReadAsync(r.Work.Range.Lba + done, r.Window, r.Cancellation).ConfigureAwait(false);
            for (var i = 0; compares && i < count; i++)
            {
                var difference = BlockListCompare.FirstDifference(r.Window, i * blockSize, r.DataOut, 0, blockSize);
                if (difference < 0) continue;
                ScsiDispatcher.Miscompare(r, ((done + i) * blockSize) + difference);
                return;
            }
            done += count;
        }
    }
}

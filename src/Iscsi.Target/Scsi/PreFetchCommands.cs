using Iscsi.Protocol.Scsi;
using Iscsi.Storage;

namespace Iscsi.Target.Scsi;

/// <summary>PRE-FETCH (SBC-3): blocks are brought into the cache under the device.</summary>
/// <remarks>
/// The blocks are read, so that whatever caches below has them, up to <see cref="MaximumBytes"/> a command. The status is GOOD, which says
/// that not all of the blocks need be in the cache; CONDITION MET would promise it, and nobody here knows what a cache below keeps.
/// GROUP NUMBER is looked at by nothing but accepted: grouping has no meaning for a command that transfers no data.
/// </remarks>
internal static class PreFetchCommands
{
    private const byte Immediate = 0x02;
    private const byte GroupNumber = 0x1F;

    /// <summary>What one command reads at most, bytes: a cache has its own idea of what is worth keeping.</summary>
    public const int MaximumBytes = 1 << 20;

    /// <summary>The rows.</summary>
    public static readonly ScsiCommandRow[] Rows =
    [
        // byte 1 IMMED, byte 2 LOGICAL BLOCK ADDRESS (4), byte 6 GROUP NUMBER, byte 7 PREFETCH LENGTH (2): 0 is up to the end
        Row("PRE-FETCH (10)", [OperationCode.PreFetch10, Immediate, 0xFF, 0xFF, 0xFF, 0xFF, GroupNumber, 0xFF, 0xFF, 0]),

        // byte 1 IMMED, byte 2 LOGICAL BLOCK ADDRESS (8), byte 10 PREFETCH LENGTH (4): 0 is up to the end, byte 14 GROUP NUMBER
        Row("PRE-FETCH (16)",
        [
            OperationCode.PreFetch16, Immediate, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, GroupNumber, 0,
        ]),
    ];

    private static ScsiCommandRow Row(string name, byte[] usage) => new()
    {
        Name = name,
        Usage = usage,
        Traits = ScsiTraits.AllowedThroughWriteExclusive,
        Memory = MemoryNeed.AllAtOnce,
        Begin = Begin,
        Execute = ReadAsync,
    };

    private static ScsiStep Begin(ScsiRequest r)
    {
        var unit = r.Unit!;
        var (lba, blockCount) = BlockAddress.Parse(r.Cdb, r.Row!.CdbLength);
        if (!BlockAddress.IsInside(r, lba, blockCount)) return ScsiStep.Done;
        var wanted = blockCount == 0 ? unit.Info.BlockCount - (long)lba : blockCount;
        // A device that takes no Store slot is memory: there is nothing to fetch. With IMMED the status does not wait for the blocks, and
        // fetching them after it would be work without memory to do it in.
        if (wanted == 0 || r.Cdb.Has(1, Immediate) || unit.Info.Store.ConcurrentRequests == 0) return r.Good();
        r.Work.Range = new BlockRange((long)lba, Math.Min(wanted, MaximumBytes / unit.Info.BlockSize));
        r.ScratchBytes = ScsiScratch.Bytes(unit, r.Work.Range.Count, gatheredBytes: 0);
        r.NeedsStore = true;
        return ScsiStep.Execute;
    }

    private static async ValueTask ReadAsync(ScsiRequest r)
    {
        var blockSize = r.Unit!.Info.BlockSize;
        var chunkBlocks = r.Scratch.Length / blockSize;
        for (long done = 0; done < r.Work.Range.Count;)
        {
            r.Cancellation.ThrowIfCancellationRequested();
            var count = (int)Math.Min(chunkBlocks, r.Work.Range.Count - done);
            r.SetWindow(r.Scratch, count * blockSize);
            await r.Unit.Device.ReadAsync(r.Work.Range.Lba + done, r.Window, r.Cancellation).ConfigureAwait(false);
            done += count;
        }
    }
}

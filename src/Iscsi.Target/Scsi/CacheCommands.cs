using Iscsi.Protocol.Scsi;

namespace Iscsi.Target.Scsi;

/// <summary>SYNCHRONIZE CACHE (SBC-3).</summary>
internal static class CacheCommands
{
    private const byte Immediate = 0x02;

    /// <summary>The rows.</summary>
    public static readonly ScsiCommandRow[] Rows =
    [
        // byte 1 IMMED, byte 2 LOGICAL BLOCK ADDRESS (4), byte 7 NUMBER OF LOGICAL BLOCKS (2): 0 is up to the end
        Row("SYNCHRONIZE CACHE (10)", [OperationCode.SynchronizeCache10, Immediate, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0xFF, 0xFF, 0]),

        // byte 1 IMMED, byte 2 LOGICAL BLOCK ADDRESS (8), byte 10 NUMBER OF LOGICAL BLOCKS (4): 0 is up to the end
        Row("SYNCHRONIZE CACHE (16)",
            [OperationCode.SynchronizeCache16, Immediate, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0]),
    ];

    private static ScsiCommandRow Row(string name, byte[] usage) => new()
    {
        Name = name,
        Usage = usage,
        Traits = ScsiTraits.Flushes,
        RecommendedTimeoutSeconds = 60,
        Begin = Begin,
        // The whole device is flushed, whatever the range: more than was asked for, never less. IMMED permits status before the
        // work is done; it comes with the work here, because nobody could be told of a failure later.
        Execute = static r => r.Unit!.FlushAsync(r.Cancellation),
    };

    private static ScsiStep Begin(ScsiRequest r)
    {
        var (lba, blockCount) = BlockAddress.Parse(r.Cdb, r.Row!.CdbLength);
        if (!BlockAddress.IsInside(r, lba, blockCount)) return ScsiStep.Done;
        r.NeedsStore = true;
        r.OnlyFlushes = true;
        return ScsiStep.Execute;
    }
}

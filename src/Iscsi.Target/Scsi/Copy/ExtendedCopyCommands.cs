using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;

namespace Iscsi.Target.Scsi.Copy;

/// <summary>EXTENDED COPY and COPY OPERATION ABORT (SPC-4).</summary>
/// <remarks>
/// PRIORITY and STR change nothing: segments are processed in their order, as fast as the disks go. IMMED and G_SENSE of LID4 neither: status
/// comes when the copy has ended, so that GOOD is never followed by a failure that nobody asks about.
/// </remarks>
internal static class ExtendedCopyCommands
{
    private const int LengthAt = 10;

    /// <summary>The rows.</summary>
    public static readonly ScsiCommandRow[] Rows =
    [
        Row("EXTENDED COPY(LID1)", OperationCode.ExtendedCopyLid1),
        Row("EXTENDED COPY(LID4)", OperationCode.ExtendedCopyLid4),

        // byte 2 LIST IDENTIFIER (4)
        new()
        {
            Name = "COPY OPERATION ABORT",
            Usage = [OperationCode.ThirdPartyCopyOut, OperationCode.CopyOperationAbort, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            ServiceAction = OperationCode.CopyOperationAbort,
            Traits = ScsiTraits.AllowedWhenStopped,
            Begin = BeginAbort,
            Execute = AbortAsync,
        },
    ];

    // byte 10 PARAMETER LIST LENGTH (4)
    private static ScsiCommandRow Row(string name, byte serviceAction) => new()
    {
        Name = name,
        Usage = [OperationCode.ThirdPartyCopyOut, serviceAction, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0],
        ServiceAction = serviceAction,
        Direction = DataDirection.Write,
        Memory = MemoryNeed.AllAtOnce,
        RecommendedTimeoutSeconds = 60,
        Begin = static r => r.CollectCopyList(LengthAt),
        StartCopy = Start,
    };

    /// <summary>Asks for a parameter list, and for memory to copy through; none of length 0, which is no error (SPC-4).</summary>
    public static ScsiStep CollectCopyList(this ScsiRequest r, int lengthAt)
    {
        var length = r.Cdb.UInt32(lengthAt);
        if (length == 0) return r.Good();
        if (length > CopyLimits.MaxParameterListBytes) return r.Fail(SenseKey.IllegalRequest, AdditionalSense.ParameterListLengthError);
        r.TransferLength = length;
        r.DataOutNeeded = (int)length;
        // Whole pages for the list: the copy goes through what is left of one burst, and asks for nothing more while it runs.
        r.ScratchBytes = Math.Min(ScsiLimits.MaxScratchBytes, r.Unit!.Limits.AllAtOnceBytes - (MemoryBudget.Blocks(length) * MemoryBudget.BlockBytes));
        return ScsiStep.Copy;
    }

    private static CopyOperation? Start(ScsiRequest r)
    {
        if (r.DataOut.Length < r.DataOutNeeded) return r.Refuse(AdditionalSense.ParameterListLengthError);
        if (!ExtendedCopyList.TryRead(r, r.Cdb.ServiceAction == OperationCode.ExtendedCopyLid4, out var list)) return null;
        var record = new CopyRecord(r.Nexus, list.ListIdentifier, r.Cdb.ServiceAction, list.IsIdentified);
        return r.TryBegin(record) ? new ExtendedCopyOperation(record, list) : null;
    }

    private static ScsiStep BeginAbort(ScsiRequest r) =>
        r.Unit!.Copies.Find(r.Nexus, r.Cdb.UInt32(2)) is null ? r.InvalidField(2) : ScsiStep.Execute;

    // Answered when the copy has ended: nothing of it moves then.
    private static async ValueTask AbortAsync(ScsiRequest r)
    {
        if (r.Unit!.Copies.Find(r.Nexus, r.Cdb.UInt32(2)) is not { } record) return;
        record.RequestAbort();
        await record.Ended.ConfigureAwait(false);
    }
}

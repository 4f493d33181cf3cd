using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;

namespace Iscsi.Target.Scsi.Media;

/// <summary>SANITIZE (SBC-3). CRYPTOGRAPHIC ERASE does not exist, because what is in a file is not encrypted.</summary>
internal static class SanitizeCommands
{
    private const byte Immediate = 0x80;
    private const byte AllowUnrestrictedExit = 0x20;
    private const int ListLengthOffset = 7;

    /// <summary>The rows. ZNR is for zoned devices, and reserved here.</summary>
    public static readonly ScsiCommandRow[] Rows =
    [
        // SBC-3: byte 1 IMMED, ZNR, AUSE, SERVICE ACTION (5), byte 7 PARAMETER LIST LENGTH (2)
        new()
        {
            Name = "SANITIZE, OVERWRITE",
            ServiceAction = OperationCode.SanitizeOverwrite,
            Usage = [OperationCode.Sanitize, Immediate | AllowUnrestrictedExit | OperationCode.SanitizeOverwrite, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0],
            Traits = ScsiTraits.Writes | ScsiTraits.RepairsMedium,
            Direction = DataDirection.Write,
            Memory = MemoryNeed.AllAtOnce,
            RecommendedTimeoutSeconds = MediumCommands.TimeoutSeconds,
            Begin = BeginOverwrite,
            Execute = OverwriteAsync,
        },
        new()
        {
            Name = "SANITIZE, BLOCK ERASE",
            ServiceAction = OperationCode.SanitizeBlockErase,
            Usage = [OperationCode.Sanitize, Immediate | AllowUnrestrictedExit | OperationCode.SanitizeBlockErase, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0],
            Traits = ScsiTraits.Writes | ScsiTraits.RepairsMedium,
            RecommendedTimeoutSeconds = MediumCommands.TimeoutSeconds,
            IsSupported = ScsiCapabilities.CanBlockErase,
            Begin = BeginBlockErase,
            Execute = static r => MediumCommands.StartAsync(
                r, Restrict(r, new MediumOperation(MediumWork.SanitizeBlockErase)), r.Cdb.Has(1, Immediate)),
        },
        new()
        {
            Name = "SANITIZE, EXIT FAILURE MODE",
            ServiceAction = OperationCode.SanitizeExitFailureMode,
            Usage = [OperationCode.Sanitize, Immediate | AllowUnrestrictedExit | OperationCode.SanitizeExitFailureMode, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0],
            Traits = ScsiTraits.RepairsMedium,
            RecommendedTimeoutSeconds = 60,
            Begin = BeginExitFailureMode,
            Execute = ExitFailureModeAsync,
        },
    ];

    private static ScsiStep BeginOverwrite(ScsiRequest r)
    {
        var length = r.Cdb.UInt16(ListLengthOffset);
        if (length <= OverwriteParameterList.HeaderSize || length > OverwriteParameterList.HeaderSize + r.Unit!.Info.BlockSize)
            return r.InvalidField(ListLengthOffset);
        return BreaksRestriction(r) ? ScsiStep.Done : MediumCommands.Abortable(r, r.CollectAll(length, scratchBytes: 0));
    }

    private static ValueTask OverwriteAsync(ScsiRequest r)
    {
        Span<byte> list = stackalloc byte[r.DataOut.Length];
        r.DataOut.CopyTo(0, list);
        return OverwriteParameterList.Parse(r, list) is { } operation
            ? MediumCommands.StartAsync(r, Restrict(r, operation), r.Cdb.Has(1, Immediate))
            : default;
    }

    private static ScsiStep BeginBlockErase(ScsiRequest r)
    {
        if (r.Cdb.UInt16(ListLengthOffset) != 0) return r.InvalidField(ListLengthOffset);
        return BreaksRestriction(r) ? ScsiStep.Done : MediumCommands.Abortable(r, ScsiStep.Execute);
    }

    // SBC-4, completing a sanitize operation: one that failed in the restricted completion mode is left only by another one, which then
    // must not be what can be left by EXIT FAILURE MODE.
    private static bool BreaksRestriction(ScsiRequest r)
    {
        if (!r.Cdb.Has(1, AllowUnrestrictedExit)) return false;
        if (r.Unit!.Medium.FailedOperation is not { IsSanitize: true, AllowsUnrestrictedExit: false }) return false;
        r.InvalidField(1, 5);
        return true;
    }

    private static MediumOperation Restrict(ScsiRequest r, MediumOperation operation) =>
        operation with { AllowsUnrestrictedExit = r.Cdb.Has(1, AllowUnrestrictedExit) };

    private static ScsiStep BeginExitFailureMode(ScsiRequest r)
    {
        if (r.Cdb.UInt16(ListLengthOffset) != 0) return r.InvalidField(ListLengthOffset);
        return r.Unit!.Medium.FailedOperation switch
        {
            null => r.Good(),
            // A format that failed is left by a format only.
            { IsSanitize: false } => r.Fail(SenseKey.MediumError, AdditionalSense.MediumFormatCorrupted),
            { AllowsUnrestrictedExit: false } => r.InvalidField(1, 4),
            _ => ScsiStep.Execute,
        };
    }

    private static async ValueTask ExitFailureModeAsync(ScsiRequest r)
    {
        var unit = r.Unit!;
        // A few flushes: not on the session's executor.
        var isSaved = await MediumCommands.TrySaveAsync(() =>
        {
            if (!unit.Medium.TryExitFailure()) r.InvalidField(1, 4);
        }).ConfigureAwait(false);
        if (!isSaved) r.Fail(SenseKey.HardwareError, AdditionalSense.InternalTargetFailure);
    }
}

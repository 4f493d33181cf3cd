using Iscsi.Protocol.Scsi;

namespace Iscsi.Target.Scsi.Media;

/// <summary>What the commands that start an operation on the whole medium have in common.</summary>
internal static class MediumCommands
{
    /// <summary>
    /// RECOMMENDED COMMAND TIMEOUT without IMMED: a terabyte at 200 MB/s takes an hour and a half, and a client should rather wait too long than
    /// believe that the operation has stopped.
    /// </summary>
    public const int TimeoutSeconds = 24 * 60 * 60;

    /// <summary>Lets the command be aborted while it waits, which stops its status and not the operation.</summary>
    public static ScsiStep Abortable(ScsiRequest r, ScsiStep step)
    {
        if (step is ScsiStep.CollectDataOut or ScsiStep.Execute) r.MakeAbortable();
        return step;
    }

    /// <summary>Accepts an operation, and waits for its end unless IMMED is set.</summary>
    public static async ValueTask StartAsync(ScsiRequest r, MediumOperation operation, bool isImmediate)
    {
        var medium = r.Unit!.Medium;
        Task<MediumOutcome>? run = null;
        var isSaved = await TrySaveAsync(async () => run = await medium.TryStartAsync(operation, r.Cancellation).ConfigureAwait(false)).ConfigureAwait(false);
        if (!isSaved)
        {
            r.Fail(SenseKey.HardwareError, AdditionalSense.InternalTargetFailure);
            return;
        }
        if (run is null)
        {
            // Another one came between, or too many disks are at it already.
            if (medium.RefuseBlocks() is { } sense) r.Fail(sense);
            else r.Busy();
            return;
        }
        if (isImmediate) return;
        switch (await run.WaitAsync(r.Cancellation).ConfigureAwait(false))
        {
            case MediumOutcome.Failed:
                r.Fail(SenseKey.MediumError, operation.CommandFailed);
                break;
            case MediumOutcome.Suspended:
                // The server stops; whoever asks the next one is told the progress.
                r.Busy();
                break;
        }
    }

    /// <summary>Does something with the unit's state, away from the session's executor.</summary>
    /// <returns>False: the state could not be written.</returns>
    public static Task<bool> TrySaveAsync(Action save) => TrySaveAsync(() => Task.Run(save));

    private static async Task<bool> TrySaveAsync(Func<Task> save)
    {
        try
        {
            await save().ConfigureAwait(false);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}

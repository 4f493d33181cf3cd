using Iscsi.Protocol.Scsi;
using Iscsi.Storage;
using Iscsi.Target.Scsi;

namespace Iscsi.Target.Tasks;

// The end of a task whose logical unit is taken away: unlike an abort it is answered, because the initiator has asked for nothing that would
// tell it otherwise, and would wait for its timeout.
internal sealed partial class TargetTask
{
    /// <summary>Whether the task belongs to a logical unit: is in its task set, or works on it, as a copy may on several.</summary>
    public bool IsOf(LogicalUnit unit) =>
        ReferenceEquals(_unit, unit) || ReferenceEquals(Request.Unit, unit) || Request.Copy is { } copy && copy.Touches(unit);

    /// <summary>
    /// Ends the task before its next step with the device: what the device has begun it finishes, data that are owed on an R2T are awaited,
    /// then the answer is LOGICAL UNIT NOT SUPPORTED, or the status that the work has come to.
    /// </summary>
    public void Terminate()
    {
        if (_isAborted || State is TaskState.Ended or TaskState.Free) return;
        _isTerminated = true;
        var isWaitOver = State switch
        {
            TaskState.WaitingForBurst => Session.Reserve!.Node.CancelWait(_burstWaiter),
            TaskState.WaitingForRange => RangeUnit.Ranges.CancelWait(_range),
            TaskState.WaitingForStore => _lane!.Node.CancelWait(_storeWaiter),
            _ => false,
        };
        if (isWaitOver) CompleteTerminated();
    }

    private void CompleteTerminated()
    {
        State = TaskState.Running;
        ReleaseStore();
        ReleaseRange();
        if (_plan is Plan.Copy) Request.Copy!.OnIoFailed(Request, UnitHasLeft());
        else Request.Fail(SenseKey.IllegalRequest, AdditionalSense.LogicalUnitNotSupported);
        Complete();
    }

    private static BlockDeviceException UnitHasLeft() => new(BlockDeviceError.Unavailable, "The logical unit is no longer served.");
}

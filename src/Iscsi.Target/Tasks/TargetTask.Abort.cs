using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;
using Iscsi.Target.Scsi;

namespace Iscsi.Target.Tasks;

// What the Control mode page says about aborted tasks: TAS, by which one that another nexus aborts ends with a status; QERR, by which a
// CHECK CONDITION aborts others.
internal sealed partial class TargetTask
{
    private bool _endsWithTaskAborted;

    // RFC 7144; SAM-5, status qualifier: scope 00b, this logical unit, and BUSY says to ask again in units of 100 ms.
    private ushort Qualifier => Request.Status == ScsiStatus.Busy && Session.Nexus.ProtocolLevel >= 2 ? (ushort)1 : (ushort)0;

    /// <summary>
    /// Stops a delivered task like <see cref="AbortAfterOwedData"/>, for another nexus: it ends with TASK ABORTED (SAM-5, TAS one). Who watches
    /// is told when it has stopped, before the status is sent: the peer may be slow to take it.
    /// </summary>
    public void AbortWithStatus()
    {
        if (_isAborted || State is TaskState.Ended or TaskState.Free) return;
        _endsWithTaskAborted = true;
        AbortAfterOwedData();
    }

    private void RespondTaskAborted()
    {
        _endsWithTaskAborted = false;
        if (Session.Channel.HasEnded)
        {
            End();
            return;
        }
        if (_unit is null)
        {
            // It waited for unsolicited data: nothing of it is known yet.
            _plan = Plan.None;
            _offsetBytes = 0;
        }
        _isAborted = false;
        _isDraining = false;
        _sending = null;
        ReleaseStore();
        ReleaseBurst();
        var watchers = _watchers;
        _watchers = null;
        Request.TaskAborted();
        if (TryEnterWire(WireStep.Response, out var grant)) SendResponse(grant);
        Tell(watchers);
    }

    // SPC-4, Control mode page, QERR. With a task set a nexus, 01b and 11b say the same: the other tasks of this nexus are aborted. They
    // are before the status is sent; none of them has one.
    private bool WaitsForQueueError()
    {
        if (Request.Status != ScsiStatus.CheckCondition || _unit is not { } unit) return false;
        if (unit.Control.QueueErrorManagement == QueueErrorManagement.Continue) return false;
        ReleaseRange();
        ReleaseStore();
        ReleaseBurst();
        PendingTasks = 1;
        State = TaskState.WaitingForTasks;
        Session.AbortOthers(this, unit);
        if (--PendingTasks == 0)
        {
            State = TaskState.Running;
            return false;
        }
        return true;
    }

    private void OnQueueErrorTaskEnded()
    {
        if (--PendingTasks != 0) return;
        State = TaskState.Running;
        if (_isAborted) FinishAborted();
        else CompleteNow();
    }
}

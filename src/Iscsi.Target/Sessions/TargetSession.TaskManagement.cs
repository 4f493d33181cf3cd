using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;
using Iscsi.Target.Diagnostics;
using Iscsi.Target.Scsi;
using Iscsi.Target.Scsi.PersistentReservations;
using Iscsi.Target.Tasks;

namespace Iscsi.Target.Sessions;

// Task management (RFC 7143, 11.5, 11.6; RFC 7144): a function is answered when the tasks it affects have ended, and none of them is answered after.
internal sealed partial class TargetSession
{
    private bool _isColdReset;

    private void OnTaskManagement(TargetTask function)
    {
        var request = new TaskManagementRequestPdu(in function.Header);
        TargetLog.TaskManagement(Core.Logger, InitiatorName, request.Function, request.Lun, request.ReferencedTaskTag);
        if (Target is null)
        {
            Answer(function, TaskManagementResponse.FunctionRejected);
            return;
        }
        LogicalUnit? unit = null;
        if (TaskManagementTable.Find(request.Function, Parameters.IscsiProtocolLevel) is not { } row)
        {
            Answer(function, request.Function == TaskManagementFunction.TaskReassign
                ? TaskManagementResponse.ReassignmentNotSupported
                : TaskManagementResponse.FunctionNotSupported);
        }
        else if (row.Scope == TaskManagementScope.Unit && !Target.Units.TryFind(request.Lun, out unit))
        {
            Answer(function, TaskManagementResponse.LunDoesNotExist);
        }
        else
        {
            row.Run(this, function, unit);
        }
    }

    /// <summary>A task that the function affects has ended.</summary>
    public void OnAffectedTaskEnded(TargetTask function)
    {
        if (--function.PendingTasks != 0) return;
        var kind = new TaskManagementRequestPdu(in function.Header).Function;
        var sessions = function.SessionsToEnd;
        Answer(function, TaskManagementResponse.FunctionComplete);
        // Posted, because the last task may have ended in the middle of what the channel completes.
        if (kind == TaskManagementFunction.TargetColdReset) Post(() => EndSessionsOfTarget(sessions));
        // RFC 7144: the session ends with its nexus.
        else if (kind == TaskManagementFunction.NexusReset) Post(() => EndAfterFlush(ConnectionEndReason.TargetReset));
    }

    /// <summary>ABORT TASK.</summary>
    public void AbortTask(TargetTask function)
    {
        var request = new TaskManagementRequestPdu(in function.Header);
        if (_tasks.TryGetValue(request.ReferencedTaskTag, out var task) && task.Header.Opcode == Opcode.ScsiCommand)
        {
            function.WaitForTasks();
            function.PendingTasks = 1;
            task.TellEnd(function);
            task.Abort();
            return;
        }
        // 11.6.1: the command may have been lost on its way; then its number counts as received.
        var fill = _window.FillHole(request.RefCmdSN, request.CmdSN, Now);
        Answer(function, fill == HoleFill.OutsideWindow ? TaskManagementResponse.TaskDoesNotExist : TaskManagementResponse.FunctionComplete);
    }

    /// <summary>ABORT TASK SET; and CLEAR TASK SET, because no other nexus is in this one's task set.</summary>
    public void AbortTaskSet(TargetTask function, LogicalUnit unit) => AbortTasksOf(function, [unit], null, isReset: false);

    /// <summary>LOGICAL UNIT RESET.</summary>
    public void ResetUnit(TargetTask function, LogicalUnit unit) => Reset(function, [unit], UnitAttention.LogicalUnitReset);

    /// <summary>TARGET WARM RESET, and TARGET COLD RESET up to its answer: every logical unit of the target is reset.</summary>
    public void ResetTarget(TargetTask function) => Reset(function, Target!.Units.Units.ToArray(), UnitAttention.HardReset);

    /// <summary>I_T NEXUS RESET: what the loss of this nexus does, for all logical units.</summary>
    public void ResetNexus(TargetTask function)
    {
        Target!.Units.ReleaseReservations(Nexus);
        AbortTasksOf(function, Target.Units.Units.ToArray(), null, isReset: false);
    }

    /// <summary>QUERY TASK.</summary>
    public void QueryTask(TargetTask function, LogicalUnit unit)
    {
        var request = new TaskManagementRequestPdu(in function.Header);
        var isThere = _tasks.TryGetValue(request.ReferencedTaskTag, out var task) && IsFor(task, unit) && !task.IsAborted;
        Answer(function, isThere ? TaskManagementResponse.FunctionSucceeded : TaskManagementResponse.FunctionComplete);
    }

    /// <summary>QUERY TASK SET.</summary>
    public void QueryTaskSet(TargetTask function, LogicalUnit unit)
    {
        var isThere = false;
        foreach (var task in _tasks.Values) isThere |= IsFor(task, unit) && !task.IsAborted;
        Answer(function, isThere ? TaskManagementResponse.FunctionSucceeded : TaskManagementResponse.FunctionComplete);
    }

    /// <summary>QUERY ASYNCHRONOUS EVENT: a unit attention condition stays, whoever asks for it this way.</summary>
    public void QueryAsynchronousEvent(TargetTask function, LogicalUnit unit)
    {
        var pending = Nexus.Pending(unit);
        if (pending == UnitAttention.None)
        {
            Answer(function, TaskManagementResponse.FunctionComplete);
            return;
        }
        // SAM-5, additional response information:
        //
        //      0| Reserved (2) | UADE DEPTH (2): 01b one, 10b more | SENSE KEY (4)
        //      1| ADDITIONAL SENSE CODE             2| ADDITIONAL SENSE CODE QUALIFIER
        const uint one = 0x10, more = 0x20;
        var first = pending.First();
        var sense = first.Sense();
        var depth = pending == first ? one : more;
        Answer(
            function,
            TaskManagementResponse.FunctionSucceeded,
            ((depth | (uint)SenseKey.UnitAttention) << 16) | ((uint)sense.Code << 8) | sense.Qualifier);
    }

    /// <summary>QERR: a command of this nexus ends with CHECK CONDITION and aborts the other delivered ones of its logical unit.</summary>
    public void AbortOthers(TargetTask failed, LogicalUnit unit)
    {
        var affected = Array.FindAll(
            _tasks.Values.ToArray(),
            task => !ReferenceEquals(task, failed) && IsFor(task, unit) && task.IsDelivered && !task.IsAborted);
        failed.PendingTasks += affected.Length;
        Stop([unit], affected, task =>
        {
            task.TellEnd(failed);
            task.Abort();
        });
    }

    // None of them starts because another one of them has ended.
    private void Stop(LogicalUnit[] units, TargetTask[] tasks, Action<TargetTask> stop)
    {
        foreach (var unit in units) TaskSets.Of(unit.Index).AddFence();
        foreach (var task in tasks) stop(task);
        foreach (var unit in units)
        {
            TaskSets.Of(unit.Index).RemoveFence();
            EnableDormant(unit);
        }
    }

    // The function itself counts as one, so that it isn't answered before all of them were told.
    private void AbortTasksOf(TargetTask function, LogicalUnit[] units, UnitReset? reset, bool isReset)
    {
        function.WaitForTasks();
        function.PendingTasks = 1;
        Stop(units, Array.FindAll(_tasks.Values.ToArray(), task => isReset ? WorksOnAny(task, units) : IsForAny(task, units)), task =>
        {
            function.PendingTasks++;
            task.TellEnd(function);
            task.AbortAfterOwedData();
        });
        if (reset is not null) function.PendingTasks++;
        OnAffectedTaskEnded(function);
    }

    // SAM-5, logical unit reset: TAS does not count, nobody's task gets a status; the unit attention says it.
    private void Reset(TargetTask function, LogicalUnit[] units, UnitAttention attention)
    {
        var others = SessionsOfTarget();
        function.SessionsToEnd = others;
        var reset = others.Length == 0 ? null : new UnitReset(() => Post(() => OnAffectedTaskEnded(function)), others.Length);
        foreach (var unit in units) unit.OnReset();
        AbortTasksOf(function, units, reset, isReset: true);
        foreach (var unit in units) Target!.Units.Raise(unit, attention);
        foreach (var other in others) other.Post(() => other.AbortForOther(units, reset!, isReset: true));
    }

    private TargetSession[] SessionsOfTarget() =>
        Array.FindAll(Core.Sessions.Snapshot(), s => !ReferenceEquals(s, this) && ReferenceEquals(s.Target, Target));

    // RFC 7143, 11.5.1: a cold reset is a power on event too, all sessions of the target are terminated.
    private void EndSessionsOfTarget(TargetSession[] others)
    {
        foreach (var session in others) session.Post(session.EndForColdReset);
        _isColdReset = true;
        EndAfterFlush(ConnectionEndReason.TargetReset);
    }

    private void EndForColdReset()
    {
        // A session that has not begun has lost nothing, and is told 29/00 as it is.
        if (!_isRunning) return;
        _isColdReset = true;
        if (_channel.HasEnded || _channel.IsClosing) return;
        if (!TryTakeControlEntry(out var entry)) return;
        AsyncMessagePdu.Write(_channel.HeaderOf(entry), new AsyncMessageFields
        {
            AsyncEvent = AsyncEvent.SessionDropped,
            StatSN = _statSN.Take(),
            ExpCmdSN = _window.Numbers.ExpCmdSN,
            MaxCmdSN = _window.Advertise(),
        });
        _channel.QueuePdu(entry);
        EndAfterFlush(ConnectionEndReason.TargetReset);
    }

    /// <inheritdoc/>
    Task IUnitTasks.AbortTasksAsync(LogicalUnit unit, IReadOnlyCollection<NexusName> nexuses)
    {
        var affected = Array.FindAll(SessionsOfTarget(), s => nexuses.Contains(s.Nexus.Name));
        if (affected.Length == 0) return Task.CompletedTask;
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var abort = new UnitReset(done.SetResult, affected.Length);
        foreach (var session in affected) session.Post(() => session.AbortForOther([unit], abort, isReset: false));
        return done.Task;
    }

    // Another session resets logical units, or has preempted this nexus on one.
    private void AbortForOther(LogicalUnit[] units, UnitReset reset, bool isReset)
    {
        // TAS is about delivered commands: one that is behind a hole in CmdSN will find the reservation changed.
        var withStatus = !isReset && units[0].Control.TaskAbortedStatus;
        var all = Array.FindAll(_tasks.Values.ToArray(), task => WorksOnAny(task, units) && (task.IsDelivered || !withStatus));
        // One that waits for other sessions' tasks itself has done its work: waiting for it could be waiting for oneself.
        foreach (var task in all)
            if (task.Request.AwaitsOtherTasks) task.Abort();
        var affected = Array.FindAll(all, static task => !task.Request.AwaitsOtherTasks);
        if (affected.Length == 0)
        {
            reset.SessionDone();
            return;
        }
        if (!isReset && !withStatus) Nexus.Raise(units[0], UnitAttention.CommandsCleared);
        var watch = new ResetWatch(reset, affected.Length);
        Stop(units, affected, task =>
        {
            task.TellEnd(watch);
            if (withStatus) task.AbortWithStatus();
            else task.AbortAfterOwedData();
        });
    }

    private bool WorksOnAny(TargetTask task, LogicalUnit[] units)
    {
        foreach (var unit in units)
            if (WorksOn(task, unit)) return true;
        return false;
    }

    private bool IsForAny(TargetTask task, LogicalUnit[] units)
    {
        foreach (var unit in units)
            if (IsFor(task, unit)) return true;
        return false;
    }

    private bool IsFor(TargetTask task, LogicalUnit unit) =>
        task.Header.Opcode == Opcode.ScsiCommand && ReferenceEquals(task.Session, this) &&
        Target!.Units.TryFind(task.Header.Lun, out var other) && ReferenceEquals(other, unit);

    // A third-party copy also works on other logical units than the one it was sent to: what is reset or preempted there stops it too, since
    // nothing of it may be written afterwards.
    private bool WorksOn(TargetTask task, LogicalUnit unit) =>
        IsFor(task, unit) || (task.Header.Opcode == Opcode.ScsiCommand && ReferenceEquals(task.Session, this) && task.Request.Copy is { } copy && copy.Touches(unit));

    private void Answer(TargetTask function, TaskManagementResponse response, uint additionalResponseInformation = 0)
    {
        if (TryTakeControlEntry(out var entry))
        {
            TaskManagementResponsePdu.Write(_channel.HeaderOf(entry), new TaskManagementResponseFields
            {
                Response = response,
                AdditionalResponseInformation = additionalResponseInformation,
                InitiatorTaskTag = function.InitiatorTaskTag,
                StatSN = _statSN.Take(),
                ExpCmdSN = _window.Numbers.ExpCmdSN,
                MaxCmdSN = _window.Advertise(),
            });
            _channel.QueuePdu(entry);
        }
        function.End();
    }
}

/// <summary>
/// A reset or PREEMPT AND ABORT that other sessions take part in: it goes on when all of them have ended their tasks.
/// </summary>
/// <param name="ended">Called once, on any thread.</param>
/// <param name="sessions">How many take part.</param>
internal sealed class UnitReset(Action ended, int sessions)
{
    private int _remaining = sessions;

    /// <summary>One session has ended its tasks. Any thread.</summary>
    public void SessionDone()
    {
        if (Interlocked.Decrement(ref _remaining) == 0) ended();
    }
}

/// <summary>Counts the affected tasks of one session.</summary>
internal sealed class ResetWatch(UnitReset reset, int tasks) : ITaskWatcher
{
    private int _remaining = tasks;

    public void OnTaskEnded()
    {
        if (--_remaining == 0) reset.SessionDone();
    }
}

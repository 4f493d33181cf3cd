using Iscsi.Protocol;
using Iscsi.Target.Diagnostics;
using Iscsi.Target.Scsi;
using Iscsi.Target.Scsi.PersistentReservations;
using Iscsi.Target.Tasks;

namespace Iscsi.Target.Sessions;

// Task management (RFC 7143, 11.5, 11.6): a function is answered when the tasks it affects have ended, and none of them is answered after.
internal sealed partial class TargetSession
{
    private void OnTaskManagement(TargetTask function)
    {
        var request = new TaskManagementRequestPdu(in function.Header);
        TargetLog.TaskManagement(Core.Logger, InitiatorName, request.Function, request.Lun, request.ReferencedTaskTag);
        if (Target is null)
        {
            Answer(function, TaskManagementResponse.FunctionRejected);
            return;
        }
        switch (request.Function)
        {
            case TaskManagementFunction.AbortTask:
                AbortTask(function, request);
                break;
            case TaskManagementFunction.AbortTaskSet:
            case TaskManagementFunction.ClearTaskSet:
                // The Control mode page says a task set a nexus (TST = 001b): clearing it is aborting it.
                if (Target.Units.TryFind(request.Lun, out var unit)) AbortTasksOf(function, unit, null, isReset: false);
                else Answer(function, TaskManagementResponse.LunDoesNotExist);
                break;
            case TaskManagementFunction.LogicalUnitReset:
                if (Target.Units.TryFind(request.Lun, out unit)) ResetUnit(function, unit);
                else Answer(function, TaskManagementResponse.LunDoesNotExist);
                break;
            default:
                Answer(function, request.Function == TaskManagementFunction.TaskReassign
                    ? TaskManagementResponse.ReassignmentNotSupported
                    : TaskManagementResponse.FunctionNotSupported);
                break;
        }
    }

    /// <summary>A task that the function affects has ended.</summary>
    public void OnAffectedTaskEnded(TargetTask function)
    {
        if (--function.PendingTasks == 0) Answer(function, TaskManagementResponse.FunctionComplete);
    }

    private void AbortTask(TargetTask function, TaskManagementRequestPdu request)
    {
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

    // The function itself counts as one, so that it isn't answered before all of them were told.
    private void AbortTasksOf(TargetTask function, LogicalUnit unit, UnitReset? reset, bool isReset)
    {
        function.WaitForTasks();
        function.PendingTasks = 1;
        var set = TaskSets.Of(unit.Index);
        set.AddFence(); // none of them starts because another one of them has ended
        foreach (var task in _tasks.Values.ToArray())
        {
            if (!(isReset ? WorksOn(task, unit) : IsFor(task, unit))) continue;
            function.PendingTasks++;
            task.TellEnd(function);
            task.AbortAfterOwedData();
        }
        set.RemoveFence();
        EnableDormant(unit);
        if (reset is not null) function.PendingTasks++;
        OnAffectedTaskEnded(function);
    }

    private void ResetUnit(TargetTask function, LogicalUnit unit)
    {
        var others = Array.FindAll(Core.Sessions.Snapshot(), s => !ReferenceEquals(s, this) && ReferenceEquals(s.Target, Target));
        var reset = others.Length == 0 ? null : new UnitReset(() => Post(() => OnAffectedTaskEnded(function)), others.Length);
        unit.Medium.OnReset();
        unit.Reservations.OnReset();
        unit.Copies.OnReset();
        unit.Modes.Reset();
        AbortTasksOf(function, unit, reset, isReset: true);
        Target!.Units.Raise(unit, UnitAttention.LogicalUnitReset);
        foreach (var other in others) other.Post(() => other.AbortForReset(unit, reset!));
    }

    /// <inheritdoc/>
    Task IUnitTasks.AbortTasksAsync(LogicalUnit unit, IReadOnlyCollection<NexusName> nexuses)
    {
        var affected = Array.FindAll(
            Core.Sessions.Snapshot(),
            s => !ReferenceEquals(s, this) && ReferenceEquals(s.Target, Target) && nexuses.Contains(s.Nexus.Name));
        if (affected.Length == 0) return Task.CompletedTask;
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var abort = new UnitReset(done.SetResult, affected.Length);
        foreach (var session in affected) session.Post(() => session.AbortForReset(unit, abort));
        return done.Task;
    }

    // Another session resets the logical unit, or has preempted this nexus there.
    private void AbortForReset(LogicalUnit unit, UnitReset reset)
    {
        var all = Array.FindAll(_tasks.Values.ToArray(), task => WorksOn(task, unit));
        // One that waits for other sessions' tasks itself has done its work: waiting for it could be waiting for oneself.
        foreach (var task in all)
            if (task.Request.AwaitsOtherTasks) task.Abort();
        var affected = Array.FindAll(all, static task => !task.Request.AwaitsOtherTasks);
        if (affected.Length == 0)
        {
            reset.SessionDone();
            return;
        }
        var watch = new ResetWatch(reset, affected.Length);
        var set = TaskSets.Of(unit.Index);
        set.AddFence();
        foreach (var task in affected)
        {
            task.TellEnd(watch);
            task.AbortAfterOwedData();
        }
        set.RemoveFence();
        EnableDormant(unit);
    }

    private bool IsFor(TargetTask task, LogicalUnit unit) =>
        task.Header.Opcode == Opcode.ScsiCommand && ReferenceEquals(task.Session, this) &&
        Target!.Units.TryFind(task.Header.Lun, out var other) && ReferenceEquals(other, unit);

    // A third-party copy also works on other logical units than the one it was sent to: what is reset or preempted there stops it too, since
    // nothing of it may be written afterwards.
    private bool WorksOn(TargetTask task, LogicalUnit unit) =>
        IsFor(task, unit) || (task.Header.Opcode == Opcode.ScsiCommand && ReferenceEquals(task.Session, this) && task.Request.Copy is { } copy && copy.Touches(unit));

    private void Answer(TargetTask function, TaskManagementResponse response)
    {
        if (TryTakeControlEntry(out var entry))
        {
            TaskManagementResponsePdu.Write(_channel.HeaderOf(entry), new TaskManagementResponseFields
            {
                Response = response,
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
/// A LOGICAL UNIT RESET or PREEMPT AND ABORT that other sessions take part in: it goes on when all of them have ended their tasks.
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

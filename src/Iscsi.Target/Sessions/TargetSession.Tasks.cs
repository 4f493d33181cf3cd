using Iscsi.Protocol;
using Iscsi.Target.Diagnostics;
using Iscsi.Target.Scsi;
using Iscsi.Target.Tasks;

namespace Iscsi.Target.Sessions;

// The tables of tasks and tags.
internal sealed partial class TargetSession
{
    // Both made for the first R2T: a session that only reads, or logs in and out, never needs them.
    private TaskTagAllocator? _transferTags;
    private TargetTask?[] _transfers = [];
    private readonly IgnoredTags _voidTags = new();
    private ulong _displaced;

    // A tag names one task while that exists (RFC 7143, 11.2.1.8): for the initiator until it has the status, which may be out while the
    // rest of its batch, and so the end of the task here, still waits for room in the socket.
    private bool TryAddTask(TargetTask task, uint initiatorTaskTag)
    {
        task.TableKey = initiatorTaskTag;
        if (_tasks.TryAdd(initiatorTaskTag, task)) return true;
        var answered = _tasks[initiatorTaskTag];
        if (!answered.HasAnswered) return false;
        _tasks.Remove(initiatorTaskTag);
        answered.TableKey = ++_displaced << 32;
        _tasks.Add(answered.TableKey, answered);
        _tasks.Add(initiatorTaskTag, task);
        return true;
    }

    /// <summary>A Target Transfer Tag for a task's R2Ts.</summary>
    public uint AllocateTransferTag(TargetTask task)
    {
        _transferTags ??= CreateTransferTags();
        if (!_transferTags.TryAllocate(out var tag, out var index))
            throw new InvalidOperationException("There are as many transfer tags as task slots.");
        _transfers[index] = task;
        return tag;
    }

    private TaskTagAllocator CreateTransferTags()
    {
        var tags = new TaskTagAllocator(Core.Budget.Limits.WindowCeiling + ImmediateSlots + 1);
        _transfers = new TargetTask?[tags.Capacity];
        return tags;
    }

    /// <summary>Gives a tag back; when data are still owed on it, they will be drained.</summary>
    public void FreeTransferTag(ref uint tag, bool isDrained)
    {
        if (!_transferTags!.TryFind(tag, out var index)) throw new InvalidOperationException("The transfer tag is not in use.");
        _transfers[index] = null;
        _transferTags.Free(tag);
        if (!isDrained) _voidTags.Add(tag);
        tag = TaskTag.Reserved;
    }

    /// <summary>A request has ended: its tag and its slot are free.</summary>
    public void OnTaskEnded(TargetTask task, LogicalUnit? unit)
    {
        _tasks.Remove(task.TableKey);
        if (task.ImmediateIndex >= 0) ReturnImmediateSlot(task);
        else _window.Return(task);
        if (unit is not null) EnableDormant(unit);
        AfterTaskEnded();
    }

    /// <summary>A stopped command owes unsolicited data: they will be drained.</summary>
    public void IgnoreLateData(uint initiatorTaskTag) => _ignored.Add(initiatorTaskTag);

    /// <summary>Runs the tasks of a logical unit that may run now that another one has ended.</summary>
    public void EnableDormant(LogicalUnit unit)
    {
        var set = TaskSets.Of(unit.Index);
        while (set.TakeEnabled() is { } next) next.Enable();
    }

    /// <summary>The task that a tag of the initiator names; null: there is none. On the executor.</summary>
    public TargetTask? FindTask(uint initiatorTaskTag) => _tasks.GetValueOrDefault(initiatorTaskTag);

    /// <summary>What the session is about, for a person who wonders why it does not end.</summary>
    public string Describe()
    {
        var tasks = _tasks.Values.Select(t =>
            $"{t.Header.Opcode} {t.InitiatorTaskTag:x8} {t.State}{(t.IsAborted ? " aborted" : "")}{(t.OwesData ? " owes data" : "")}");
        var state = _isClosed ? "closed" : _isConnectionGone ? "connection gone" : _channel is null ? "not started" : _channel.HasEnded ? "ending" : "open";
        return $"session {Tsih} of {InitiatorName}, {state}, {_channel?.EndReason}, orphan {OrphanedAt is not null}, replaced {_isReplaced}, " +
            $"immediate slots {_immediateInUse:x}, tasks: {string.Join("; ", tasks)}";
    }

    /// <summary>A device failed a request.</summary>
    public void OnDeviceError(TargetTask task, Exception error)
    {
        if (error is OperationCanceledException) return;
        TargetLog.DeviceError(Core.Logger, Target!.Name, task.Request.Unit?.Number ?? 0, InitiatorName, error.Message);
        Core.Metrics.DeviceError();
    }

    private void StopTasks(TargetTask? except = null)
    {
        if (_tasks.Count == 0) return;
        foreach (var task in _tasks.Values.ToArray())
            if (!ReferenceEquals(task, except) && task.State != TaskState.Free && ReferenceEquals(task.Session, this)) task.Abort();
    }
}

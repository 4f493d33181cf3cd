using Iscsi.Protocol;
using Iscsi.Target.Diagnostics;
using Iscsi.Target.Scsi;
using Iscsi.Target.Tasks;

namespace Iscsi.Target.Sessions;

// The tables of tasks and tags.
internal sealed partial class TargetSession
{
    private readonly TaskTagAllocator _transferTags;
    private readonly TargetTask?[] _transfers;
    private readonly IgnoredTags _voidTags = new();

    /// <summary>A Target Transfer Tag for a task's R2Ts.</summary>
    public uint AllocateTransferTag(TargetTask task)
    {
        if (!_transferTags.TryAllocate(out var tag, out var index))
            throw new InvalidOperationException("There are as many transfer tags as task slots.");
        _transfers[index] = task;
        return tag;
    }

    /// <summary>Gives a tag back; when data are still owed on it, they will be drained.</summary>
    public void FreeTransferTag(ref uint tag, bool isDrained)
    {
        if (!_transferTags.TryFind(tag, out var index)) throw new InvalidOperationException("The transfer tag is not in use.");
        _transfers[index] = null;
        _transferTags.Free(tag);
        if (!isDrained) _voidTags.Add(tag);
        tag = TaskTag.Reserved;
    }

    /// <summary>A request has ended: its tag and its slot are free.</summary>
    public void OnTaskEnded(TargetTask task, LogicalUnit? unit)
    {
        _tasks.Remove(task.InitiatorTaskTag);
        if (task.ImmediateIndex >= 0) ReturnImmediateSlot(task);
        else if (_isConnectionGone) _window.Discard(task);
        else _window.Return(task);
        if (unit is not null) EnableDormant(TaskSets.Of(unit.Index));
        AfterTaskEnded();
    }

    /// <summary>A device failed a request.</summary>
    public void OnDeviceError(TargetTask task, Exception error)
    {
        if (error is OperationCanceledException) return;
        TargetLog.DeviceError(Core.Logger, Target!.Name, task.Request.Unit?.Number ?? 0, InitiatorName, error.Message);
        Core.Metrics.DeviceError();
    }

    private static void EnableDormant(TaskSet<TargetTask> set)
    {
        while (set.TakeEnabled() is { } next) next.Enable();
    }

    private void StopTasks()
    {
        if (_tasks.Count == 0) return;
        foreach (var task in _tasks.Values.ToArray())
            if (task.State != TaskState.Free && ReferenceEquals(task.Session, this)) task.Abort();
    }
}

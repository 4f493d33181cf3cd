using Iscsi.Transport;
using Reservations;

namespace Iscsi.Initiator;

/// <content>How a call gets to the executor, to a slot, and back.</content>
public sealed partial class IscsiSession
{
    private readonly Lock _poolLock = new();
    private readonly SubmitWork _submitWork;
    private ScsiTask? _pool;

    // Submitted by any thread: a stack, which the executor takes as a whole and turns round.
    private ScsiTask? _inbox;

    private ScsiTaskQueue _atGate;
    private ScsiTaskQueue _ready;

    // Calls that the executor has taken in and that have not ended.
    private int _openCalls;

    private ScsiTask Rent()
    {
        lock (_poolLock)
        {
            if (_pool is { } task)
            {
                _pool = task.Next;
                task.Next = null;
                return task;
            }
        }
        return new ScsiTask(this);
    }

    internal void Return(ScsiTask task)
    {
        lock (_poolLock)
        {
            task.Next = _pool;
            _pool = task;
        }
    }

    internal void Post(ScsiTask task)
    {
        ScsiTask? head;
        do
        {
            head = Volatile.Read(ref _inbox);
            task.Next = head;
        }
        while (Interlocked.CompareExchange(ref _inbox, task, head) != head);
        _executor.Post(_submitWork);
    }

    private void TakeInbox()
    {
        ScsiTask? first = null;
        for (var task = Interlocked.Exchange(ref _inbox, null); task is not null;)
        {
            var next = task.Next;
            task.Next = first;
            first = task;
            task = next;
        }
        while (first is not null)
        {
            var task = first;
            first = task.Next;
            task.Next = null;
            _openCalls++;
            Admit(task);
        }
    }

    // G-Submit: nothing is held yet.
    private void Admit(ScsiTask task)
    {
        if (RefusalOfNewCalls() is { } refusal)
        {
            EndCall(task, refusal);
            return;
        }
        if (_memory.Node.Reserve(task.Flow, InitiatorLevels.SubmitGate, SessionMemory.SlotDemand, task.Waiter, out var slot))
        {
            OnSlotGranted(task, slot);
            return;
        }
        task.State = ScsiTaskState.AtGate;
        _atGate.Enqueue(task);
    }

    internal void OnSlotGranted(ScsiTask task, Grant slot)
    {
        if (task.State == ScsiTaskState.AtGate) _atGate.Remove(task);
        task.Slot = slot;
        if (task.CancelRequested)
        {
            EndCancelled(task);
            return;
        }
        if (RefusalOfNewCalls() is { } refusal)
        {
            EndCall(task, refusal);
            return;
        }
        MakeReady(task);
    }

    // A tag is taken anew for each try, so that a late PDU of the last try names nothing.
    private void MakeReady(ScsiTask task)
    {
        _tags.TryAllocate(out var tag, out var index);
        task.Tag = tag;
        task.Index = index;
        _slots[index].Task = task;
        task.State = ScsiTaskState.Ready;
        task.HasOutcome = false;
        task.Result = default;
        _ready.Enqueue(task);
        _activeCommands++;
    }

    private void FreeTag(ScsiTask task)
    {
        if (task.Index < 0) return;
        if (task.State == ScsiTaskState.Ready) _ready.Remove(task);
        StopSendingData(_slots[task.Index]);
        _slots[task.Index].Task = null;
        _tags.Free(task.Tag);
        task.Index = -1;
        _activeCommands--;
    }

    internal void Cancel(ScsiTask task)
    {
        if (task.CancelRequested) return;
        switch (task.State)
        {
            case ScsiTaskState.Submitted:
                task.CancelRequested = true;
                break;
            case ScsiTaskState.AtGate:
                task.CancelRequested = true;
                // Served already: then the slot is on its way, and is given back when it comes.
                if (!_memory.Node.CancelWait(task.Waiter)) break;
                _atGate.Remove(task);
                EndCancelled(task);
                break;
            case ScsiTaskState.Ready:
                EndCancelled(task);
                break;
            case ScsiTaskState.BackOff:
                LeaveBackOff(task);
                EndCancelled(task);
                break;
            case ScsiTaskState.Sent when !task.HasOutcome:
                task.CancelRequested = true;
                Send(new ControlRequest(ControlKind.AbortTask)
                {
                    Lun = task.Lun, Task = task, ReferencedTag = task.Tag, RefCmdSN = task.CmdSN,
                });
                break;
        }
    }

    private void EndCall(ScsiTask task)
    {
        ReleaseSlot(task);
        task.End();
    }

    private void EndCall(ScsiTask task, IscsiException failure)
    {
        ReleaseSlot(task);
        task.Fail(failure);
    }

    private void EndCancelled(ScsiTask task)
    {
        ReleaseSlot(task);
        task.EndCancelled();
    }

    private void ReleaseSlot(ScsiTask task)
    {
        FreeTag(task);
        if (!task.Slot.IsEmpty) task.Slot.Dispose();
        task.Slot = default;
        _openCalls--;
    }

    private sealed class SubmitWork(IscsiSession session) : SerialWork
    {
        protected override void Run() => session.TakeInbox();
    }
}

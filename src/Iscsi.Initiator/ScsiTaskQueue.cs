namespace Iscsi.Initiator;

/// <summary>A queue of tasks, linked through them: enqueueing and removing allocate nothing. A task is in one queue at a time.</summary>
internal struct ScsiTaskQueue
{
    private ScsiTask? _last;

    public ScsiTask? First { get; private set; }

    public void Enqueue(ScsiTask task)
    {
        task.Next = null;
        task.Previous = _last;
        if (_last is null) First = task;
        else _last.Next = task;
        _last = task;
    }

    public void Remove(ScsiTask task)
    {
        if (task.Previous is null) First = task.Next;
        else task.Previous.Next = task.Next;
        if (task.Next is null) _last = task.Previous;
        else task.Next.Previous = task.Previous;
        task.Next = null;
        task.Previous = null;
    }
}

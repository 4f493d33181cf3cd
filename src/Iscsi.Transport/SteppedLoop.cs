namespace Iscsi.Transport;

/// <summary>
/// A loop for simulations and for counting instructions: nothing runs until <see cref="Run"/>, and then on the caller's thread, in the order in
/// which it was queued. In-memory connections with it as their scheduler run on that one thread from accept to close.
/// </summary>
public sealed class SteppedLoop : WorkLoop
{
    private readonly Lock _lock = new();
    private readonly Queue<IThreadPoolWorkItem> _items = new();

    /// <summary>Creates an idle loop.</summary>
    public SteppedLoop() => Scheduler = new LoopScheduler(this);

    /// <summary>For <see cref="InMemoryTransportOptions.Scheduler"/>: all bytes that are there arrive, and completions run on the loop.</summary>
    public InMemoryTransportScheduler Scheduler { get; }

    /// <summary>Runs what is queued, and what that queues, until nothing is left.</summary>
    /// <returns>The number of items that ran.</returns>
    public int Run()
    {
        var count = 0;
        SetCurrent(this);
        try
        {
            while (TryTake(out var item))
            {
                item!.Execute();
                count++;
            }
        }
        finally
        {
            SetCurrent(null);
        }
        return count;
    }

    internal override void Queue(IThreadPoolWorkItem item)
    {
        lock (_lock) _items.Enqueue(item);
    }

    private bool TryTake(out IThreadPoolWorkItem? item)
    {
        lock (_lock) return _items.TryDequeue(out item);
    }

    private sealed class LoopScheduler(SteppedLoop loop) : InMemoryTransportScheduler
    {
        public override WorkLoop? Loop => loop;

        public override int NextReadBytes(InMemoryConnection reader, int availableBytes) => availableBytes;

        public override void Post(IThreadPoolWorkItem completion) => loop.Queue(completion);
    }
}

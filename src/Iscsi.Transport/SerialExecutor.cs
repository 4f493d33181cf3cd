namespace Iscsi.Transport;

/// <summary>
/// Work for a <see cref="SerialExecutor"/>: an object that is made once and posted many times, so that posting allocates nothing.
/// </summary>
public abstract class SerialWork
{
    internal SerialWork? Next;
    private int _posted;

    /// <summary>Creates work that never blocks.</summary>
    protected SerialWork()
    {
    }

    /// <summary>Creates work.</summary>
    /// <param name="mayBlock">Whether it may block its thread: then it runs on the thread pool, also for an executor that lives on a loop.</param>
    protected SerialWork(bool mayBlock) => MayBlock = mayBlock;

    internal bool MayBlock { get; }

    /// <summary>Runs on the executor. One post, one run; posts that come before the run are folded into it.</summary>
    protected internal abstract void Run();

    internal bool TryMarkPosted() => Interlocked.Exchange(ref _posted, 1) == 0;

    internal void ClearPosted() => Volatile.Write(ref _posted, 0);
}

/// <summary>Who is told when a <see cref="SerialExecutor"/> has run everything that was posted, or when a work item threw.</summary>
public interface ISerialOwner
{
    /// <summary>Everything that was posted has run: the place to flush what it produced.</summary>
    void OnBatchEnd();

    /// <summary>A work item threw: a fault of ours. The executor goes on.</summary>
    void OnFault(Exception exception);
}

/// <summary>
/// Runs posted work one item at a time, in the order of posting: on its home loop or, without one, on the thread pool; where the poster
/// allows it, at once on the posting thread, if that is the home. Nobody ever blocks on it. It is what makes a session a single
/// owner: its ledger needs no lock.
/// </summary>
public sealed class SerialExecutor : IThreadPoolWorkItem
{
    // After this many rounds the thread goes back to the pool, so that one busy session doesn't keep it.
    private const int MaxRounds = 64;

    // Work that is run in place may complete work of another executor, which would run in place on top of it, and so on: the
    // second one goes to the pool instead, which bounds the stack.
    [ThreadStatic] private static bool t_running;

    private SerialWork? _stack;
    private SerialWork? _rest; // taken off the stack and not run yet
    private WorkLoop? _home;
    private int _active;

    /// <summary>
    /// The loop on which work runs; null: the thread pool. May change at any time: what runs already goes on where it is.
    /// </summary>
    public WorkLoop? Home
    {
        get => Volatile.Read(ref _home);
        set => Volatile.Write(ref _home, value);
    }

    /// <summary>Told at the end of each batch. Set before the first post.</summary>
    public ISerialOwner? Owner { get; set; }

    /// <summary>Queues work. Any thread, never blocks, allocates nothing.</summary>
    /// <param name="work">The work; posting it again before it ran changes nothing.</param>
    /// <param name="mayRunHere">Whether it may run on this thread, now, if the executor is idle.</param>
    public void Post(SerialWork work, bool mayRunHere = false)
    {
        ArgumentNullException.ThrowIfNull(work);
        if (!work.TryMarkPosted()) return;
        SerialWork? head;
        do
        {
            head = Volatile.Read(ref _stack);
            work.Next = head;
        }
        while (Interlocked.CompareExchange(ref _stack, work, head) != head);

        if (Interlocked.CompareExchange(ref _active, 1, 0) != 0) return;
        if (mayRunHere && !t_running && Home is null or { IsCurrent: true }) RunBatches();
        else Queue();
    }

    void IThreadPoolWorkItem.Execute() => RunBatches();

    private void Queue()
    {
        if (Home is { } home) home.Queue(this);
        else ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    private void RunBatches()
    {
        t_running = true;
        try
        {
            for (var round = 0; ; round++)
            {
                if (!TryRunOnce())
                {
                    ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
                    return;
                }
                Volatile.Write(ref _active, 0);
                Interlocked.MemoryBarrier();
                if (Volatile.Read(ref _stack) is null || Interlocked.CompareExchange(ref _active, 1, 0) != 0) return;
                // On a loop the others have their turn first; queueing costs next to nothing there.
                if (round < MaxRounds && Home is null) continue;
                Queue();
                return;
            }
        }
        finally
        {
            t_running = false;
        }
    }

    // False: what comes next may block, and this is a loop's thread.
    private bool TryRunOnce()
    {
        var work = _rest ?? Reverse(Interlocked.Exchange(ref _stack, null));
        _rest = null;
        while (work is not null)
        {
            if (work.MayBlock && WorkLoop.IsOnLoop)
            {
                _rest = work;
                break;
            }
            var next = work.Next;
            work.Next = null;
            work.ClearPosted();
            try
            {
                work.Run();
            }
            catch (Exception e) when (Owner is not null)
            {
                Owner.OnFault(e);
            }
            work = next;
        }
        try
        {
            Owner?.OnBatchEnd();
        }
        catch (Exception e) when (Owner is not null)
        {
            Owner.OnFault(e);
        }
        return _rest is null;
    }

    private static SerialWork? Reverse(SerialWork? stack)
    {
        SerialWork? queue = null;
        while (stack is not null)
        {
            var next = stack.Next;
            stack.Next = queue;
            queue = stack;
            stack = next;
        }
        return queue;
    }
}

using System.Diagnostics;
using System.Runtime.Versioning;

namespace Iscsi.Transport;

// A turn of the loop:
//
//   run what was queued before the turn ─▶ nothing new queued? say "asleep", look once more ─▶ epoll_wait ─▶ events, in order ─┐
//     ▲                                                                                                                          │
//     └──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────┘
//
// What an item or an event queues on its own loop comes in the next turn, behind everybody else's events: a connection that always has
// more to do requeues itself and can't keep the others out.

/// <summary>One thread and its epoll set. Sockets are registered once, edge-triggered, so that waiting costs no call of its own.</summary>
[SupportedOSPlatform("linux")]
internal sealed unsafe class EpollLoop : WorkLoop
{
    private const int MaxEvents = 128;

    // Token 0 is the wake-up; a token is a slot of the table and its generation.
    private const ulong WakeToken = 0;

    // With one processor, who looks for input keeps the peer on the same machine from sending it.
    private static readonly long ExpectationTicks = Environment.ProcessorCount == 1 ? 0 : Stopwatch.Frequency / 20_000; // 50 µs

    private readonly Lock _lock = new();
    private readonly long _busyPollTicks;
    private readonly int _epoll;
    private readonly int _wake;
    private IThreadPoolWorkItem?[] _queue = new IThreadPoolWorkItem?[64];
    private IThreadPoolWorkItem?[] _running = new IThreadPoolWorkItem?[64];
    private EpollSource?[] _sources = new EpollSource?[64];
    private readonly Stack<int> _freeSlots = new();
    private int _queuedCount;
    private int _usedSlots = 1;
    private int _generation;
    private long _expectsUntil; // 0: nothing in particular
    private int _isAsleep;
    private int _sourceCount;
    private bool _isClosed;
    private volatile bool _stopping;

    public EpollLoop(int index, TimeSpan busyPoll)
    {
        _busyPollTicks = (long)(busyPoll.TotalSeconds * Stopwatch.Frequency);
        _epoll = EpollCalls.Create();
        _wake = EpollCalls.CreateEventCounter();
        // Edge-triggered, the counter need not be read back.
        EpollCalls.Add(_epoll, _wake, EpollCalls.In | EpollCalls.EdgeTriggered, WakeToken);
        new Thread(Run) { IsBackground = true, Name = $"iscsi loop {index}" }.Start();
    }

    /// <summary>Connections that it waits for.</summary>
    public int SourceCount => Volatile.Read(ref _sourceCount);

    /// <summary>Ends the thread after its turn.</summary>
    public void Stop()
    {
        _stopping = true;
        Wake();
    }

    /// <summary>Waits for a socket: <see cref="EpollSource.OnEvents"/> is called for each change, beginning with what it is now.</summary>
    /// <param name="fd">The socket.</param>
    /// <param name="source">Who is told.</param>
    /// <param name="events">What is waited for beside errors, and whether it is told by edges.</param>
    /// <exception cref="IOException">The system refuses.</exception>
    public void Add(int fd, EpollSource source, uint events)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isClosed, this);
            if (!_freeSlots.TryPop(out var slot))
            {
                slot = _usedSlots++;
                if (slot == _sources.Length) Array.Resize(ref _sources, slot * 2);
            }
            source.Token = ((ulong)(uint)++_generation << 32) | (uint)slot;
            Volatile.Write(ref _sources[slot], source);
            if (source.IsConnection) _sourceCount++;
        }
        try
        {
            EpollCalls.Add(_epoll, fd, events, source.Token);
        }
        catch
        {
            Forget(source);
            throw;
        }
    }

    /// <summary>Waits for something else from now on: what it is now is told as a change. The descriptor is open.</summary>
    /// <exception cref="IOException">The system refuses.</exception>
    public void Change(int fd, EpollSource source, uint events)
    {
        lock (_lock)
        {
            if (!_isClosed) EpollCalls.Change(_epoll, fd, events, source.Token);
        }
    }

    /// <summary>Waits no longer for a descriptor that stays open.</summary>
    public void Remove(int fd, EpollSource source)
    {
        lock (_lock)
        {
            if (!_isClosed) EpollCalls.Remove(_epoll, fd);
            Forget(source);
        }
    }

    /// <summary>Tells the source nothing any more; its descriptor is closed after that.</summary>
    public void Forget(EpollSource source)
    {
        lock (_lock)
        {
            var slot = (int)(uint)source.Token;
            if (!ReferenceEquals(_sources[slot], source)) return;
            _sources[slot] = null;
            _freeSlots.Push(slot);
            if (source.IsConnection) _sourceCount--;
        }
    }

    public override void ExpectInput()
    {
        if (ExpectationTicks != 0) _expectsUntil = Stopwatch.GetTimestamp() + ExpectationTicks;
    }

    internal override void Queue(IThreadPoolWorkItem item)
    {
        lock (_lock)
        {
            if (_isClosed)
            {
                ThreadPool.UnsafeQueueUserWorkItem(item, preferLocal: false);
                return;
            }
            if (_queuedCount == _queue.Length) Array.Resize(ref _queue, _queuedCount * 2);
            _queue[_queuedCount++] = item;
        }
        if (IsCurrent) return;
        // Either we see that it sleeps, or it sees the item before it does.
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref _isAsleep) != 0 && Interlocked.Exchange(ref _isAsleep, 0) != 0) Wake();
    }

    private void Wake()
    {
        lock (_lock)
        {
            if (!_isClosed) EpollCalls.Signal(_wake);
        }
    }

    private void Run()
    {
        SetCurrent(this);
        var events = stackalloc byte[MaxEvents * EpollCalls.EventSize];
        while (!_stopping)
        {
            RunQueue();
            var count = WaitForEvents(events);
            for (var i = 0; i < count; i++)
            {
                var record = events + (i * EpollCalls.EventSize);
                var token = EpollCalls.DataOf(record);
                if (token == WakeToken) continue;
                var source = Volatile.Read(ref Volatile.Read(ref _sources)[(int)(uint)token]);
                // Else it was removed after the event was told, and the slot is perhaps another's.
                if (source is not null && source.Token == token) source.OnEvents(EpollCalls.EventsOf(record));
            }
        }
        SetCurrent(null);
        Close();
    }

    // What is still queued, and what will be, runs on the pool: nobody waits for it in vain.
    private void Close()
    {
        lock (_lock)
        {
            _isClosed = true;
            EpollCalls.CloseDescriptor(_wake);
            EpollCalls.CloseDescriptor(_epoll);
            for (var i = 0; i < _queuedCount; i++) ThreadPool.UnsafeQueueUserWorkItem(_queue[i]!, preferLocal: false);
            _queuedCount = 0;
        }
    }

    private int WaitForEvents(byte* events)
    {
        if (Volatile.Read(ref _queuedCount) != 0) return EpollCalls.Wait(_epoll, events, MaxEvents, 0);
        if (_busyPollTicks > 0 && Poll(events, Stopwatch.GetTimestamp() + _busyPollTicks) is > 0 and var found) return found;
        if (_expectsUntil != 0)
        {
            if (Poll(events, _expectsUntil) is > 0 and var expected) return expected;
            if (Volatile.Read(ref _queuedCount) == 0) _expectsUntil = 0;
        }
        Interlocked.Exchange(ref _isAsleep, 1);
        var count = EpollCalls.Wait(_epoll, events, MaxEvents, Volatile.Read(ref _queuedCount) != 0 || _stopping ? 0 : -1);
        Volatile.Write(ref _isAsleep, 0);
        return count;
    }

    private int Poll(byte* events, long until)
    {
        do
        {
            var count = EpollCalls.Wait(_epoll, events, MaxEvents, 0);
            if (count > 0 || Volatile.Read(ref _queuedCount) != 0) return count;
        }
        while (Stopwatch.GetTimestamp() < until);
        return 0;
    }

    // What was queued before: what these queue comes in the next turn.
    private void RunQueue()
    {
        if (Volatile.Read(ref _queuedCount) == 0) return;
        int count;
        lock (_lock)
        {
            (_queue, _running) = (_running, _queue);
            count = _queuedCount;
            _queuedCount = 0;
        }
        for (var i = 0; i < count; i++)
        {
            var item = _running[i]!;
            _running[i] = null;
            item.Execute();
        }
    }
}

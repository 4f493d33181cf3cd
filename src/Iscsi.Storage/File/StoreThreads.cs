using System.Diagnostics;

namespace Iscsi.Storage;

/// <summary>
/// The threads of one file device. A call beyond their number waits in a first-in-first-out list of the requests themselves, so
/// nothing is allocated and nothing is lost; how many wait is bounded by who calls.
/// </summary>
/// <remarks>
/// Writes to the page cache exclude each other in the file (its inode's lock), and take less time than to wake a thread. So one thread at a time
/// does all those that have come, one after the other, and then tells their callers: who is woken by the first finds the others done too, and
/// comes back with as many. What is durable, or passes the cache, waits for a device, and is done side by side.
/// </remarks>
internal sealed class StoreThreads(FileBackend backend, ActivityGate gate, int maxThreads)
{
    // So long may a write that is done wait for those after it, before its caller is told.
    private static readonly long PatienceTicks = Stopwatch.Frequency / 10_000; // 100 µs

    // Monitor and not Lock, for Wait and Pulse.
    private readonly object _sync = new();
    private StoreRequestList _cachedWrites;
    private StoreRequestList _others;
    private StoreRequest? _pool;
    private bool _isWriting; // a thread does cached writes, and looks for more when they are done
    private int _waiting; // threads that wait and have not been woken
    private int _started;
    private bool _stopping;

    /// <summary>Starts the threads, so that a lack of them shows when the device is opened.</summary>
    public void Start()
    {
        while (Volatile.Read(ref _started) < maxThreads) StartOne();
    }

    public StoreRequest Rent()
    {
        lock (_sync)
        {
            if (_pool is not { } request) return new StoreRequest(this);
            _pool = request.Next;
            request.Next = null;
            return request;
        }
    }

    public void Return(StoreRequest request)
    {
        lock (_sync)
        {
            request.Next = _pool;
            _pool = request;
        }
    }

    /// <summary>Hands a request over. The caller has entered the gate; the request leaves it.</summary>
    public void Submit(StoreRequest request)
    {
        // Devices that hardly ever need a thread start them only now.
        if (Volatile.Read(ref _started) == 0) Start();
        lock (_sync)
        {
            if (backend.CachesWrites && request is { What: StoreRequest.Operation.Write, IsDurable: false })
            {
                _cachedWrites.Add(request);
                if (_isWriting) return;
            }
            else _others.Add(request);
            WakeOne(); // if there is none, a busy thread takes it when it is done
        }
    }

    /// <summary>Lets the threads end. No request is there any more, because the gate is closed and empty.</summary>
    public void Stop()
    {
        lock (_sync)
        {
            _stopping = true;
            Monitor.PulseAll(_sync);
        }
    }

    private void StartOne()
    {
        lock (_sync)
        {
            if (_started == maxThreads) return;
            var thread = new Thread(Run) { IsBackground = true, Name = $"store {Path.GetFileName(backend.Path)}" };
            thread.Start();
            _started++;
        }
    }

    private void Run()
    {
        var isWriter = false;
        while (Take(ref isWriter) is { } request)
        {
            for (var next = request; next is not null;) next = RunSome(next);
        }
    }

    /// <summary>Runs a list until it ends or a caller should not wait any longer, and tells the callers.</summary>
    /// <returns>The rest of the list.</returns>
    private StoreRequest? RunSome(StoreRequest first)
    {
        var end = Stopwatch.GetTimestamp() + PatienceTicks;
        var rest = first;
        do
        {
            rest.Run(backend);
            gate.Leave(); // before the caller goes on, who may dispose the device
            rest = rest.Next;
        }
        while (rest is not null && Stopwatch.GetTimestamp() < end);
        for (var request = first; request != rest;)
        {
            var next = request!.Next;
            request.Next = null;
            request.End();
            request = next;
        }
        return rest;
    }

    private StoreRequest? Take(ref bool isWriter)
    {
        lock (_sync)
        {
            if (isWriter)
            {
                isWriter = _isWriting = false;
                // By turns, or writes that never end would keep an only thread from everything else.
                if (_others.Take() is { } other)
                {
                    if (!_cachedWrites.IsEmpty) WakeOne();
                    return other;
                }
            }
            while (true)
            {
                if (!_isWriting && _cachedWrites.TakeAll() is { } writes)
                {
                    isWriter = _isWriting = true;
                    return writes;
                }
                if (_others.Take() is { } other) return other;
                if (_stopping) return null;
                _waiting++;
                Monitor.Wait(_sync);
            }
        }
    }

    private void WakeOne()
    {
        if (_waiting == 0) return;
        _waiting--;
        Monitor.Pulse(_sync);
    }
}

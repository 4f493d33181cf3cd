using System.Diagnostics;

namespace Iscsi.Storage;

/// <summary>
/// The threads of one file device. A call beyond their number waits in a first-in-first-out list of the requests themselves, so
/// nothing is allocated and nothing is lost; how many wait is bounded by who calls.
/// </summary>
/// <remarks>
/// Writes to the page cache take less time than to wake a thread, and most exclude each other in the file (its inode's lock). So one thread at a
/// time does all those that have come, one after the other, and then tells their callers: who is woken by the first finds the others done too,
/// and comes back with as many. Those that are durable too wait for the disk after they had the lock: a few at a time, more contend for it.
/// Reads, and what passes the cache, wait for the disk only, and are done side by side.
/// </remarks>
internal sealed class StoreThreads
{
    // Measured on ext4: with 16 they take 1.25 times the processor time, and are slower.
    private const int MostDurableWrites = 4;

    // So long may a write that is done wait for those after it, before its caller is told.
    private static readonly long PatienceTicks = Stopwatch.Frequency / 10_000; // 100 µs

    private readonly FileBackend _backend;
    private readonly ActivityGate _gate;
    private readonly int _maxThreads;
    private readonly Lock _sync = new();
    private readonly Queue[] _queues = new Queue[3]; // by Kind
    private StoreRequest? _pool;
    private StoreThread? _resting; // the last that came first: what it uses is in a cache, and its processor likely awake
    private int _started;
    private bool _stopping;

    public StoreThreads(FileBackend backend, ActivityGate gate, int maxThreads)
    {
        _backend = backend;
        _gate = gate;
        _maxThreads = maxThreads;
        _queues[(int)Kind.CachedWrite].Most = 1;
        _queues[(int)Kind.DurableWrite].Most = MostDurableWrites;
        _queues[(int)Kind.Other].Most = maxThreads;
    }

    private enum Kind
    {
        CachedWrite,
        DurableWrite,
        Other,
    }

    /// <summary>Starts the threads, so that a lack of them shows when the device is opened.</summary>
    public void Start()
    {
        while (Volatile.Read(ref _started) < _maxThreads) StartOne();
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
        StoreThread? thread;
        lock (_sync)
        {
            var kind = KindOf(request);
            _queues[(int)kind].Requests.Add(request);
            thread = CallOne(kind); // if there is none, a busy thread takes it when it is done
        }
        thread?.Rest.Wake();
    }

    /// <summary>Lets the threads end. No request is there any more, because the gate is closed and empty.</summary>
    public void Stop()
    {
        lock (_sync)
        {
            _stopping = true;
            for (; _resting is { } thread; _resting = thread.Next) thread.Rest.Wake();
        }
    }

    private Kind KindOf(StoreRequest request)
    {
        if (request.What != StoreRequest.Operation.Write) return Kind.Other;
        if (request.IsDurable) return _backend.LocksWrites ? Kind.DurableWrite : Kind.Other;
        return _backend.IsCachedWrite(request.OffsetBytes, request.List!.Length) ? Kind.CachedWrite : Kind.Other;
    }

    private void StartOne()
    {
        lock (_sync)
        {
            if (_started == _maxThreads) return;
            var self = new StoreThread();
            new Thread(() => Run(self)) { IsBackground = true, Name = $"store {Path.GetFileName(_backend.Path)}" }.Start();
            _started++;
        }
    }

    private void Run(StoreThread self)
    {
        while (Take(self) is { } request)
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
            rest.Run(_backend);
            _gate.Leave(); // before the caller goes on, who may dispose the device
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

    /// <summary>Takes what is to be done next: one request, or all cached writes.</summary>
    private StoreRequest? Take(StoreThread self)
    {
        while (true)
        {
            StoreThread? other = null;
            StoreRequest? request;
            lock (_sync)
            {
                request = TakeNext(self, ref other);
                if (request is null)
                {
                    if (_stopping) return null;
                    self.Next = _resting;
                    _resting = self;
                }
            }
            other?.Rest.Wake();
            if (request is not null) return request;
            self.Rest.Wait();
        }
    }

    private StoreRequest? TakeNext(StoreThread self, ref StoreThread? other)
    {
        var first = Kind.CachedWrite;
        var hasDone = self.Doing;
        if (self.CalledFor is { } called)
        {
            _queues[(int)called].Called--;
            first = called;
        }
        else if (hasDone is { } done)
        {
            _queues[(int)done].Running--;
            first = done + 1; // by turns, or writes that never end would keep an only thread from everything else
        }
        self.CalledFor = self.Doing = null;
        for (var i = 0; i < _queues.Length; i++)
        {
            var kind = (Kind)(((int)first + i) % _queues.Length);
            ref var queue = ref _queues[(int)kind];
            if (queue.Running == queue.Most || queue.Requests.IsEmpty) continue;
            queue.Running++;
            self.Doing = kind;
            // Nobody was called for what came while there were enough for its kind.
            if (hasDone is { } left && left != kind && !_queues[(int)left].Requests.IsEmpty) other = CallOne(left);
            return kind == Kind.CachedWrite ? queue.Requests.TakeAll() : queue.Requests.Take();
        }
        return null;
    }

    private StoreThread? CallOne(Kind kind)
    {
        ref var queue = ref _queues[(int)kind];
        if (_resting is not { } thread || queue.Running + queue.Called >= queue.Most) return null;
        _resting = thread.Next;
        thread.Next = null;
        thread.CalledFor = kind;
        queue.Called++;
        return thread;
    }

    private struct Queue
    {
        public StoreRequestList Requests;

        /// <summary>Threads that may do them at a time.</summary>
        public int Most;

        /// <summary>Threads that do them.</summary>
        public int Running;

        /// <summary>Threads that were woken for them, and have not looked yet.</summary>
        public int Called;
    }

    private sealed class StoreThread
    {
        /// <summary>The next one that rests.</summary>
        public StoreThread? Next { get; set; }

        public ThreadRest Rest { get; } = ThreadRest.Create();

        public Kind? CalledFor { get; set; }

        public Kind? Doing { get; set; }
    }
}

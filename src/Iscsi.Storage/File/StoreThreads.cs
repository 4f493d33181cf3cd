namespace Iscsi.Storage;

/// <summary>
/// The threads of one file device. A call beyond their number waits in a first-in-first-out list of the requests themselves, so
/// nothing is allocated and nothing is lost; how many wait is bounded by who calls.
/// </summary>
internal sealed class StoreThreads(FileBackend backend, ActivityGate gate, int maxThreads)
{
    // Monitor and not Lock, for Wait and Pulse.
    private readonly object _sync = new();
    private StoreRequest? _first;
    private StoreRequest? _last;
    private StoreRequest? _pool;
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
            if (_last is null) _first = request;
            else _last.Next = request;
            _last = request;
            if (_waiting == 0) return; // a busy thread takes it when it is done
            _waiting--;
            Monitor.Pulse(_sync);
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
        while (Take() is { } request)
        {
            var result = 0;
            Exception? error = null;
            try
            {
                result = request.Execute(backend);
            }
            catch (Exception e)
            {
                error = e; // handed to the caller, whatever it is
            }
            gate.Leave(); // before the caller goes on, who may dispose the device
            if (error is null) request.Complete(result);
            else request.Fail(error);
        }
    }

    private StoreRequest? Take()
    {
        lock (_sync)
        {
            while (_first is null)
            {
                if (_stopping) return null;
                _waiting++;
                Monitor.Wait(_sync);
            }
            var request = _first;
            _first = request.Next;
            if (_first is null) _last = null;
            request.Next = null;
            return request;
        }
    }
}

namespace Iscsi.Storage;

/// <summary>
/// Flushes of one file that come while a sync runs share the next one. They wait as a list of requests for the one thread that syncs, so
/// a flush takes no store thread, however many wait.
/// </summary>
/// <remarks>
/// <code>
///   flushes      a   b c d        e
///   syncs        |a....|bcd.......|e....|
/// </code>
/// A sync serves those that were here before it began, never one that came while it ran: writes that completed before that one was called
/// may have come too late for it.
/// </remarks>
internal sealed class FlushGroup(FileBackend backend, ActivityGate gate)
{
    private readonly Lock _sync = new();
    private readonly ThreadRest _rest = ThreadRest.Create();
    private StoreRequestList _requests;
    private bool _isResting;
    private bool _isStopping;

    /// <summary>Starts the thread, so that a lack of it shows when the device is opened.</summary>
    public void Start() => new Thread(Run) { IsBackground = true, Name = $"flush {Path.GetFileName(backend.Path)}" }.Start();

    /// <summary>Takes a flush on. The caller has entered the gate; the request leaves it.</summary>
    public void Join(StoreRequest request)
    {
        lock (_sync)
        {
            _requests.Add(request);
            if (!_isResting) return; // it comes by itself when the sync that runs has ended
            _isResting = false;
        }
        _rest.Wake();
    }

    /// <summary>Lets the thread end. No request is there any more, because the gate is closed and empty.</summary>
    public void Stop()
    {
        lock (_sync) _isStopping = true;
        _rest.Wake();
    }

    private void Run()
    {
        while (TakeAll() is { } first)
        {
            Exception? error = null;
            try
            {
                backend.Sync();
            }
            catch (Exception e)
            {
                error = e; // handed to the callers, whatever it is
            }
            End(first, error);
        }
    }

    private StoreRequest? TakeAll()
    {
        while (true)
        {
            lock (_sync)
            {
                var first = _requests.TakeAll();
                if (first is not null || _isStopping) return first;
                _isResting = true;
            }
            _rest.Wait();
        }
    }

    private void End(StoreRequest first, Exception? error)
    {
        // All of them, before a caller goes on who may dispose the device and wait for it.
        for (var request = first; request is not null; request = request.Next) gate.Leave();
        for (var request = first; request is not null;)
        {
            var next = request.Next;
            request.Next = null;
            if (error is null) request.Complete(0);
            else request.Fail(ReferenceEquals(request, first) ? error : Copy(error));
            request = next;
        }
    }

    /// <summary>Everybody has an exception of its own: one that is thrown twice loses the first stack.</summary>
    private static Exception Copy(Exception error) =>
        error is BlockDeviceException e ? new BlockDeviceException(e.Error, e.Message, e) : error;
}

namespace Iscsi.Storage;

/// <summary>
/// Keeps the success of one sync from overtaking the failure of another.
/// </summary>
/// <remarks>
/// The kernel reports a failed write-back once per open file: of two syncs at the same time one answers with the error and the
/// other, for the same lost data, with success. So a sync that succeeded waits for those that were running when it ended; if one
/// of them failed, it has latched the file before it left here.
/// </remarks>
internal sealed class SyncFence
{
    // Monitor and not Lock, for Wait and Pulse.
    private readonly object _sync = new();
    private readonly List<long> _running = new(64); // ascending; as many as threads
    private long _lastTicket;
    private volatile bool _isBusy;

    /// <summary>Whether a sync runs, at some moment just now.</summary>
    public bool IsBusy => _isBusy;

    /// <summary>Before the system call.</summary>
    public long Begin()
    {
        lock (_sync)
        {
            _running.Add(++_lastTicket);
            _isBusy = true;
            return _lastTicket;
        }
    }

    /// <summary>After the system call, and after its failure was latched.</summary>
    public void End(long ticket, bool hasSucceeded)
    {
        lock (_sync)
        {
            _running.Remove(ticket);
            _isBusy = _running.Count > 0;
            Monitor.PulseAll(_sync);
            if (!hasSucceeded) return;
            // Later ones can only report what was lost after this one has ended.
            var last = _lastTicket;
            while (_running.Count > 0 && _running[0] <= last) Monitor.Wait(_sync);
        }
    }
}

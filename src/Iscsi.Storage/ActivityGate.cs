namespace Iscsi.Storage;

/// <summary>
/// Counts the calls inside a device, so that what they use is released after the last one has left and not under its hands.
/// </summary>
internal sealed class ActivityGate
{
    private const long Closed = 1L << 62;

    private readonly TaskCompletionSource _empty = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _state; // number of calls inside, plus Closed

    public bool IsClosed => (Volatile.Read(ref _state) & Closed) != 0;

    /// <exception cref="ObjectDisposedException">The gate is closed.</exception>
    public void Enter(object owner)
    {
        ObjectDisposedException.ThrowIf(!TryEnter(), owner);
    }

    /// <summary>Enters, unless the gate is closed.</summary>
    public bool TryEnter()
    {
        if ((Interlocked.Increment(ref _state) & Closed) == 0) return true;
        Leave();
        return false;
    }

    public void Leave()
    {
        if (Interlocked.Decrement(ref _state) == Closed) _empty.TrySetResult();
    }

    /// <summary>Closes the gate and waits until all have left.</summary>
    /// <returns>True for the call that closed it, after which the resources can be released.</returns>
    public async ValueTask<bool> CloseAsync()
    {
        var before = Interlocked.Or(ref _state, Closed);
        if (before == 0) _empty.TrySetResult();
        await _empty.Task.ConfigureAwait(false);
        return (before & Closed) == 0;
    }
}

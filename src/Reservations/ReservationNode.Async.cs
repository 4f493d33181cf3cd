namespace Reservations;

/// <summary>The awaitable form of waiting.</summary>
public sealed partial class ReservationNode
{
    private readonly Lock _asyncLock = new();
    private AsyncGrantWaiter? _freeAsync;

    // Cancelled by other threads, for the owner to take in: a stack as that of posted releases.
    private AsyncGrantWaiter? _cancelled;

    /// <summary>As <see cref="Reserve"/>, awaitable. Cancelling removes the waiter; a grant that was given meanwhile is returned.</summary>
    /// <param name="flow">Who will hold it.</param>
    /// <param name="gate">Where it waits.</param>
    /// <param name="demand">All or nothing.</param>
    /// <param name="cancellationToken">Ends the wait with <see cref="OperationCanceledException"/>, told from the owner's execution.</param>
    /// <remarks>Continuations run inside <see cref="ProcessPosted"/>, or on the releasing thread for a shared node.</remarks>
    /// <exception cref="ReservationOrderException">The flow holds a rank that is not above the demand's.</exception>
    /// <exception cref="BudgetException">The demand exceeds what the node may ever hold.</exception>
    public ValueTask<Grant> ReserveAsync(Flow flow, Gate gate, Demand demand, CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested) return ValueTask.FromCanceled<Grant>(cancellationToken);
        var waiter = RentAsync();
        bool taken;
        Grant grant;
        try
        {
            taken = Reserve(flow, gate, demand, waiter, out grant);
        }
        catch
        {
            ReturnAsync(waiter);
            throw;
        }
        if (taken)
        {
            ReturnAsync(waiter);
            return new ValueTask<Grant>(grant);
        }
        return waiter.Start(cancellationToken);
    }

    internal void ReturnAsync(AsyncGrantWaiter waiter)
    {
        lock (_asyncLock)
        {
            waiter.NextFree = _freeAsync;
            _freeAsync = waiter;
        }
    }

    /// <summary>From the token's thread: the owner shall remove the waiter.</summary>
    internal void PostCancel(AsyncGrantWaiter waiter)
    {
        if (_sync is not null)
        {
            if (CancelWait(waiter)) waiter.EndCancelled();
            return;
        }
        var head = Volatile.Read(ref _cancelled);
        while (true)
        {
            waiter.NextFree = head;
            var seen = Interlocked.CompareExchange(ref _cancelled, waiter, head);
            if (seen == head) break;
            head = seen;
        }
        Notify();
    }

    private AsyncGrantWaiter RentAsync()
    {
        lock (_asyncLock)
        {
            var waiter = _freeAsync;
            if (waiter is null) return new AsyncGrantWaiter(this);
            _freeAsync = waiter.NextFree;
            waiter.NextFree = null;
            return waiter;
        }
    }

    private void TakeInCancelled()
    {
        for (var waiter = Interlocked.Exchange(ref _cancelled, null); waiter is not null;)
        {
            var next = waiter.NextFree;
            waiter.NextFree = null;
            // Served meanwhile: then OnGranted gives the grant back and ends it.
            if (Cancel(waiter)) waiter.EndCancelled();
            waiter = next;
        }
    }
}

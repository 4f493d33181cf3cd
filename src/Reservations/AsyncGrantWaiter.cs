using System.Threading.Tasks.Sources;

namespace Reservations;

/// <summary>The waiter behind <see cref="ReservationNode.ReserveAsync"/>; pooled by its node, unless it was cancelled.</summary>
internal sealed class AsyncGrantWaiter(ReservationNode node) : GrantWaiter, IValueTaskSource<Grant>
{
    private const int Waiting = 0, Granted = 1, Cancelled = 2;

    private readonly ReservationNode _node = node;
    private ManualResetValueTaskSourceCore<Grant> _core;
    private CancellationToken _token;
    private CancellationTokenRegistration _registration;

    // Grant against cancel is decided here, once; whoever comes second gives back.
    private int _decision;

    internal AsyncGrantWaiter? NextFree { get; set; }

    internal ValueTask<Grant> Start(CancellationToken token)
    {
        _token = token;
        // On a shared node the grant can be here already, on another thread: the version is taken before it can be consumed.
        var task = new ValueTask<Grant>(this, _core.Version);
        if (token.CanBeCanceled)
            _registration = token.UnsafeRegister(static state => ((AsyncGrantWaiter)state!).OnCancel(), this);
        return task;
    }

    protected internal override void OnGranted(Grant grant)
    {
        if (Interlocked.CompareExchange(ref _decision, Granted, Waiting) == Waiting)
        {
            _core.SetResult(grant);
            return;
        }
        grant.Dispose();
        EndCancelled();
    }

    internal void EndCancelled() => _core.SetException(new OperationCanceledException(_token));

    public Grant GetResult(short token)
    {
        // When the callback runs or ran, this object is left to the collector: it may still be in the node's list.
        var reuse = !_token.CanBeCanceled || (_registration.Unregister() && _decision == Granted);
        try
        {
            return _core.GetResult(token);
        }
        finally
        {
            if (reuse)
            {
                _core.Reset();
                _decision = Waiting;
                _token = default;
                _registration = default;
                _node.ReturnAsync(this);
            }
        }
    }

    public ValueTaskSourceStatus GetStatus(short token) => _core.GetStatus(token);

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);

    private void OnCancel()
    {
        if (Interlocked.CompareExchange(ref _decision, Cancelled, Waiting) == Waiting) _node.PostCancel(this);
    }
}

namespace Reservations;

/// <summary>
/// A waiter that is embedded in the object of the work that waits, so that waiting allocates nothing. It waits for one demand at a
/// time and can be used again from <see cref="OnGranted"/> on, or after it was cancelled.
/// </summary>
public abstract class GrantWaiter
{
    internal GrantWaiter? Previous, Next;
    internal Demand? Demand;
    internal Flow? Flow;
    internal Gate? Gate;
    internal GrantRecord? Record;
    internal ReservationNode? Node;
    internal long Since;

    // The claim that it waits for; those before it in the demand (higher ranks) it has already.
    internal int Stage;
    internal volatile WaiterState State;

    /// <summary>Whether it is queued at a node.</summary>
    public bool IsWaiting => State == WaiterState.Queued;

    /// <summary>Called once when the demand is granted: from <see cref="ReservationNode.ProcessPosted"/> of an owned node, or on the releasing thread, outside any lock, of a shared one.</summary>
    /// <param name="grant">What was waited for; it now belongs to the flow.</param>
    protected internal abstract void OnGranted(Grant grant);
}

/// <summary>Idle, then queued, then served but not told yet, then idle.</summary>
internal enum WaiterState
{
    Idle,
    Queued,
    Ready,
}

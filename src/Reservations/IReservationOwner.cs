namespace Reservations;

/// <summary>
/// Told, from any thread and without a lock held, that <see cref="ReservationNode.ProcessPosted"/> has work. It must arrange that the
/// owner calls that soon, on the owner's own (serial) execution; it must not call it in place, and must not throw.
/// </summary>
public interface IReservationOwner
{
    /// <summary>The node has grants that came back, or waiters that were served. Called at most once until the node's ProcessPosted ran.</summary>
    /// <param name="node">The node to call <see cref="ReservationNode.ProcessPosted"/> of.</param>
    void Post(ReservationNode node);
}

namespace Reservations;

/// <summary>Usage of a node over all its levels.</summary>
/// <param name="FloorBlocks">Blocks of its own, without those it passed on to its children.</param>
/// <param name="UsedBlocks">Blocks in grants, drawn or not.</param>
/// <param name="BorrowedBlocks">Surplus blocks it holds: in grants above the floor, and the few it keeps at hand.</param>
/// <param name="Waiters">Waiters queued.</param>
/// <param name="OldestGrant">
/// Age of the oldest open grant that is not prepaid, zero if there is none. Grants are dated by the last
/// <see cref="ReservationRoot.Tick"/>, so it can be too high by the interval between two ticks, never too low.
/// </param>
public readonly record struct NodeState(long FloorBlocks, long UsedBlocks, long BorrowedBlocks, int Waiters, TimeSpan OldestGrant);

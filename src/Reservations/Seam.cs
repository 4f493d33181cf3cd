#pragma warning disable // replaced by the implementation
using System.Buffers;
using System.Diagnostics.Metrics;

namespace Reservations;

/// <summary>The budget. Owns all blocks. One per process or per embedded stack.</summary>
public sealed class ReservationRoot : IDisposable
{
    /// <summary>Allocates and touches the blocks.</summary>
    public static ReservationRoot Create(ReservationOptions options) => throw new NotImplementedException();

    /// <summary>The options it was created with.</summary>
    public ReservationOptions Options => throw new NotImplementedException();

    /// <summary>Adds a node below the root; its floors are carved out of the part of the budget that is not surplus.</summary>
    /// <exception cref="BudgetException">The floors do not fit.</exception>
    public ReservationNode AddChild(string name, IReservationOwner? owner, params ReadOnlySpan<Share> shares) => throw new NotImplementedException();

    /// <summary>As <see cref="AddChild"/>, for admission: false when the floors do not fit now; never waits.</summary>
    public bool TryAddChild(string name, IReservationOwner? owner, ReadOnlySpan<Share> shares, out ReservationNode? node) => throw new NotImplementedException();

    /// <summary>Changes the budget: growth at once, shrinking as loans come back, never below the floors.</summary>
    public ResizeResult Resize(long newBudgetBytes) => throw new NotImplementedException();

    /// <summary>The whole tree, consistent, as text.</summary>
    public ReservationSnapshot Snapshot() => throw new NotImplementedException();

    /// <summary>Meter <c>Reservations</c>.</summary>
    public Meter Meter => throw new NotImplementedException();

    /// <summary>Releases the blocks.</summary>
    /// <exception cref="LeakException">A grant is open; the message names each.</exception>
    public void Dispose() => throw new NotImplementedException();
}

/// <summary>
/// Told, from any thread and without a lock held, that <see cref="ReservationNode.ProcessPosted"/> has work. It must arrange that the
/// owner calls that soon, on the owner's own (serial) execution; it must not call it in place.
/// </summary>
public interface IReservationOwner
{
    /// <summary>The node has grants that came back, or waiters that were served.</summary>
    void Post(ReservationNode node);
}

/// <summary>A waiter that is embedded in the object of the work that waits, so that waiting allocates nothing.</summary>
public abstract class GrantWaiter
{
    /// <summary>Whether it is queued at a node.</summary>
    public bool IsWaiting => throw new NotImplementedException();

    /// <summary>Called once when the demand is granted: from <see cref="ReservationNode.ProcessPosted"/> of an owned node, or on the releasing thread, outside any lock, of a shared one.</summary>
    protected internal abstract void OnGranted(Grant grant);
}

/// <summary>
/// A node of the tree: target, session, connection, device. Its floor is its own; surplus is borrowed from the root. With an owner,
/// all members but <see cref="Grant.PostRelease"/> are called from the owner's serial execution only, and take no lock within the floor;
/// without one (shared) every member may be called from any thread.
/// </summary>
public sealed class ReservationNode : IDisposable
{
    /// <summary>The name in snapshots.</summary>
    public string Name => throw new NotImplementedException();

    /// <summary>Adds a child; floors come out of this node's unassigned floor at the level, then its ancestors', then the root's. All or nothing.</summary>
    public ReservationNode AddChild(string name, IReservationOwner? owner, params ReadOnlySpan<Share> shares) => throw new NotImplementedException();

    /// <summary>As <see cref="AddChild"/>; false when the floors do not fit now.</summary>
    public bool TryAddChild(string name, IReservationOwner? owner, ReadOnlySpan<Share> shares, out ReservationNode? node) => throw new NotImplementedException();

    /// <summary>Takes a grant if it can be had at once. Never waits, so it is legal at any rank; false while others wait for what it would take.</summary>
    public bool TryReserve(Flow? flow, Demand demand, out Grant grant) => throw new NotImplementedException();

    /// <summary>Takes a grant at once (true), or queues the waiter, FIFO (false). The order is checked first, whether or not memory is free.</summary>
    /// <exception cref="ReservationOrderException">The flow holds a rank that is not above the demand's.</exception>
    /// <exception cref="BudgetException">The demand exceeds what the node may ever hold.</exception>
    public bool Reserve(Flow flow, Gate gate, Demand demand, GrantWaiter waiter, out Grant grant) => throw new NotImplementedException();

    /// <summary>As <see cref="Reserve"/>, awaitable. Cancelling removes the waiter; a grant that was given meanwhile is returned.</summary>
    public ValueTask<Grant> ReserveAsync(Flow flow, Gate gate, Demand demand, CancellationToken cancellationToken = default) => throw new NotImplementedException();

    /// <summary>Removes a queued waiter in O(1). False when it was served already: then the grant is, or will be, given to it.</summary>
    public bool CancelWait(GrantWaiter waiter) => throw new NotImplementedException();

    /// <summary>Takes a grant out of the floor at creation time, for a fixed reserve. It belongs to no flow.</summary>
    /// <exception cref="BudgetException">The floor does not hold it.</exception>
    public Grant Prepaid(Demand demand) => throw new NotImplementedException();

    /// <summary>Pool for <see cref="System.IO.Pipelines"/>: rents blocks of this grant only and refuses what it does not own.</summary>
    public MemoryPool<byte> AsMemoryPool(Grant grant, Level level) => throw new NotImplementedException();

    /// <summary>Takes in what other threads posted and calls <see cref="GrantWaiter.OnGranted"/> of served waiters. Owner only.</summary>
    public void ProcessPosted() => throw new NotImplementedException();

    /// <summary>Used, borrowed and waiting, now.</summary>
    public NodeState State => throw new NotImplementedException();

    /// <summary>Usage of one level.</summary>
    public LevelState GetLevelState(Level level) => throw new NotImplementedException();

    /// <summary>Gives the floors back. All grants and children must be closed.</summary>
    /// <exception cref="LeakException">A grant or a child is open; the message names each.</exception>
    public void Dispose() => throw new NotImplementedException();
}

/// <summary>
/// An entitlement that cannot grow: an index and a generation, so that a second release is caught. Drawing from it never waits and
/// never fails; releasing it never waits, allocates or throws for lack of anything.
/// </summary>
public readonly struct Grant : IDisposable
{
    /// <summary>Whether it is the default value, which holds nothing.</summary>
    public bool IsEmpty => throw new NotImplementedException();

    /// <summary>The node that gave it.</summary>
    public ReservationNode Node => throw new NotImplementedException();

    /// <summary>Blocks it holds at a level, drawn or not.</summary>
    public int BlocksOf(Level level) => throw new NotImplementedException();

    /// <summary>Draws blocks into a list. They stay the grant's and go back with it.</summary>
    /// <exception cref="LeakException">Overdraw, or use after release.</exception>
    public void Draw(Level level, int blocks, BlockList destination) => throw new NotImplementedException();

    /// <summary>Moves one level into a grant of its own, under the same flow.</summary>
    public Grant Split(Level level) => throw new NotImplementedException();

    /// <summary>Hands the grant to another flow (or to none): the old flow no longer holds its ranks, the new one does.</summary>
    public void MoveTo(Flow? flow) => throw new NotImplementedException();

    /// <summary>Gives one level back. Owner only (any thread for a shared node).</summary>
    public void Release(Level level) => throw new NotImplementedException();

    /// <summary>Gives everything back, lower ranks first. Owner only (any thread for a shared node).</summary>
    public void Dispose() => throw new NotImplementedException();

    /// <summary>Gives everything back from any thread, by posting it to the owner; the flow must no longer be used by then.</summary>
    public void PostRelease() => throw new NotImplementedException();
}

/// <summary>What a resize did.</summary>
/// <param name="EffectiveBytes">The budget in force now.</param>
/// <param name="PendingBytes">Bytes that still have to come back.</param>
/// <param name="FloorBytes">The least it can be, the sum of the floors.</param>
public readonly record struct ResizeResult(long EffectiveBytes, long PendingBytes, long FloorBytes);

/// <summary>Usage of a node over all its levels.</summary>
public readonly record struct NodeState(long FloorBlocks, long UsedBlocks, long BorrowedBlocks, int Waiters, TimeSpan OldestGrant);

/// <summary>Usage of one level of a node.</summary>
public readonly record struct LevelState(int FloorBlocks, int UsedBlocks, int CeilingBlocks, int FloorSlots, int UsedSlots, int CeilingSlots);

/// <summary>A consistent picture of the tree.</summary>
/// <param name="Text">Lines for a person.</param>
public sealed record ReservationSnapshot(string Text);

using System.Runtime.CompilerServices;

namespace Reservations;

/// <summary>
/// One level of one node. The first half belongs to the node (its owner, or its lock); the second half to the root's lock.
/// </summary>
internal sealed class LevelLedger(ReservationNode node, Share share)
{
    internal readonly ReservationNode Node = node;
    internal readonly Level Level = share.Level;
    internal readonly int Weight = share.Weight;

    /// <summary>What the share says; children may have been given a part of it.</summary>
    internal readonly int FloorBlocks = share.FloorBlocks, FloorSlots = share.FloorSlots;
    internal readonly int CeilingBlocks = share.CeilingBlocks, CeilingSlots = share.CeilingSlots;

    // Used <= Limit = Own + what is borrowed <= Ceiling. Own = floor without the children's part.
    internal int Used, Own, Limit;
    internal int UsedSlots, OwnSlots, LimitSlots;

    /// <summary>The size of the last loan: up to twice of it is kept unused before some goes back.</summary>
    internal int Batch, BatchSlots;

    internal GrantWaiter? Head, Tail;
    internal int Waiters;

    /// <summary>Whether the queue was never empty since the last loan, so that the turn in the round robin goes on.</summary>
    internal bool Backlogged;

    /// <summary>Whether the loan in the limit was given for the head of the queue, which has not taken it yet.</summary>
    internal bool JustGiven;

    // ---- under the root's lock
    internal LevelLedger? RingPrevious, RingNext;
    internal int WantBlocks, WantSlots, GivenBlocks, GivenSlots;
    internal long Deficit;
    internal bool InRing, TurnOpen, InCachedList;

    /// <summary>Whether a claim fits into what the node owns, which nobody else can be waiting for.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal bool FitsFloor(int blocks, int slots) => blocks <= Own - Used && slots <= OwnSlots - UsedSlots;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal bool FitsFloor(in Claim claim) => FitsFloor(claim.Blocks, claim.Slots);

    // Differences: a sum with a claim of any size could overflow.
    internal bool Fits(in Claim claim) => claim.Blocks <= Limit - Used && claim.Slots <= LimitSlots - UsedSlots;

    // A claim of nothing on one side always fits there, also while loans are being called in.
    internal bool FitsCeiling(in Claim claim) =>
        (long)Used + claim.Blocks <= CeilingBlocks && (long)UsedSlots + claim.Slots <= CeilingSlots;

    /// <summary>Whether a release here has more to do than to count: loans to look at, or waiters to serve.</summary>
    internal bool Attention
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => ((Limit - Own) | (LimitSlots - OwnSlots) | Waiters) != 0;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Take(int blocks, int slots)
    {
        Used += blocks;
        UsedSlots += slots;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Take(in Claim claim) => Take(claim.Blocks, claim.Slots);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Give(int blocks, int slots)
    {
        Used -= blocks;
        UsedSlots -= slots;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Give(in Claim claim) => Give(claim.Blocks, claim.Slots);

    internal int UnusedLoanBlocks => Limit - Math.Max(Own, Used);

    internal int UnusedLoanSlots => LimitSlots - Math.Max(OwnSlots, UsedSlots);

    internal void Enqueue(GrantWaiter waiter)
    {
        waiter.Previous = Tail;
        waiter.Next = null;
        if (Tail is null) Head = waiter;
        else Tail.Next = waiter;
        Tail = waiter;
        Waiters++;
    }

    internal void Dequeue(GrantWaiter waiter)
    {
        if (waiter.Previous is null) Head = waiter.Next;
        else waiter.Previous.Next = waiter.Next;
        if (waiter.Next is null) Tail = waiter.Previous;
        else waiter.Next.Previous = waiter.Previous;
        waiter.Previous = waiter.Next = null;
        Waiters--;
    }
}

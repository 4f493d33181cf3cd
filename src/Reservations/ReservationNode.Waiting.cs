using System.Runtime.ExceptionServices;

namespace Reservations;

/// <summary>Queues, and how served waiters are told.</summary>
public sealed partial class ReservationNode
{
    // One bit a rank that has waiters: nobody passes them.
    private uint _waitMask;

    // Ranks at which the shortest way is not open: those with waiters; all of them on a shared node, or with the full check.
    private uint _slowMask;
    private GrantWaiter? _ready, _lastReady;
    private int _readyCount;
    private bool _telling;

    /// <summary>Removes a queued waiter in O(1). False when it was served already: then the grant is, or will be, given to it.</summary>
    /// <param name="waiter">A waiter of this node.</param>
    public bool CancelWait(GrantWaiter waiter)
    {
        ArgumentNullException.ThrowIfNull(waiter);
        bool cancelled;
        if (_sync is null) cancelled = Cancel(waiter);
        else
        {
            lock (_sync) cancelled = Cancel(waiter);
        }
        if (cancelled) Settle();
        return cancelled;
    }

    /// <summary>Takes in what other threads posted and calls <see cref="GrantWaiter.OnGranted"/> of served waiters. Owner only.</summary>
    public void ProcessPosted()
    {
        if (_sync is null)
        {
            TakeInPosted();
            TellReady();
        }
        else
        {
            ProcessShared();
        }
    }

    /// <summary>There is work for <see cref="ProcessPosted"/>. Called without any lock.</summary>
    internal void Notify()
    {
        if (Owner is null) ProcessShared();
        else if (Interlocked.Exchange(ref _posted, 1) == 0) Owner.Post(this);
    }

    private void Wait(Flow flow, Gate gate, Demand demand, GrantWaiter waiter)
    {
        ArgumentNullException.ThrowIfNull(waiter);
        ObjectDisposedException.ThrowIf(_disposed, this);
        CheckPossible(demand);
        if (waiter.State != WaiterState.Idle) throw new InvalidOperationException("The waiter waits already.");
        waiter.Flow = flow;
        waiter.Gate = gate;
        waiter.Demand = demand;
        waiter.Node = this;
        waiter.Stage = 0;
        waiter.Since = _root.Clock.GetTimestamp();
        waiter.State = WaiterState.Queued;
        Advance(waiter);
    }

    private Demand CheckPossible(Demand demand)
    {
        long borrowed = 0;
        for (var i = 0; i < demand.Array.Length; i++)
        {
            ref readonly var claim = ref demand.Array[i];
            var ledger = Ledger(claim.Level.Rank);
            if (ledger is null || claim.Blocks > ledger.CeilingBlocks || claim.Slots > ledger.CeilingSlots)
                throw new BudgetException($"Node {Name} may never hold {Describe(demand)}: the ceiling of {claim.Level.Name} is lower.");
            if (i > 0 && (claim.Blocks > ledger.FloorBlocks || claim.Slots > ledger.FloorSlots))
                throw new BudgetException($"Node {Name} can't wait for {Describe(demand)}: {claim.Level.Name} is not its highest level and exceeds the floor.");
            borrowed += Math.Max(0, claim.Blocks - ledger.FloorBlocks);
            if (claim.Slots > ledger.FloorSlots && claim.Slots > _root.SlotsTotal(claim.Level.Rank))
                throw new BudgetException($"Node {Name} may never hold {Describe(demand)}: there are {_root.SlotsTotal(claim.Level.Rank)} slots of {claim.Level.Name}.");
        }
        if (borrowed > _root.Surplus)
            throw new BudgetException($"Node {Name} may never hold {Describe(demand)}: {borrowed} blocks above the floors, the surplus is {_root.Surplus}.");
        return demand;
    }

    /// <summary>Moves a waiter on to the queue of its next claim, or to the ready list when it has all.</summary>
    private void Advance(GrantWaiter waiter)
    {
        var claims = waiter.Demand!.Array;
        if (waiter.Stage < claims.Length)
        {
            var ledger = _byRank[claims[waiter.Stage].Level.Rank]!;
            ledger.Enqueue(waiter);
            SetWaitMask(_waitMask | (1u << ledger.Level.Rank));
            if (ledger.Head == waiter) Serve(ledger);
            return;
        }
        waiter.Record = Open(waiter.Flow, waiter.Demand);
        if (_full) NoteGate(waiter.Record, waiter.Gate);
        waiter.State = WaiterState.Ready;
        if (_lastReady is null) _ready = waiter;
        else _lastReady.Next = waiter;
        _lastReady = waiter;
        _readyCount++;
        _root.Metrics.Waited(this, waiter);
    }

    /// <summary>Serves a queue as far as what is there, and what the root lends, reaches.</summary>
    private void Serve(LevelLedger ledger)
    {
        while (ledger.Head is { } waiter)
        {
            ref readonly var claim = ref waiter.Demand!.Array[waiter.Stage];
            if (!ledger.FitsCeiling(claim))
            {
                // Only what this node itself holds can help.
                if (ledger.InRing) _root.Withdraw(ledger);
                return;
            }
            // A loan that came back from this node's own work is not its to keep while others wait for one.
            var had = ledger.FitsFloor(claim) || (ledger.Fits(claim) && (ledger.JustGiven || _root.Wanted == 0));
            if (!had && !_root.Want(ledger, claim)) return;
            ledger.JustGiven = false;
            ledger.Take(claim);
            Dequeue(ledger, waiter);
            waiter.Stage++;
            Advance(waiter);
        }
        if (ledger.InRing) _root.Withdraw(ledger);
    }

    private void Dequeue(LevelLedger ledger, GrantWaiter waiter)
    {
        ledger.Dequeue(waiter);
        if (ledger.Head is not null) return;
        SetWaitMask(_waitMask & ~(1u << ledger.Level.Rank));
        ledger.Backlogged = ledger.JustGiven = false;
    }

    private void SetWaitMask(uint mask)
    {
        _waitMask = mask;
        _slowMask = _plain ? mask : uint.MaxValue;
    }

    private bool Cancel(GrantWaiter waiter)
    {
        if (waiter.State != WaiterState.Queued || waiter.Node != this) return false;
        var claims = waiter.Demand!.Array;
        var ledger = _byRank[claims[waiter.Stage].Level.Rank]!;
        var first = ledger.Head == waiter;
        Dequeue(ledger, waiter);
        if (first) Serve(ledger);
        // What it had parked at higher ranks goes to those who wait there.
        while (--waiter.Stage >= 0)
        {
            ref readonly var claim = ref claims[waiter.Stage];
            ledger = _byRank[claim.Level.Rank]!;
            ledger.Give(claim);
            if (ledger.Attention) AfterRelease(ledger, callIn: false);
        }
        Forget(waiter);
        waiter.State = WaiterState.Idle;
        return true;
    }

    private static void Forget(GrantWaiter waiter)
    {
        waiter.Flow = null;
        waiter.Gate = null;
        waiter.Demand = null;
        waiter.Node = null;
        waiter.Record = null;
        waiter.Next = null;
    }

    /// <summary>The end of every operation that did more than count. Called without any lock.</summary>
    private void Settle()
    {
        _root.DrainPosts();
        if (_sync is not null) TellShared();
        else if (_ready is not null && !_telling) Notify();
    }

    private void TakeInPosted()
    {
        // First the flag: what is posted from here on posts again.
        Interlocked.Exchange(ref _posted, 0);
        GrantRecord? inOrder = null;
        for (var record = Interlocked.Exchange(ref _postedRecord, null); record is not null;)
        {
            var next = record.Next;
            record.Next = inOrder;
            inOrder = record;
            record = next;
        }
        while (inOrder is not null)
        {
            var next = inOrder.Next;
            inOrder.Next = null;
            End(inOrder);
            inOrder = next;
        }
        TakeInReturned();
        TakeInCancelled();
        TakeInNews();
        _root.DrainPosts();
    }

    private void TakeInNews()
    {
        if (!RootNews) return;
        var calledIn = _root.TakeNews(this);
        foreach (var ledger in Ledgers)
        {
            _root.TakeIn(ledger);
            if (calledIn || ledger.Attention) AfterRelease(ledger, calledIn);
        }
    }

    private void TellReady()
    {
        if (_telling) return;
        _telling = true;
        try
        {
            // Those served by what OnGranted does have their turn next time, so that the owner gets to its other work.
            for (var count = _readyCount; count > 0 && PopReady(out var waiter, out var grant); count--) waiter.OnGranted(grant);
        }
        finally
        {
            _telling = false;
            if (_ready is not null) Notify();
        }
    }

    private bool PopReady(out GrantWaiter waiter, out Grant grant)
    {
        grant = default;
        waiter = _ready!;
        if (waiter is null) return false;
        _ready = waiter.Next;
        if (_ready is null) _lastReady = null;
        _readyCount--;
        grant = new Grant(waiter.Record!);
        Forget(waiter);
        waiter.State = WaiterState.Idle;
        return true;
    }

    private void ProcessShared()
    {
        lock (_sync!) TakeInNews();
        Settle();
    }

    /// <summary>Tells the served waiters of a shared node. One thread at a time does it, for all, so that telling never nests.</summary>
    private void TellShared()
    {
        ExceptionDispatchInfo? failure = null;
        while (true)
        {
            GrantWaiter waiter;
            Grant grant;
            lock (_sync!)
            {
                if (_telling || !PopReady(out waiter, out grant)) break;
                _telling = true;
            }
            try
            {
                waiter.OnGranted(grant);
            }
#pragma warning disable CA1031 // One waiter's bug must not keep the grants from the others; it is thrown when all are told.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                failure ??= ExceptionDispatchInfo.Capture(exception);
            }
            finally
            {
                lock (_sync) _telling = false;
            }
        }
        failure?.Throw();
    }
}

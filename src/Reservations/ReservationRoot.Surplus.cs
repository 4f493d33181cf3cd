using System.Diagnostics;

namespace Reservations;

/// <summary>Loans: who gets surplus, and in which order.</summary>
/// <remarks>
/// A node waits here with the head of one of its queues, for all that this claim lacks at once. Lower ranks go first, because what they
/// hold back is what holders of higher ranks need to finish; within a rank it is a deficit round robin over nodes, by weight. An entry
/// that does not fit parks the surplus: nobody behind it, and nobody who only tries, takes what it waits for.
/// </remarks>
public sealed partial class ReservationRoot
{
    private readonly Ring[] _rings;
    private readonly SlotPool[] _slots;
    private readonly List<LevelLedger> _cached = [];
    private readonly int _surplusConfigured;
    private int _surplus, _surplusFree;
    private int _reserve, _reserveFree;
    private int _waitingForBlocks;
    private volatile int _wanted;

    // At least the largest claim, so that every turn serves at least one; grows with what is asked for.
    private int _quantum = 1;

    /// <summary>Nodes that wait for a loan. Owners that hold unused loans look at it, without a lock, when they release.</summary>
    internal int Wanted => _wanted;

    /// <summary>Whether a node waits for a loan: who holds loans it does not need should give them back. Read without a lock.</summary>
    public bool IsSurplusWanted => _wanted != 0;

    internal int Surplus => _surplus;

    /// <summary>Off in the tests that compare every loan with an oracle.</summary>
    internal bool BatchLoans { get; set; } = true;

    /// <summary>Surplus that is not lent; below 0 while a smaller budget is being paid back.</summary>
    internal int SurplusFree
    {
        get
        {
            lock (_lock) return _surplusFree;
        }
    }

    internal int ReserveFree
    {
        get
        {
            lock (_lock) return _reserveFree;
        }
    }

    internal int SlotsTotal(int rank) => _slots[rank].Total;

    internal int SlotsFree(int rank)
    {
        lock (_lock) return _slots[rank].Free;
    }

    /// <summary>Raises the limits of a node so that a demand fits, or changes nothing. A try: fails while anyone waits for the same.</summary>
    internal bool Borrow(ReservationNode node, Demand demand)
    {
        lock (_lock)
        {
            CoarseNow = Clock.GetTimestamp();
            var can = CanBorrow(node, demand, out var blocks);
            if (!can && TrimAll(node))
            {
                can = CanBorrow(node, demand, out blocks);
                // What it did not use may be what another node waits for.
                if (!can) Serve();
            }
            if (can) Lend(node, demand, blocks);
            else CallIn();
            return can;
        }
    }

    /// <summary>Asks for what the first claim in a ledger's queue lacks. True when the claim fits now; false when the ledger waits.</summary>
    internal bool Want(LevelLedger ledger, in Claim claim)
    {
        lock (_lock)
        {
            CoarseNow = Clock.GetTimestamp();
            Absorb(ledger);
            ForgetNews(ledger.Node);
            var blocks = Math.Max(0, ledger.Used + claim.Blocks - Math.Max(ledger.Own, ledger.Used));
            var slots = Math.Max(0, ledger.UsedSlots + claim.Slots - Math.Max(ledger.OwnSlots, ledger.UsedSlots));
            if (ledger.JustGiven && ledger.Fits(claim))
            {
                // It was given for a waiter that wanted more and is gone.
                if (Trim(ledger, blocks, slots)) Serve();
                return true;
            }
            // Whoever waits for surplus holds none that it doesn't use: else two nodes could hold each other's rest.
            TrimAll(ledger.Node);
            Ask(ledger, blocks, slots);
            Serve();
            Absorb(ledger);
            ForgetNews(ledger.Node);
            if (ledger.Fits(claim)) return true;
            CallIn();
            return false;
        }
    }

    /// <summary>The head of the ledger's queue no longer needs a loan.</summary>
    internal void Withdraw(LevelLedger ledger)
    {
        lock (_lock)
        {
            if (!ledger.InRing) return;
            Leave(ledger);
            Serve();
        }
    }

    /// <summary>Gives back what is lent and unused, but for what is to be kept.</summary>
    internal void GiveBack(LevelLedger ledger, int keepBlocks, int keepSlots)
    {
        lock (_lock)
        {
            Trim(ledger, keepBlocks, keepSlots);
            Serve();
        }
    }

    /// <summary>Begins to take in what came for a node. True when unused loans were called in.</summary>
    internal bool TakeNews(ReservationNode node)
    {
        lock (_lock)
        {
            CoarseNow = Clock.GetTimestamp();
            var calledIn = node.CalledIn;
            node.CalledIn = node.RootNews = false;
            return calledIn;
        }
    }

    /// <summary>Takes in what was given for the head of a ledger's queue; the caller serves the queue next.</summary>
    internal void TakeIn(LevelLedger ledger)
    {
        lock (_lock) Absorb(ledger);
    }

    /// <summary>A ledger's node is closed: it asks for nothing any more, and all that is lent to it goes back.</summary>
    internal void Close(LevelLedger ledger)
    {
        lock (_lock)
        {
            if (ledger.InRing) Leave(ledger);
            Absorb(ledger);
            Trim(ledger, 0, 0);
            Serve();
            _cached.Remove(ledger);
        }
    }

    /// <summary>Takes floors out of the reserve and the slots, or changes nothing.</summary>
    internal bool TakeFloors(ReadOnlySpan<Share> shares, ReadOnlySpan<int> blocks, ReadOnlySpan<int> slots, out string? reason)
    {
        lock (_lock)
        {
            long sum = 0;
            for (var i = 0; i < shares.Length; i++)
            {
                sum += blocks[i];
                ref readonly var pool = ref _slots[shares[i].Level.Rank];
                if (slots[i] > pool.Free || (slots[i] > 0 && pool.Waiting > 0))
                {
                    reason = $"level {shares[i].Level.Name} lacks {slots[i] - Math.Max(0, pool.Free)} of {slots[i]} slots";
                    return false;
                }
            }
            if (sum > _reserveFree)
            {
                reason = $"the floors need {sum} blocks and {Math.Max(0, _reserveFree)} are unassigned";
                return false;
            }
            _reserveFree -= (int)sum;
            for (var i = 0; i < shares.Length; i++) _slots[shares[i].Level.Rank].Free -= slots[i];
            reason = null;
            return true;
        }
    }

    internal void ReturnFloor(int rank, int blocks, int slots)
    {
        lock (_lock)
        {
            _reserveFree += blocks;
            _slots[rank].Free += slots;
            if (slots > 0) Serve();
        }
    }

    /// <summary>Whether nobody who waits could be served: for tests.</summary>
    internal bool IsStable()
    {
        lock (_lock)
        {
            var parked = false;
            for (var rank = 0; rank < _rings.Length; rank++)
            {
                if (_rings[rank].First is not { } ledger) continue;
                if (ledger.WantSlots <= _slots[rank].Free && (ledger.WantBlocks == 0 || (!parked && ledger.WantBlocks <= _surplusFree))) return false;
                parked |= ledger.WantBlocks > 0;
            }
            return true;
        }
    }

    // ---- all below under the lock

    private bool CanBorrow(ReservationNode node, Demand demand, out int blocks)
    {
        blocks = 0;
        foreach (ref readonly var claim in demand.Claims)
        {
            var ledger = node.Ledger(claim.Level.Rank)!;
            ref readonly var pool = ref _slots[claim.Level.Rank];
            if (claim.Slots > 0 && ledger.UsedSlots + claim.Slots > ledger.OwnSlots)
            {
                if (pool.Waiting > 0 || ledger.UsedSlots + claim.Slots - ledger.LimitSlots > pool.Free) return false;
            }
            if (claim.Blocks > 0 && ledger.Used + claim.Blocks > ledger.Own)
            {
                if (_waitingForBlocks > 0) return false;
                blocks += Math.Max(0, ledger.Used + claim.Blocks - ledger.Limit);
            }
        }
        return blocks == 0 || blocks <= _surplusFree;
    }

    private void Lend(ReservationNode node, Demand demand, int blocks)
    {
        _surplusFree -= blocks;
        var batches = BatchLoans && node.Owner is not null;
        foreach (ref readonly var claim in demand.Claims)
        {
            var ledger = node.Ledger(claim.Level.Rank)!;
            var need = Math.Max(0, ledger.Used + claim.Blocks - ledger.Limit);
            if (need > 0)
            {
                // A few more for the next ones, as long as there is plenty and nobody waits.
                var extra = !batches || _wanted > 0 ? 0
                    : Math.Min(Math.Min(15L * claim.Blocks, Math.Max(0, _surplusFree) / 8), ledger.CeilingBlocks - ledger.Limit - need);
                Cache(ledger, extra);
                _surplusFree -= (int)extra;
                ledger.Limit += need + (int)extra;
                ledger.Batch = (int)extra;
                node.Entitled += need + (int)extra;
            }
            need = Math.Max(0, ledger.UsedSlots + claim.Slots - ledger.LimitSlots);
            if (need > 0)
            {
                ref var pool = ref _slots[claim.Level.Rank];
                var extra = !batches || _wanted > 0 ? 0
                    : Math.Min(Math.Min(15L * claim.Slots, Math.Max(0, pool.Free - need) / 8), ledger.CeilingSlots - ledger.LimitSlots - need);
                Cache(ledger, extra);
                pool.Free -= need + (int)extra;
                ledger.LimitSlots += need + (int)extra;
                ledger.BatchSlots = (int)extra;
            }
        }
    }

    private void Cache(LevelLedger ledger, long extra)
    {
        if (extra <= 0 || ledger.InCachedList) return;
        ledger.InCachedList = true;
        _cached.Add(ledger);
    }

    /// <summary>Asks every owner that keeps unused loans to give them back.</summary>
    private void CallIn()
    {
        foreach (var ledger in _cached)
        {
            ledger.InCachedList = false;
            ledger.Node.CalledIn = true;
            PostLater(ledger.Node);
        }
        _cached.Clear();
    }

    private static void Absorb(LevelLedger ledger)
    {
        if ((ledger.GivenBlocks | ledger.GivenSlots) == 0) return;
        ledger.JustGiven = true;
        ledger.Limit += ledger.GivenBlocks;
        ledger.LimitSlots += ledger.GivenSlots;
        ledger.Node.Entitled += ledger.GivenBlocks;
        ledger.GivenBlocks = ledger.GivenSlots = 0;
    }

    // A node that has just taken what it was given need not be told.
    private static void ForgetNews(ReservationNode node)
    {
        if (node.CalledIn) return;
        foreach (var ledger in node.Ledgers)
        {
            if ((ledger.GivenBlocks | ledger.GivenSlots) != 0) return;
        }
        node.RootNews = false;
    }

    private bool TrimAll(ReservationNode node)
    {
        var any = false;
        foreach (var ledger in node.Ledgers) any |= Trim(ledger, 0, 0);
        return any;
    }

    private bool Trim(LevelLedger ledger, int keepBlocks, int keepSlots)
    {
        var blocks = Math.Max(0, ledger.UnusedLoanBlocks - keepBlocks);
        var slots = Math.Max(0, ledger.UnusedLoanSlots - keepSlots);
        if ((blocks | slots) == 0) return false;
        if ((keepBlocks | keepSlots) == 0) ledger.JustGiven = false;
        ledger.Limit -= blocks;
        ledger.LimitSlots -= slots;
        ledger.Node.Entitled -= blocks;
        ledger.Node.ReturnExcessBlocks();
        _surplusFree += blocks;
        _slots[ledger.Level.Rank].Free += slots;
        if (blocks > 0) RetireExcess();
        return true;
    }

    /// <summary>Joins the ring, or changes what is asked for without losing the place.</summary>
    private void Ask(LevelLedger ledger, int blocks, int slots)
    {
        if (ledger.InRing) CountWants(ledger, -1);
        ledger.WantBlocks = blocks;
        ledger.WantSlots = slots;
        CountWants(ledger, 1);
        _quantum = Math.Max(_quantum, blocks + slots);
        if (ledger.InRing) return;
        if (!ledger.Backlogged)
        {
            ledger.Backlogged = true;
            ledger.Deficit = 0;
            ledger.TurnOpen = false;
        }
        ref var ring = ref _rings[ledger.Level.Rank];
        // The next waiter of a node whose turn is not over goes on with it: a node tells of one waiter at a time.
        if (ledger.TurnOpen && ledger.Deficit >= blocks + slots) ring.AddFirst(ledger);
        else
        {
            ledger.TurnOpen = false;
            ring.AddLast(ledger);
        }
    }

    private void CountWants(LevelLedger ledger, int change)
    {
        if (ledger.WantBlocks > 0) _waitingForBlocks += change;
        if (ledger.WantSlots > 0) _slots[ledger.Level.Rank].Waiting += change;
        _wanted += change;
    }

    private void Leave(LevelLedger ledger)
    {
        if (!ledger.InRing) return;
        _rings[ledger.Level.Rank].Remove(ledger);
        CountWants(ledger, -1);
        ledger.WantBlocks = ledger.WantSlots = 0;
    }

    private void Serve()
    {
        if (_wanted == 0) return;
        var parked = false;
        for (var rank = 0; rank < _rings.Length; rank++)
        {
            while (_rings[rank].First is { } ledger)
            {
                var cost = ledger.WantBlocks + ledger.WantSlots;
                if (!ledger.TurnOpen)
                {
                    ledger.TurnOpen = true;
                    ledger.Deficit += (long)ledger.Weight * _quantum;
                }
                else if (ledger.Deficit < cost)
                {
                    ledger.TurnOpen = false;
                    _rings[rank].MoveLast(ledger);
                    continue;
                }
                if ((ledger.WantBlocks > 0 && (parked || ledger.WantBlocks > _surplusFree)) || ledger.WantSlots > _slots[rank].Free)
                {
                    parked |= ledger.WantBlocks > 0;
                    break;
                }
                Debug.Assert(ledger.Deficit >= cost, "The quantum covers every claim.");
                ledger.Deficit -= cost;
                ledger.GivenBlocks += ledger.WantBlocks;
                ledger.GivenSlots += ledger.WantSlots;
                _surplusFree -= ledger.WantBlocks;
                _slots[rank].Free -= ledger.WantSlots;
                Leave(ledger);
                PostLater(ledger.Node);
            }
        }
    }

    private struct SlotPool
    {
        internal int Total, Free, Waiting;
    }

    /// <summary>The ledgers of one rank that wait, in the order of their turns.</summary>
    private struct Ring
    {
        internal LevelLedger? First;
        private LevelLedger? _last;

        internal void AddFirst(LevelLedger ledger)
        {
            ledger.InRing = true;
            ledger.RingNext = First;
            if (First is null) _last = ledger;
            else First.RingPrevious = ledger;
            First = ledger;
        }

        internal void AddLast(LevelLedger ledger)
        {
            ledger.InRing = true;
            ledger.RingPrevious = _last;
            if (_last is null) First = ledger;
            else _last.RingNext = ledger;
            _last = ledger;
        }

        internal void Remove(LevelLedger ledger)
        {
            if (ledger.RingPrevious is null) First = ledger.RingNext;
            else ledger.RingPrevious.RingNext = ledger.RingNext;
            if (ledger.RingNext is null) _last = ledger.RingPrevious;
            else ledger.RingNext.RingPrevious = ledger.RingPrevious;
            ledger.RingPrevious = ledger.RingNext = null;
            ledger.InRing = false;
        }

        internal void MoveLast(LevelLedger ledger)
        {
            Remove(ledger);
            AddLast(ledger);
        }
    }
}

using static Reservations.Tests.Levels;

namespace Reservations.Tests;

/// <summary>
/// Random operations on a tree, compared with plain lists of what should be held: every answer of a try, every counter, the order of
/// every queue, and that nobody waits for what is there.
/// </summary>
internal sealed class LedgerOracle
{
    private static readonly Level[] Ranks = [Wire, Store, Burst, Credit];

    private readonly Random _random;
    private readonly bool _batches;
    private readonly ReservationRoot _root;
    private readonly List<Node> _nodes = [];
    private readonly List<Open> _open = [];
    private readonly List<Waiter> _waiters = [];
    private readonly HashSet<nint> _drawn = [];
    private readonly TestOwner _owner = new();
    private readonly int _configuredSurplus;
    private int _surplus, _reserve;
    private int _names;
    private bool _quiet = true;

    internal LedgerOracle(int seed)
    {
        _random = new Random(seed);
        _batches = _random.Next(3) == 0;
        _surplus = _configuredSurplus = _random.Next(3) == 0 ? 0 : _random.Next(1, 60);
        _reserve = _random.Next(30, 200);
        _root = ReservationRoot.Create(Options(_surplus + _reserve, _surplus, new SlotBudget(Credit, 12, 64), new SlotBudget(Store, 6, 64))
            with { PreTouch = false, BlockSize = 512, BudgetBytes = (_surplus + _reserve) * 512L, SurplusBytes = _surplus * 512L });
        _root.BatchLoans = _batches;
    }

    internal int Served { get; private set; }

    internal int Waited { get; private set; }

    internal int Loans { get; private set; }

    internal void Step()
    {
        var roll = _random.Next(100);
        if (_nodes.Count == 0 || (roll < 2 && _random.Next(3) == 0)) AddNode();
        else if (roll < 3 && _random.Next(3) == 0) RemoveNode();
        else if (roll < 4 && _random.Next(20) == 0) Resize();
        else if (roll < 30) Try();
        else if (roll < 55) Reserve();
        else if (roll < 60) Cancel();
        else if (roll < 66) Draw();
        else Release(roll);
        if (_random.Next(4) != 0) Settle();
        else _quiet = false;
    }

    /// <summary>Gives everything back and checks that nothing is missing.</summary>
    internal void Finish()
    {
        while (_waiters.Count > 0 || _open.Count > 0)
        {
            if (_waiters.Count > 0) CancelAt(_waiters.Count - 1);
            Settle();
            for (var i = _open.Count - 1; i >= 0; i--) ReleaseAt(i, _random.Next(2) == 0);
            Settle();
        }
        Settle();
        while (_nodes.Count > 0) RemoveNode();
        Settle();
        Assert.Equal(_reserve, _root.ReserveFree);
        Assert.Equal(_surplus, _root.SurplusFree);
        Assert.Equal(12, _root.SlotsFree(Credit.Rank));
        Assert.Equal(6, _root.SlotsFree(Store.Rank));
        Assert.Equal(_surplus + _reserve, _root.FreeBlocks);
        Assert.Equal(0, _root.Wanted);
        _root.Dispose();
    }

    private void AddNode()
    {
        Settle();
        var parent = _nodes.Count == 0 || _random.Next(2) == 0 ? null : _nodes[_random.Next(_nodes.Count)];
        if (_nodes.Count > 6) return;
        var shares = new List<Share>();
        foreach (var level in Ranks)
        {
            if (_random.Next(5) == 0) continue;
            var floor = _random.Next(12);
            var slots = level.Rank is 5 or 3 ? _random.Next(3) : 0;
            shares.Add(new Share(level, floor, floor + _random.Next(30), slots, slots + (level.Rank is 5 or 3 ? _random.Next(4) : 0), _random.Next(1, 4)));
        }
        IReservationOwner? owner = _random.Next(3) switch { 0 => null, 1 => _owner, _ => new ForwardingOwner(_owner) };
        var node = new Node(parent, owner ?? parent?.Owner, shares);
        // Carve by the rule, on copies, and see whether it fits.
        var reserveNeed = 0;
        var slotNeed = new int[32];
        foreach (var share in shares)
        {
            var (blocks, slots) = (share.FloorBlocks, share.FloorSlots);
            for (var from = parent; from is not null; from = from.Parent)
            {
                if (from != parent && from.Owner is not null && from.Owner != parent!.Owner) continue;
                var rank = share.Level.Rank;
                if (!from.Has(rank) || from.Queues[rank].Count > 0) continue;
                var takeBlocks = Math.Clamp(from.Own[rank] - from.Used(rank).Blocks, 0, blocks);
                var takeSlots = Math.Clamp(from.OwnSlots[rank] - from.Used(rank).Slots, 0, slots);
                if (takeBlocks + takeSlots == 0) continue;
                node.Carved.Add((from, rank, takeBlocks, takeSlots));
                blocks -= takeBlocks;
                slots -= takeSlots;
            }
            reserveNeed += blocks;
            slotNeed[share.Level.Rank] = slots;
        }
        var reserveFree = _reserve - _nodes.Sum(static n => n.FromReserve);
        var fits = reserveNeed <= reserveFree;
        foreach (var share in shares)
        {
            var need = slotNeed[share.Level.Rank];
            if (need > 0 && (need > SlotsFree(share.Level.Rank) || WaitsForSlots(share.Level.Rank))) fits = false;
        }
        ReservationNode? added;
        var answer = parent is null
            ? _root.TryAddChild($"n{_names++}", owner, shares.ToArray(), out added)
            : parent.Real.TryAddChild($"n{_names++}", owner, shares.ToArray(), out added);
        if (!_batches || !answer) Assert.True(fits == answer || (_batches && fits), $"admission: {fits} expected");
        if (!answer) return;
        node.Real = added!;
        node.FromReserve = reserveNeed;
        foreach (var (from, rank, blocks, slots) in node.Carved)
        {
            from.Own[rank] -= blocks;
            from.OwnSlots[rank] -= slots;
        }
        _nodes.Add(node);
    }

    private void RemoveNode()
    {
        Settle();
        var node = _nodes[_random.Next(_nodes.Count)];
        var inUse = _open.Exists(open => open.Node == node) || _waiters.Exists(waiter => waiter.Node == node) || _nodes.Exists(child => child.Parent == node);
        if (inUse)
        {
            Assert.Throws<LeakException>(node.Real.Dispose);
            return;
        }
        node.Real.Dispose();
        foreach (var (from, rank, blocks, slots) in node.Carved)
        {
            from.Own[rank] += blocks;
            from.OwnSlots[rank] += slots;
        }
        _nodes.Remove(node);
    }

    private void Resize()
    {
        var floors = _nodes.Sum(static n => n.FromReserve);
        var target = _random.Next(2) == 0 ? _random.Next(300) : _configuredSurplus + 200;
        var result = _root.Resize(target * 512L);
        target = Math.Max(target, Math.Max(1, floors));
        var change = target - _surplus - _reserve;
        var bySurplus = change < 0 ? -Math.Min(-change, _surplus) : Math.Min(change, Math.Max(0, _configuredSurplus - _surplus));
        _surplus += bySurplus;
        _reserve += change - bySurplus;
        Assert.Equal(floors * 512L, result.FloorBytes);
        Assert.Equal((_surplus + _reserve) * 512L, result.EffectiveBytes - result.PendingBytes);
    }

    private void Try()
    {
        var node = _nodes[_random.Next(_nodes.Count)];
        var demand = RandomDemand(node);
        var flow = new Flow();
        var expected = Had(node, demand);
        var answer = node.Real.TryReserve(flow, demand, out var grant);
        if (_quiet && (!_batches || answer)) Assert.Equal(expected, answer);
        if (_quiet && _batches && expected && !answer) Assert.True(_nodes.Exists(n => n.UnusedLoans() > 0));
        if (answer) AddOpen(node, flow, demand, grant);
    }

    private void Reserve()
    {
        if (_waiters.Count > 40) return;
        var node = _nodes[_random.Next(_nodes.Count)];
        var demand = RandomDemand(node);
        var flow = new Flow();
        var waiter = new Waiter(this, node, flow, demand);
        var expected = Had(node, demand);
        var possible = Possible(node, demand);
        bool answer;
        Grant grant;
        try
        {
            answer = node.Real.Reserve(flow, GateOf(demand.Claims[0].Level), demand, waiter, out grant);
        }
        catch (BudgetException)
        {
            Assert.False(possible);
            return;
        }
        if (_quiet && (!_batches || answer)) Assert.Equal(expected, answer);
        Assert.True(possible || demand.Claims.Length == 1);
        if (answer)
        {
            AddOpen(node, flow, demand, grant);
            return;
        }
        Assert.True(possible);
        Waited++;
        if (waiter.Told == 0) _waiters.Add(waiter);
    }

    private void Cancel()
    {
        if (_waiters.Count > 0) CancelAt(_random.Next(_waiters.Count));
    }

    private void CancelAt(int index)
    {
        var waiter = _waiters[index];
        var queued = waiter.IsWaiting;
        Assert.Equal(queued, waiter.Node.Real.CancelWait(waiter));
        if (!queued) return;
        _waiters.Remove(waiter);
        foreach (var queue in waiter.Node.Queues) queue.Remove(waiter);
        Assert.True(waiter.Flow.HoldsNothing);
    }

    private void Draw()
    {
        if (_open.Count == 0) return;
        var open = _open[_random.Next(_open.Count)];
        if (open.Posted) return;
        foreach (ref readonly var claim in open.Demand.Claims)
        {
            if ((open.Held & (1u << claim.Level.Rank)) == 0) continue;
            var drawn = open.Drawn[claim.Level.Rank];
            var count = _random.Next(claim.Blocks - drawn + 1);
            var list = new BlockList(16);
            open.Grant.Draw(claim.Level, count, list);
            Assert.Equal(count * 512, list.Length);
            open.Drawn[claim.Level.Rank] += count;
            for (var run = 0; run < list.Count; run++)
            {
                for (var offset = 0; offset < list.Runs[run].Length; offset += 512)
                {
                    nint address;
                    unsafe
                    {
                        address = (nint)list.Address(run) + offset;
                    }
                    Assert.True(_drawn.Add(address), "a block is in two grants");
                    open.Addresses.Add((claim.Level.Rank, address));
                }
            }
            if (count == claim.Blocks - drawn && _random.Next(8) == 0)
            {
                var level = claim.Level;
                Assert.Throws<LeakException>(() => open.Grant.Draw(level, 1, list));
            }
        }
    }

    private void Release(int roll)
    {
        if (_open.Count == 0) return;
        var index = _random.Next(_open.Count);
        var open = _open[index];
        if (open.Posted) return;
        if (roll < 72 && open.Demand.Claims.Length > 1)
        {
            var level = open.Demand.Claims[_random.Next(open.Demand.Claims.Length)].Level;
            var bit = 1u << level.Rank;
            if ((open.Held & bit) == 0)
            {
                Assert.Throws<LeakException>(() => open.Grant.Release(level));
                return;
            }
            if (roll < 69)
            {
                open.Forget(_drawn, bit);
                open.Grant.Release(level);
                open.Held &= ~bit;
                return;
            }
            var part = open.Grant.Split(level);
            var other = new Open(open.Node, open.Flow, open.Demand, part) { Held = bit };
            other.Drawn[level.Rank] = open.Drawn[level.Rank];
            other.Addresses.AddRange(open.Addresses.Where(a => a.Rank == level.Rank));
            open.Addresses.RemoveAll(a => a.Rank == level.Rank);
            open.Held &= ~bit;
            _open.Add(other);
            return;
        }
        ReleaseAt(index, roll < 80);
    }

    private void ReleaseAt(int index, bool post)
    {
        var open = _open[index];
        if (open.Posted) return;
        open.Forget(_drawn, ~0u);
        if (post && open.Node.Owner is not null)
        {
            open.Grant.PostRelease();
            open.Posted = true;
            return;
        }
        _open.RemoveAt(index);
        if (post) open.Grant.PostRelease();
        else open.Grant.Dispose();
        if (_random.Next(16) == 0) Assert.Throws<LeakException>(open.Grant.Dispose);
    }

    private void Granted(Waiter waiter, Grant grant)
    {
        Served++;
        Assert.Equal(1, ++waiter.Told);
        Assert.Equal(waiter.Demand.RankMask, waiter.Flow.HeldRanks);
        _waiters.Remove(waiter);
        AddOpen(waiter.Node, waiter.Flow, waiter.Demand, grant);
    }

    private void AddOpen(Node node, Flow flow, Demand demand, Grant grant) => _open.Add(new Open(node, flow, demand, grant));

    private void Settle()
    {
        _owner.Run();
        _open.RemoveAll(static open => open.Posted);
        Check();
        _quiet = true;
    }

    // The library's assertion costs more than the operations that are checked.
    private static void Same(long expected, long actual)
    {
        if (expected != actual) Assert.Equal(expected, actual);
    }

    private static void Same(bool expected, bool actual)
    {
        if (expected != actual) Assert.Equal(expected, actual);
    }

    private void Check()
    {
        Recount();
        var wanted = false;
        long lent = 0, physical = 0;
        foreach (var node in _nodes)
        {
            var entitled = 0;
            foreach (var ledger in node.Real.Ledgers)
            {
                var rank = ledger.Level.Rank;
                var used = node.Used(rank);
                Same(used.Blocks, ledger.Used);
                Same(used.Slots, ledger.UsedSlots);
                Same(node.Own[rank], ledger.Own);
                Same(node.OwnSlots[rank], ledger.OwnSlots);
                Assert.True(ledger.Used <= ledger.Limit && ledger.UsedSlots <= ledger.LimitSlots);
                Assert.True(ledger.Used <= ledger.CeilingBlocks && ledger.UsedSlots <= ledger.CeilingSlots);
                Assert.True(ledger.GivenBlocks + ledger.GivenSlots == 0, "a loan lies about");
                if (!_batches || ledger.Used <= ledger.Own) Same(Math.Max(ledger.Own, ledger.Used), ledger.Limit);
                if (!_batches || ledger.UsedSlots <= ledger.OwnSlots) Same(Math.Max(ledger.OwnSlots, ledger.UsedSlots), ledger.LimitSlots);
                lent += ledger.Limit - ledger.Own;
                if (ledger.Limit > ledger.Own) Loans++;
                entitled += ledger.Limit;
                wanted |= ledger.InRing;
                CheckQueue(node, ledger);
            }
            Same(entitled, node.Real.Entitled);
            Assert.True(node.Real.PhysicalBlocks <= entitled);
            physical += node.Real.PhysicalBlocks;
        }
        Same(_surplus - lent, _root.SurplusFree);
        Same(_reserve - _nodes.Sum(static n => n.FromReserve), _root.ReserveFree);
        Same(SlotsFree(Credit.Rank), _root.SlotsFree(Credit.Rank));
        Same(SlotsFree(Store.Rank), _root.SlotsFree(Store.Rank));
        Same(Math.Max(_surplus + _reserve, lent + _reserve), physical + _root.FreeBlocks);
        if (wanted && _nodes.Exists(static n => n.UnusedLoans() > 0)) Assert.Fail(_root.Snapshot().Text);
        Assert.True(_root.IsStable(), "someone waits for what is there");
    }

    /// <summary>What is queued must be what was queued, less some from the front, plus what came down from higher levels.</summary>
    private void CheckQueue(Node node, LevelLedger ledger)
    {
        var rank = ledger.Level.Rank;
        var expected = node.Queues[rank];
        if (expected.Count == 0 && ledger.Head is null) return;
        var actual = new List<GrantWaiter>();
        for (var waiter = ledger.Head; waiter is not null; waiter = waiter.Next) actual.Add(waiter);
        Same(actual.Count, ledger.Waiters);
        var known = actual.Count(expected.Contains);
        Assert.True(expected.Skip(expected.Count - known).SequenceEqual(actual.Take(known)), "not in order");
        node.Queues[rank] = actual;
        if (actual.Count == 0)
        {
            Assert.False(ledger.InRing);
            return;
        }
        var claim = actual[0].Demand!.Claims[actual[0].Stage];
        Assert.False(ledger.Fits(claim) && ledger.FitsCeiling(claim), "the head fits and waits");
        Same(ledger.FitsCeiling(claim), ledger.InRing);
        if (!ledger.InRing) return;
        Same(Math.Max(0, ledger.Used + claim.Blocks - Math.Max(ledger.Own, ledger.Used)), ledger.WantBlocks);
        Same(Math.Max(0, ledger.UsedSlots + claim.Slots - Math.Max(ledger.OwnSlots, ledger.UsedSlots)), ledger.WantSlots);
    }

    /// <summary>From the lists: what open grants hold and what waiters have parked above the level they wait at.</summary>
    private void Recount()
    {
        foreach (var node in _nodes) Array.Clear(node.Counted);
        foreach (var open in _open)
        {
            foreach (ref readonly var claim in open.Demand.Claims)
            {
                if ((open.Held & (1u << claim.Level.Rank)) != 0) Count(open.Node, claim);
            }
        }
        foreach (var waiter in _waiters)
        {
            for (var i = 0; waiter.IsWaiting && i < waiter.Stage; i++) Count(waiter.Node, waiter.Demand.Claims[i]);
        }
    }

    private static void Count(Node node, in Claim claim)
    {
        ref var counted = ref node.Counted[claim.Level.Rank];
        counted.Blocks += claim.Blocks;
        counted.Slots += claim.Slots;
    }

    private bool Had(Node node, Demand demand)
    {
        if (!_quiet) return false;
        var blocks = 0;
        foreach (ref readonly var claim in demand.Claims)
        {
            var rank = claim.Level.Rank;
            if (!node.Has(rank) || node.Queues[rank].Count > 0) return false;
            var used = node.Used(rank);
            var share = node.Shares.Find(s => s.Level.Rank == rank);
            if (used.Blocks + claim.Blocks > share.CeilingBlocks || used.Slots + claim.Slots > share.CeilingSlots) return false;
            if (claim.Slots > 0 && used.Slots + claim.Slots > node.OwnSlots[rank])
            {
                if (WaitsForSlots(rank) || used.Slots + claim.Slots - Math.Max(node.OwnSlots[rank], used.Slots) > SlotsFreeUnlent(rank)) return false;
            }
            if (claim.Blocks > 0 && used.Blocks + claim.Blocks > node.Own[rank])
            {
                if (_nodes.Exists(static n => n.Real.Ledgers.Any(static l => l.InRing && l.WantBlocks > 0))) return false;
                blocks += used.Blocks + claim.Blocks - Math.Max(node.Own[rank], used.Blocks);
            }
        }
        return blocks == 0 || blocks <= _surplus - _nodes.Sum(static n => n.BorrowedInUse());
    }

    private bool Possible(Node node, Demand demand)
    {
        var borrowed = 0;
        for (var i = 0; i < demand.Claims.Length; i++)
        {
            var claim = demand.Claims[i];
            if (!node.Has(claim.Level.Rank)) return false;
            var share = node.Shares.Find(s => s.Level.Rank == claim.Level.Rank);
            if (claim.Blocks > share.CeilingBlocks || claim.Slots > share.CeilingSlots) return false;
            if (i > 0 && (claim.Blocks > share.FloorBlocks || claim.Slots > share.FloorSlots)) return false;
            if (claim.Slots > share.FloorSlots && claim.Slots > _root.SlotsTotal(claim.Level.Rank)) return false;
            borrowed += Math.Max(0, claim.Blocks - share.FloorBlocks);
        }
        return borrowed <= _surplus;
    }

    private Demand RandomDemand(Node node)
    {
        var odd = _random.Next(20) == 0;
        var levels = Array.FindAll(Ranks, level => odd || node.Has(level.Rank));
        if (levels.Length == 0) levels = Ranks;
        var claims = new List<Claim>();
        var count = _random.Next(3) == 0 ? _random.Next(1, 4) : 1;
        for (var i = _random.Next(levels.Length); i < levels.Length && claims.Count < count; i++)
        {
            var slots = levels[i].Rank is 5 or 3 ? _random.Next(3) : 0;
            var blocks = _random.Next(_random.Next(4) == 0 ? 24 : 7);
            // All but the highest must lie within the floors to be waited for.
            var share = node.Shares.Find(s => s.Level == levels[i]);
            var last = i == levels.Length - 1 || claims.Count == count - 1;
            if (!odd) (blocks, slots) = last
                ? (Math.Min(blocks, share.CeilingBlocks), Math.Min(slots, share.CeilingSlots))
                : (Math.Min(blocks, share.FloorBlocks), Math.Min(slots, share.FloorSlots));
            claims.Add(new Claim(levels[i], blocks, slots));
        }
        return new Demand([.. claims]);
    }

    private int SlotsFree(int rank)
    {
        var free = rank == Credit.Rank ? 12 : rank == Store.Rank ? 6 : 0;
        foreach (var node in _nodes)
        {
            if (node.Real.Ledger(rank) is { } ledger) free -= ledger.LimitSlots;
        }
        return free;
    }

    private int SlotsFreeUnlent(int rank)
    {
        var free = SlotsFree(rank);
        foreach (var node in _nodes)
        {
            if (node.Real.Ledger(rank) is { } ledger) free += ledger.UnusedLoanSlots;
        }
        return free;
    }

    private bool WaitsForSlots(int rank) => _nodes.Exists(node => node.Real.Ledger(rank) is { InRing: true, WantSlots: > 0 });

    private sealed class ForwardingOwner(TestOwner to) : IReservationOwner
    {
        public void Post(ReservationNode node) => to.Post(node);
    }

    private sealed class Node
    {
        internal Node(Node? parent, IReservationOwner? owner, List<Share> shares)
        {
            Parent = parent;
            Owner = owner;
            Shares = shares;
            for (var i = 0; i < Queues.Length; i++) Queues[i] = [];
            foreach (var share in shares)
            {
                Own[share.Level.Rank] = share.FloorBlocks;
                OwnSlots[share.Level.Rank] = share.FloorSlots;
            }
        }

        internal Node? Parent { get; }
        internal IReservationOwner? Owner { get; }
        internal List<Share> Shares { get; }
        internal ReservationNode Real { get; set; } = null!;
        internal int FromReserve { get; set; }
        internal int[] Own { get; } = new int[8];
        internal int[] OwnSlots { get; } = new int[8];
        internal List<GrantWaiter>[] Queues { get; } = new List<GrantWaiter>[8];
        internal List<(Node From, int Rank, int Blocks, int Slots)> Carved { get; } = [];

        internal bool Has(int rank) => Shares.Exists(share => share.Level.Rank == rank);

        internal (int Blocks, int Slots)[] Counted { get; } = new (int, int)[8];

        internal (int Blocks, int Slots) Used(int rank) => Counted[rank];

        internal int BorrowedInUse() =>
            Shares.Sum(share => Math.Max(0, Used(share.Level.Rank).Blocks - Own[share.Level.Rank]));

        internal int UnusedLoans() => Real.Ledgers.Sum(static ledger => ledger.UnusedLoanBlocks + ledger.UnusedLoanSlots);
    }

    private sealed class Open(Node node, Flow flow, Demand demand, Grant grant)
    {
        internal Node Node { get; } = node;
        internal Flow Flow { get; } = flow;
        internal Demand Demand { get; } = demand;
        internal Grant Grant { get; } = grant;
        internal uint Held { get; set; } = demand.RankMask;
        internal bool Posted { get; set; }
        internal int[] Drawn { get; } = new int[8];
        internal List<(int Rank, nint Address)> Addresses { get; } = [];

        internal void Forget(HashSet<nint> drawn, uint ranks)
        {
            foreach (var (rank, address) in Addresses)
            {
                if ((ranks & (1u << rank)) != 0) drawn.Remove(address);
            }
            Addresses.RemoveAll(a => (ranks & (1u << a.Rank)) != 0);
        }
    }

    private sealed class Waiter(LedgerOracle oracle, Node node, Flow flow, Demand demand) : GrantWaiter
    {
        internal new Node Node { get; } = node;
        internal new Flow Flow { get; } = flow;
        internal new Demand Demand { get; } = demand;
        internal int Told { get; set; }

        protected internal override void OnGranted(Grant grant) => oracle.Granted(this, grant);
    }
}

using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Reservations;

/// <summary>Taking and giving back: the hot path. Within the floor it takes no lock and makes no interlocked operation.</summary>
public sealed partial class ReservationNode
{
    private const int FirstChunk = 8, LargestChunk = 128;

    // Replaced when it grows, because snapshots of other threads walk it.
    private GrantRecord[] _records = [];

    // A stack in which taken records keep their place: putting the same one back writes no reference, which is what costs here.
    private GrantRecord?[] _freeRecords = [];
    private int _freeCount;

    // The last demand over several levels that was found possible; a race of a shared node costs a second look.
    private Demand? _possible;

    // Released by other threads: a stack that only the owner empties, all at once.
    private GrantRecord? _postedRecord;
    private int _posted;

    /// <summary>Takes a grant if it can be had at once. Never waits, so it is legal at any rank; false while others wait for what it would take.</summary>
    /// <param name="flow">Who holds it; null for nobody.</param>
    /// <param name="demand">All or nothing.</param>
    /// <param name="grant">The grant; empty when the answer is false.</param>
    public bool TryReserve(Flow? flow, Demand demand, out Grant grant)
    {
        var record = TakePlain(flow, demand) ?? TryReserveSlow(flow, demand);
        return IsGranted(record, out grant);
    }

    /// <summary>Takes a grant at once (true), or queues the waiter, FIFO (false). The order is checked first, whether or not memory is free.</summary>
    /// <param name="flow">Who will hold it.</param>
    /// <param name="gate">Where it waits.</param>
    /// <param name="demand">
    /// All or nothing. What it claims below its highest rank must lie within this node's floors, because it is waited for while the
    /// higher one is parked.
    /// </param>
    /// <param name="waiter">Is told when the answer is false.</param>
    /// <param name="grant">The grant; empty when the answer is false.</param>
    /// <exception cref="ReservationOrderException">The flow holds a rank that is not above the demand's.</exception>
    /// <exception cref="BudgetException">The demand exceeds what the node may ever hold.</exception>
    /// <exception cref="InvalidOperationException">The waiter waits already.</exception>
    public bool Reserve(Flow flow, Gate gate, Demand demand, GrantWaiter waiter, out Grant grant)
    {
        if ((flow.HeldRanks & demand.OrderMask) != 0) ThrowOrder(flow, gate, demand);
        // What only floors make safe must not depend on how much is free just now.
        if (!demand.IsSingle && demand != _possible) _possible = CheckPossible(demand);
        var record = TakePlain(flow, demand) ?? ReserveSlow(flow, gate, demand, waiter);
        return IsGranted(record, out grant);
    }

    /// <summary>Takes a grant out of the floor at creation time, for a fixed reserve. It belongs to no flow.</summary>
    /// <param name="demand">What is taken.</param>
    /// <exception cref="BudgetException">The floor does not hold it.</exception>
    public Grant Prepaid(Demand demand)
    {
        ArgumentNullException.ThrowIfNull(demand);
        if (_sync is null) return PrepaidCore(demand);
        lock (_sync) return PrepaidCore(demand);
    }

    private Grant PrepaidCore(Demand demand)
    {
        if ((_waitMask & demand.RankMask) != 0 || !TakeFromFloor(demand))
            throw new BudgetException($"The floor of node {Name} does not hold a prepaid grant of {Describe(demand)}.");
        var record = Open(null, demand);
        record.State = GrantState.Prepaid;
        return new Grant(record);
    }

    /// <summary>
    /// The shortest way: an owner's demand within the floors, where nobody waits. Null where it is not open. One mask stands for three
    /// tests (shared, full check, waiters), and one claim needs no array: with the plain release 13.6 ns a pair became 10.8.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private GrantRecord? TakePlain(Flow? flow, Demand demand) =>
        (_slowMask & demand.RankMask) == 0 && TakeFromFloor(demand) ? OpenAs(demand.OpensAs, flow, demand) : null;

    // Two assignments instead of one with a condition in it, and slow ways that are not inlined and hand out records: else the compiler
    // keeps the caller's grant in memory, stored and loaded again for each use (10.8 ns a pair, 9.8 this way).
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsGranted(GrantRecord? record, out Grant grant)
    {
        if (record is null)
        {
            grant = default;
            return false;
        }
        grant = new Grant(record);
        return true;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private GrantRecord? TryReserveSlow(Flow? flow, Demand demand)
    {
        GrantRecord? record;
        if (_sync is null) record = TryTake(flow, demand);
        else
        {
            lock (_sync) record = TryTake(flow, demand);
        }
        _root.DrainPosts();
        if (record is null) _root.Metrics.TryDenied(this);
        return record;
    }

    private GrantRecord? TryTake(Flow? flow, Demand demand) => _full && IsDenied(flow) ? null : Take(flow, demand);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private GrantRecord? ReserveSlow(Flow flow, Gate gate, Demand demand, GrantWaiter waiter)
    {
        GrantRecord? record;
        if (_sync is null) record = TakeOrWait(flow, gate, demand, waiter);
        else
        {
            lock (_sync) record = TakeOrWait(flow, gate, demand, waiter);
        }
        Settle();
        return record;
    }

    private GrantRecord? TakeOrWait(Flow flow, Gate gate, Demand demand, GrantWaiter waiter)
    {
        if (_full) CheckFull(flow, gate, demand);
        var record = Take(flow, demand);
        if (record is null) Wait(flow, gate, demand, waiter);
        else if (_full) NoteGate(record, gate);
        return record;
    }

    private GrantRecord? Take(Flow? flow, Demand demand) =>
        (_waitMask & demand.RankMask) == 0 && (TakeFromFloor(demand) || TakeWithLoan(demand)) ? Open(flow, demand) : null;

    /// <summary>Takes a demand that lies within the floors. Nobody of this node may be waiting at its levels.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TakeFromFloor(Demand demand)
    {
        if (!demand.IsSingle) return TakeAllFromFloor(demand.Array);
        var ledger = Ledger(demand.HighestRank);
        var (blocks, slots) = (demand.FirstBlocks, demand.FirstSlots);
        if (ledger is null || !ledger.FitsFloor(blocks, slots)) return false;
        ledger.Take(blocks, slots);
        return true;
    }

    private bool TakeAllFromFloor(Claim[] claims)
    {
        foreach (ref readonly var claim in claims.AsSpan())
        {
            var ledger = Ledger(claim.Level.Rank);
            if (ledger is null || !ledger.FitsFloor(claim)) return false;
        }
        foreach (ref readonly var claim in claims.AsSpan()) _byRank[claim.Level.Rank]!.Take(claim);
        return true;
    }

    /// <summary>As <see cref="TakeFromFloor"/>, with loans: those at hand while nobody waits for any, else the root's.</summary>
    private bool TakeWithLoan(Demand demand)
    {
        var atHand = _root.Wanted == 0;
        foreach (ref readonly var claim in demand.Claims)
        {
            var ledger = Ledger(claim.Level.Rank);
            if (ledger is null || !ledger.FitsCeiling(claim)) return false;
            atHand &= ledger.Fits(claim);
        }
        if (!atHand && !_root.Borrow(this, demand)) return false;
        foreach (ref readonly var claim in demand.Claims) _byRank[claim.Level.Rank]!.Take(claim);
        return true;
    }

    private GrantRecord Open(Flow? flow, Demand demand)
    {
        var record = OpenAs(_plain ? demand.OpensAs : GrantState.General, flow, demand);
        if (_full) OpenFull(record);
        return record;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private GrantRecord OpenAs(GrantState state, Flow? flow, Demand demand)
    {
        if (_freeCount == 0) GrowRecords();
        var record = _freeRecords[--_freeCount]!;
        if (record.Demand != demand) SetDemand(record, demand);
        if (record.Flow != flow) record.Flow = flow;
        record.Held = demand.RankMask;
        record.State = state;
        record.Since = _root.CoarseNow;
        if (flow is not null) flow.Add(demand.RankMask);
        return record;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void SetDemand(GrantRecord record, Demand demand)
    {
        record.Demand = demand;
        if (record.Blocks.Length < demand.Array.Length) Grow(record, demand.Array.Length);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void GrowRecords()
    {
        if (_records.Length == 0 && _root.TryTakeRecords(this, out var spare, out var free))
        {
            _freeRecords = free;
            _freeCount = free.Length;
            Volatile.Write(ref _records, spare);
            return;
        }
        var count = Math.Clamp(_records.Length, FirstChunk, LargestChunk);
        var records = new GrantRecord[_records.Length + count];
        _records.CopyTo(records, 0);
        Array.Resize(ref _freeRecords, records.Length);
        for (var i = _records.Length; i < records.Length; i++)
        {
            records[i] = new GrantRecord(this);
            records[i].Blocks[0].Head = -1;
            _freeRecords[_freeCount++] = records[i];
        }
        Volatile.Write(ref _records, records);
    }

    // Of a node that is closed: every grant has ended, and a handle of one is recognised by its generation whoever has the record then.
    private void GiveRecords()
    {
        var records = _records;
        if (records.Length is 0 or > LargestChunk) return;
        Volatile.Write(ref _records, []);
        foreach (var record in records)
        {
            record.Node = _root.ClosedNode;
            record.Flow = null;
            record.Next = null;
        }
        _root.KeepRecords(records, _freeRecords);
        _freeRecords = [];
        _freeCount = 0;
    }

    private static void Grow(GrantRecord record, int length)
    {
        record.Blocks = new GrantRecord.Drawn[length];
        foreach (ref var drawn in record.Blocks.AsSpan()) drawn.Head = -1;
    }

    internal int BlocksOf(GrantRecord record, int generation, int rank)
    {
        if (_sync is null) return BlocksOfCore(record, generation, rank);
        lock (_sync) return BlocksOfCore(record, generation, rank);
    }

    private static int BlocksOfCore(GrantRecord record, int generation, int rank)
    {
        CheckLive(record, generation);
        return rank <= Level.MaxRank && (record.Held & (1u << rank)) != 0 ? record.Demand!.Array[record.Demand.IndexOf(rank)].Blocks : 0;
    }

    internal Grant Split(GrantRecord record, int generation, Level level)
    {
        if (_sync is null) return SplitCore(record, generation, level);
        lock (_sync) return SplitCore(record, generation, level);
    }

    private Grant SplitCore(GrantRecord record, int generation, Level level)
    {
        var index = ClaimOf(record, generation, level);
        var bit = 1u << level.Rank;
        record.Held &= ~bit;
        // The new record counts the rank in the flow on behalf of the old one.
        var part = Open(null, record.Demand!);
        part.Flow = record.Flow;
        part.Held = bit;
        part.State = record.State;
        part.Since = record.Since;
        part.Gate = record.Gate;
        (part.Blocks[index], record.Blocks[index]) = (record.Blocks[index], part.Blocks[index]);
        return new Grant(part);
    }

    internal void MoveTo(GrantRecord record, int generation, Flow? flow)
    {
        if (_sync is null) MoveToCore(record, generation, flow);
        else
        {
            lock (_sync) MoveToCore(record, generation, flow);
        }
    }

    private void MoveToCore(GrantRecord record, int generation, Flow? flow)
    {
        CheckLive(record, generation);
        record.Flow?.Remove(record.Held);
        flow?.Add(record.Held);
        record.Flow = flow;
        if (_full) NoteGate(record, record.Gate);
    }

    internal void Release(GrantRecord record, int generation)
    {
        // Read without a lock: no other thread writes the state of an owned node's record, and none of a shared node's is ever plain.
        if (record.State != GrantState.Plain)
        {
            ReleaseGeneral(record, generation);
            return;
        }
        CheckLive(record, generation);
        record.Generation = generation + 1;
        var demand = record.Demand!;
        record.Flow?.Remove(demand.RankMask);
        var ledger = _byRank[demand.HighestRank]!;
        ledger.Give(demand.FirstBlocks, demand.FirstSlots);
        Free(record);
        if (ledger.Attention) AfterPlainRelease(ledger);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void AfterPlainRelease(LevelLedger ledger)
    {
        AfterRelease(ledger, callIn: false);
        Settle();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void ReleaseGeneral(GrantRecord record, int generation)
    {
        if (_sync is null)
        {
            CheckLive(record, generation);
            record.Generation = generation + 1;
            if (End(record)) Settle();
            return;
        }
        lock (_sync)
        {
            CheckLive(record, generation);
            record.Generation = generation + 1;
            End(record);
        }
        Settle();
    }

    internal void Release(GrantRecord record, int generation, Level level)
    {
        if (_sync is null)
        {
            if (EndLevel(record, ClaimOf(record, generation, level))) Settle();
            return;
        }
        lock (_sync) EndLevel(record, ClaimOf(record, generation, level));
        Settle();
    }

    internal void PostRelease(GrantRecord record, int generation)
    {
        if (_sync is not null)
        {
            Release(record, generation);
            return;
        }
        // The generation moves on at once, so that a release by the owner meanwhile is caught.
        if (Interlocked.CompareExchange(ref record.Generation, generation + 1, generation) != generation) ThrowStale(record);
        var head = Volatile.Read(ref _postedRecord);
        while (true)
        {
            record.Next = head;
            var seen = Interlocked.CompareExchange(ref _postedRecord, record, head);
            if (seen == head) break;
            head = seen;
        }
        Notify();
    }

    /// <summary>Gives back all that a record holds, lower ranks first. True when there is more to do than to count.</summary>
    private bool End(GrantRecord record)
    {
        var attention = false;
        var claims = record.Demand!.Array;
        for (var i = claims.Length - 1; i >= 0; i--)
        {
            if ((record.Held & (1u << claims[i].Level.Rank)) != 0) attention |= EndLevel(record, i);
        }
        if (_full)
        {
            record.Site = null;
            record.Gate = null;
        }
        Free(record);
        return attention;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Free(GrantRecord record)
    {
        record.State = GrantState.Ended;
        // Demand and flow stay: the next grant of this record most likely has the same.
        if (_freeRecords[_freeCount] != record) _freeRecords[_freeCount] = record;
        _freeCount++;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool EndLevel(GrantRecord record, int index)
    {
        ref readonly var claim = ref record.Demand!.Array[index];
        var rank = claim.Level.Rank;
        record.Held &= ~(1u << rank);
        if (record.Blocks[index].Count > 0) Undraw(ref record.Blocks[index]);
        record.Flow?.Remove(1u << rank);
        var ledger = _byRank[rank]!;
        ledger.Give(claim);
        if (!ledger.Attention) return false;
        AfterRelease(ledger, callIn: false);
        return true;
    }

    /// <summary>Serves who waits, then gives loans back that are not worth keeping.</summary>
    private void AfterRelease(LevelLedger ledger, bool callIn)
    {
        if (ledger.Head is not null) Serve(ledger);
        // The root calls a loan in once: from then on nothing is kept until the next loan is larger than its claim.
        if (callIn) ledger.Batch = ledger.BatchSlots = 0;
        var blocks = ledger.UnusedLoanBlocks;
        var slots = ledger.UnusedLoanSlots;
        if ((blocks | slots) == 0) return;
        var keepNone = callIn || _sync is not null || _root.Wanted != 0;
        var keepBlocks = keepNone || ledger.Used <= ledger.Own ? 0 : blocks > 2 * ledger.Batch ? ledger.Batch : blocks;
        var keepSlots = keepNone || ledger.UsedSlots <= ledger.OwnSlots ? 0 : slots > 2 * ledger.BatchSlots ? ledger.BatchSlots : slots;
        if (keepBlocks < blocks || keepSlots < slots) _root.GiveBack(ledger, keepBlocks, keepSlots);
    }

    /// <summary>The start of all that is done to one level of a grant.</summary>
    private static int ClaimOf(GrantRecord record, int generation, Level level)
    {
        CheckLive(record, generation);
        if (record.State == GrantState.Plain) record.State = GrantState.General;
        if (level.Rank > Level.MaxRank || (record.Held & (1u << level.Rank)) == 0)
            throw new LeakException($"A grant of node {record.Node.Name} does not hold level {level.Name}, or not any more.");
        return record.Demand!.IndexOf(level.Rank);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void CheckLive(GrantRecord record, int generation)
    {
        if (record.Generation != generation) ThrowStale(record);
    }

    private static void ThrowStale(GrantRecord record) =>
        throw new LeakException($"A grant of node {record.Node.Name} was used or released after its release.");

    private void ThrowOrder(Flow flow, Gate gate, Demand demand)
    {
        _root.Metrics.OrderViolated(gate);
        flow.CheckWait(demand.HighestRank, gate);
        throw new UnreachableException();
    }

    private static string Describe(Demand demand)
    {
        var parts = new List<string>();
        foreach (ref readonly var claim in demand.Claims)
            parts.Add($"{claim.Level.Name} {claim.Blocks} blocks" + (claim.Slots > 0 ? $" {claim.Slots} slots" : ""));
        return string.Join(", ", parts);
    }
}

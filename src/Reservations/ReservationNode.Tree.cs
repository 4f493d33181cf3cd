namespace Reservations;

/// <summary>Where floors come from and go to.</summary>
public sealed partial class ReservationNode
{
    private readonly List<Carved> _carved = [];

    // Floors that a child with another owner gave back, for the owner to take in.
    private readonly Lock _returnedLock = new();
    private List<Carved>? _returned;
    private volatile bool _anyReturned;

    /// <summary>Adds a child; floors come out of this node's unassigned floor at the level, then its ancestors', then the root's. All or nothing.</summary>
    /// <param name="name">The name in snapshots, metrics and exceptions.</param>
    /// <param name="owner">The serial execution that alone touches the child. Null: this node's owner; if it has none, the child is shared.</param>
    /// <param name="shares">What it may use, at most one share a level; a level without a share can't be used.</param>
    /// <remarks>Of the ancestors only the shared ones and those of this node's owner are asked: another owner's can't be touched from here.</remarks>
    /// <exception cref="BudgetException">The floors do not fit.</exception>
    /// <exception cref="ArgumentException">A share is malformed.</exception>
    public ReservationNode AddChild(string name, IReservationOwner? owner, params ReadOnlySpan<Share> shares) =>
        Add(_root, this, name, owner, shares, out var reason) ?? throw new BudgetException(reason!);

    /// <summary>As <see cref="AddChild"/>; false when the floors do not fit now.</summary>
    /// <param name="name">The name in snapshots, metrics and exceptions.</param>
    /// <param name="owner">The serial execution that alone touches the child. Null: this node's owner; if it has none, the child is shared.</param>
    /// <param name="shares">What it may use, at most one share a level.</param>
    /// <param name="node">The child; null when the answer is false.</param>
    /// <exception cref="ArgumentException">A share is malformed.</exception>
    public bool TryAddChild(string name, IReservationOwner? owner, ReadOnlySpan<Share> shares, out ReservationNode? node) =>
        (node = Add(_root, this, name, owner, shares, out _)) is not null;

    /// <summary>Gives the floors back. All grants and children must be closed.</summary>
    /// <exception cref="LeakException">A grant or a child is open, or something waits; the message names each. The node stays as it was.</exception>
    public void Dispose()
    {
        if (_disposed) return;
        if (_sync is null)
        {
            TakeInPosted();
            Close();
        }
        else
        {
            lock (_sync) Close();
        }
        foreach (var carved in _carved)
        {
            if (carved.From is null) _root.ReturnFloor(carved.Rank, carved.Blocks, carved.Slots);
            else carved.From.ReturnFloor(carved, Owner);
        }
        _root.Detach(this);
        _root.DrainPosts();
        GiveRecords();
    }

    /// <summary>A node that is in no tree: using a grant of it throws, because it has none.</summary>
    internal static ReservationNode CreateClosed(ReservationRoot root) => new(root, null, "(closed)", owner: null, [], ReservationMetrics.OtherNodes) { _disposed = true };

    internal static ReservationNode? Add(
        ReservationRoot root, ReservationNode? parent, string name, IReservationOwner? owner, ReadOnlySpan<Share> shares, out string? reason)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (parent is not null) ObjectDisposedException.ThrowIf(parent._disposed, parent);
        CheckShares(root, name, shares);
        var node = new ReservationNode(root, parent, name, owner ?? parent?.Owner, shares);
        Span<int> blocks = stackalloc int[shares.Length];
        Span<int> slots = stackalloc int[shares.Length];
        for (var i = 0; i < shares.Length; i++)
        {
            blocks[i] = shares[i].FloorBlocks;
            slots[i] = shares[i].FloorSlots;
            for (var from = parent; from is not null && (blocks[i] | slots[i]) != 0; from = from.Parent)
            {
                if (from != parent && from._sync is null && !ReferenceEquals(from.Owner, parent!.Owner)) continue;
                var carved = from.Carve(shares[i].Level.Rank, blocks[i], slots[i]);
                if ((carved.Blocks | carved.Slots) == 0) continue;
                node._carved.Add(carved);
                blocks[i] -= carved.Blocks;
                slots[i] -= carved.Slots;
            }
        }
        if (!root.TakeFloors(shares, blocks, slots, out reason))
        {
            reason = $"No room for node {name}: {reason}.";
            foreach (var carved in node._carved) carved.From!.ReturnFloor(carved, parent!.Owner);
            root.DrainPosts();
            return null;
        }
        for (var i = 0; i < shares.Length; i++)
        {
            if ((blocks[i] | slots[i]) != 0) node._carved.Add(new Carved(null, shares[i].Level.Rank, blocks[i], slots[i]));
            var ledger = node.Ledgers[i];
            ledger.Own = ledger.Limit = shares[i].FloorBlocks;
            ledger.OwnSlots = ledger.LimitSlots = shares[i].FloorSlots;
            node.Entitled += shares[i].FloorBlocks;
        }
        root.Attach(node);
        return node;
    }

    private static void CheckShares(ReservationRoot root, string name, ReadOnlySpan<Share> shares)
    {
        var seen = 0u;
        foreach (ref readonly var share in shares)
        {
            if (!root.HasLevel(share.Level)) throw new ArgumentException($"Node {name}: level {share.Level.Name} is not one of the root's.", nameof(shares));
            if ((seen & (1u << share.Level.Rank)) != 0) throw new ArgumentException($"Node {name}: two shares of level {share.Level.Name}.", nameof(shares));
            seen |= 1u << share.Level.Rank;
            if (share.FloorBlocks < 0 || share.FloorSlots < 0 || share.CeilingBlocks < share.FloorBlocks || share.CeilingSlots < share.FloorSlots || share.Weight < 1)
                throw new ArgumentException($"Node {name}: the share of level {share.Level.Name} needs 0 <= floor <= ceiling and a weight of 1 or more.", nameof(shares));
        }
    }

    /// <summary>Takes what is free of this node's floor, at most as much as asked for.</summary>
    private Carved Carve(int rank, int blocks, int slots)
    {
        if (_sync is null) return CarveCore(rank, blocks, slots);
        lock (_sync) return CarveCore(rank, blocks, slots);
    }

    private Carved CarveCore(int rank, int blocks, int slots)
    {
        var ledger = Ledger(rank);
        // Whoever waits for this floor comes first.
        if (ledger is null || ledger.Waiters > 0) return default;
        blocks = Math.Clamp(ledger.Own - ledger.Used, 0, blocks);
        slots = Math.Clamp(ledger.OwnSlots - ledger.UsedSlots, 0, slots);
        ledger.Own -= blocks;
        ledger.Limit -= blocks;
        ledger.OwnSlots -= slots;
        ledger.LimitSlots -= slots;
        Entitled -= blocks;
        if (_physical > Entitled) ReturnExcess();
        return new Carved(this, rank, blocks, slots);
    }

    private void ReturnFloor(Carved carved, IReservationOwner? by)
    {
        if (_sync is not null)
        {
            lock (_sync) ReturnFloorCore(carved);
            Settle();
        }
        else if (ReferenceEquals(Owner, by))
        {
            ReturnFloorCore(carved);
            Settle();
        }
        else
        {
            lock (_returnedLock) (_returned ??= []).Add(carved);
            _anyReturned = true;
            Notify();
        }
    }

    private void ReturnFloorCore(Carved carved)
    {
        var ledger = _byRank[carved.Rank]!;
        ledger.Own += carved.Blocks;
        ledger.Limit += carved.Blocks;
        ledger.OwnSlots += carved.Slots;
        ledger.LimitSlots += carved.Slots;
        Entitled += carved.Blocks;
        // A loan that the larger floor makes too much for the ceiling, or needless, goes back here.
        if (ledger.Attention) AfterRelease(ledger, callIn: false);
    }

    private void TakeInReturned()
    {
        if (!_anyReturned) return;
        lock (_returnedLock)
        {
            _anyReturned = false;
            foreach (var carved in _returned!) ReturnFloorCore(carved);
            _returned.Clear();
        }
    }

    private void Close()
    {
        var open = new List<string>();
        DescribeOpenGrants(open, recursive: false);
        _root.DescribeChildren(this, open);
        foreach (var ledger in Ledgers)
        {
            if (ledger.Waiters > 0) open.Add($"{ledger.Waiters} waiters at {ledger.Level.Name}");
        }
        if (open.Count > 0) throw new LeakException($"Node {Name} is disposed while open: {string.Join("; ", open)}.");
        _disposed = true;
        foreach (var ledger in Ledgers)
        {
            _root.Close(ledger);
            ledger.Own = ledger.Limit = ledger.OwnSlots = ledger.LimitSlots = 0;
        }
        Entitled = 0;
        ReturnExcess();
    }

    private readonly record struct Carved(ReservationNode? From, int Rank, int Blocks, int Slots);
}

using System.Runtime.CompilerServices;

namespace Reservations;

/// <summary>
/// A node of the tree: target, session, connection, device. Its floor is its own; surplus is borrowed from the root. With an owner,
/// all members but <see cref="Grant.PostRelease"/> are called from the owner's serial execution only, and take no lock within the floor;
/// without one (shared) every member may be called from any thread.
/// </summary>
/// <remarks>
/// A ceiling bounds what the node itself uses, its children apart. Waiters queue FIFO per level; a demand over several levels is
/// taken level by level, highest first, so that waiting for a lower level while the higher one is parked is the legal order.
/// </remarks>
public sealed partial class ReservationNode : IDisposable
{
    private readonly ReservationRoot _root;

    // Null where an owner's serial execution takes its place.
    private readonly Lock? _sync;
    private readonly LevelLedger?[] _byRank;
    private readonly bool _full;

    // Owned, and without the full check: grants of one level may take the shortest way.
    private readonly bool _plain;
    private bool _disposed;

    // Written under the root's lock; its owner reads it without.
    private volatile bool _rootNews;

    private ReservationNode(ReservationRoot root, ReservationNode? parent, string name, IReservationOwner? owner, ReadOnlySpan<Share> shares, string? tag = null)
    {
        _root = root;
        _full = root.IsFull;
        Parent = parent;
        Name = name;
        Owner = owner;
        if (owner is null) _sync = new Lock();
        _plain = owner is not null && !_full;
        SetWaitMask(0);
        _byRank = new LevelLedger?[root.RankCount];
        Ledgers = new LevelLedger[shares.Length];
        for (var i = 0; i < shares.Length; i++) Ledgers[i] = _byRank[shares[i].Level.Rank] = new LevelLedger(this, shares[i]);
        _deny = root.IsFull ? new DenySource(root) : null;
        Tag = tag ?? root.Metrics.TagOf(name);
    }

    /// <summary>The name in snapshots.</summary>
    public string Name { get; }

    /// <summary>Used, borrowed and waiting, now.</summary>
    public NodeState State
    {
        get
        {
            if (_sync is null) return Sum();
            lock (_sync) return Sum();
        }
    }

    internal IReservationOwner? Owner { get; }

    internal ReservationNode? Parent { get; }

    /// <summary>The name in metrics.</summary>
    internal string Tag { get; }

    /// <summary>In the order of the shares.</summary>
    internal LevelLedger[] Ledgers { get; }

    /// <summary>Blocks that the limits of all levels allow; the node never has more in grants and in its cache.</summary>
    internal int Entitled { get; set; }

    // ---- under the root's lock
    internal List<ReservationNode> Children { get; } = [];
    internal bool InPosts { get; set; }
    internal bool RootNews
    {
        get => _rootNews;
        set => _rootNews = value;
    }

    internal bool CalledIn { get; set; }

    /// <summary>Usage of one level; all zero where the node has no share.</summary>
    /// <param name="level">The level.</param>
    public LevelState GetLevelState(Level level) => Ledger(level.Rank) is { } ledger
        ? new LevelState(ledger.Own, ledger.Used, ledger.CeilingBlocks, ledger.OwnSlots, ledger.UsedSlots, ledger.CeilingSlots)
        : default;

    private NodeState Sum()
    {
        long floor = 0, used = 0, borrowed = 0;
        var waiters = 0;
        foreach (var ledger in Ledgers)
        {
            floor += ledger.Own;
            used += ledger.Used;
            borrowed += ledger.Limit - ledger.Own;
            waiters += ledger.Waiters;
        }
        return new NodeState(floor, used, borrowed, waiters, OldestGrant());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal LevelLedger? Ledger(int rank)
    {
        var byRank = _byRank;
        return (uint)rank < (uint)byRank.Length ? byRank[rank] : null;
    }
}

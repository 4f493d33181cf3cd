namespace Reservations;

/// <summary>The budget. Owns all blocks. One per process or per embedded stack. Every member may be called from any thread.</summary>
/// <remarks>
/// The budget is the surplus plus the reserve. The reserve is what floors are made of; the surplus is lent out, block by block, to any
/// level of any node. One lock guards both, the tree, and the free blocks; owners come here only for loans, and in batches.
/// </remarks>
public sealed partial class ReservationRoot : IDisposable
{
    private readonly Lock _lock = new();
    private readonly List<ReservationNode> _children = [];
    private readonly Queue<ReservationNode> _posts = new();
    private volatile bool _postsPending;
    private readonly uint _levelMask;
    private ulong _denySeed;
    private bool _disposed;

    private ReservationRoot(ReservationOptions options)
    {
        Options = options;
        Clock = options.Clock;
        IsFull = options.OrderCheck == OrderCheck.Full;
        foreach (var level in options.Levels)
        {
            if (level.Rank > Level.MaxRank) throw new ArgumentException($"Rank {level.Rank} of level {level.Name} is above {Level.MaxRank}.", nameof(options));
            if ((_levelMask & (1u << level.Rank)) != 0) throw new ArgumentException($"Two levels of rank {level.Rank}.", nameof(options));
            _levelMask |= 1u << level.Rank;
            RankCount = Math.Max(RankCount, level.Rank + 1);
        }
        _rings = new Ring[RankCount];
        _slots = new SlotPool[RankCount];
        foreach (var slots in options.Slots)
        {
            if (!HasLevel(slots.Level)) throw new ArgumentException($"Slots for level {slots.Level.Name}, which is not one of the levels.", nameof(options));
            ArgumentOutOfRangeException.ThrowIfNegative(slots.Count, nameof(options));
            _slots[slots.Level.Rank].Total += slots.Count;
            _slots[slots.Level.Rank].Free += slots.Count;
        }
        BlockSize = options.BlockSize;
        var blocks = checked((int)(options.BudgetBytes / BlockSize));
        _surplus = _surplusFree = _surplusConfigured = (int)Math.Min(blocks, options.SurplusBytes / BlockSize);
        _reserve = _reserveFree = blocks - _surplus;
        _denySeed = (ulong)options.DenySeed;
        AddSlabs(blocks);
        CoarseNow = Clock.GetTimestamp();
        Metrics = new ReservationMetrics(this);
        ClosedNode = ReservationNode.CreateClosed(this);
    }

    /// <summary>The options it was created with.</summary>
    public ReservationOptions Options { get; }

    internal TimeProvider Clock { get; }
    internal int BlockSize { get; }
    internal int RankCount { get; }
    internal bool IsFull { get; }
    internal ReservationMetrics Metrics { get; }
    internal GateEdges Edges { get; } = new();

    /// <summary>What new grants are dated with: reading the clock for each would cost more than the grant.</summary>
    internal long CoarseNow { get; private set; }

    /// <summary>Allocates and touches the blocks.</summary>
    /// <param name="options">The budget and its levels.</param>
    /// <exception cref="ArgumentException">A level is declared twice, or a number is out of its range.</exception>
    public static ReservationRoot Create(ReservationOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.BlockSize is < 512 or > 65536 || !int.IsPow2(options.BlockSize))
            throw new ArgumentOutOfRangeException(nameof(options), options.BlockSize, "The block size is a power of two from 512 to 65536.");
        ArgumentOutOfRangeException.ThrowIfLessThan(options.BudgetBytes, options.BlockSize, nameof(options));
        ArgumentOutOfRangeException.ThrowIfNegative(options.SurplusBytes, nameof(options));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.SurplusBytes, options.BudgetBytes, nameof(options));
        if (options.DenyProbability is not (>= 0 and <= 1))
            throw new ArgumentOutOfRangeException(nameof(options), options.DenyProbability, "A probability lies between 0 and 1.");
        return new ReservationRoot(options);
    }

    /// <summary>Adds a node below the root; its floors are carved out of the part of the budget that is not surplus.</summary>
    /// <param name="name">The name in snapshots, metrics and exceptions.</param>
    /// <param name="owner">The serial execution that alone touches the node; null makes it shared, with a lock inside.</param>
    /// <param name="shares">What it may use, at most one share a level; a level without a share can't be used.</param>
    /// <exception cref="BudgetException">The floors do not fit.</exception>
    /// <exception cref="ArgumentException">A share is malformed.</exception>
    public ReservationNode AddChild(string name, IReservationOwner? owner, params ReadOnlySpan<Share> shares) =>
        ReservationNode.Add(this, null, name, owner, shares, out var reason) ?? throw new BudgetException(reason!);

    /// <summary>As <see cref="AddChild"/>, for admission: false when the floors do not fit now; never waits.</summary>
    /// <param name="name">The name in snapshots, metrics and exceptions.</param>
    /// <param name="owner">The serial execution that alone touches the node; null makes it shared, with a lock inside.</param>
    /// <param name="shares">What it may use, at most one share a level.</param>
    /// <param name="node">The node; null when the answer is false.</param>
    /// <exception cref="ArgumentException">A share is malformed.</exception>
    public bool TryAddChild(string name, IReservationOwner? owner, ReadOnlySpan<Share> shares, out ReservationNode? node) =>
        (node = ReservationNode.Add(this, null, name, owner, shares, out _)) is not null;

    /// <summary>
    /// Reads the clock for the dating of grants. Called from the server's heartbeat, about once a second; waits, loans and
    /// snapshots do it too.
    /// </summary>
    public void Tick() => CoarseNow = Clock.GetTimestamp();

    /// <summary>Releases the blocks. Nodes that hold nothing are closed with it.</summary>
    /// <exception cref="LeakException">A grant is open; the message names each. The root stays as it was.</exception>
    public void Dispose()
    {
        var open = new List<string>();
        lock (_lock)
        {
            if (_disposed) return;
            foreach (var child in _children) child.DescribeOpenGrants(open, recursive: true);
            if (open.Count == 0) _disposed = true;
        }
        if (open.Count > 0) throw new LeakException($"The root is disposed while {open.Count} grants are open: {string.Join("; ", open)}.");
        Metrics.Dispose();
        DropSlabs();
    }

    internal bool HasLevel(Level level) => level.Rank <= Level.MaxRank && (_levelMask & (1u << level.Rank)) != 0;

    internal ulong NextDenySeed() => Interlocked.Add(ref _denySeed, 0x5851F42D4C957F2D);

    internal void Attach(ReservationNode node)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            (node.Parent?.Children ?? _children).Add(node);
        }
    }

    internal void Detach(ReservationNode node)
    {
        lock (_lock) (node.Parent?.Children ?? _children).Remove(node);
    }

    internal void DescribeChildren(ReservationNode node, List<string> open)
    {
        lock (_lock)
        {
            foreach (var child in node.Children) open.Add($"child {child.Name}");
        }
    }

    /// <summary>Tells the nodes that were given something. Called without any lock.</summary>
    internal void DrainPosts()
    {
        while (_postsPending)
        {
            ReservationNode? node;
            bool news;
            lock (_lock)
            {
                if (!_posts.TryDequeue(out node))
                {
                    _postsPending = false;
                    return;
                }
                node.InPosts = false;
                news = node.RootNews;
            }
            // A node that asked for itself has taken it already.
            if (news) node.Notify();
        }
    }

    private void PostLater(ReservationNode node)
    {
        node.RootNews = true;
        if (node.InPosts) return;
        node.InPosts = true;
        _posts.Enqueue(node);
        _postsPending = true;
    }

}

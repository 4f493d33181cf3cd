using Reservations;

namespace Iscsi.Storage;

/// <summary>
/// Fails calls by rules, before they reach the device below: a failed call has changed nothing. The first rule that fires
/// decides.
/// </summary>
public sealed class FaultInjectionBlockDevice : BlockDeviceDecorator
{
    private readonly Lock _lock = new();
    private readonly List<RuleState> _rules = [];
    private readonly Random _random;
    private long _faultCount;

    /// <summary>Wraps a device.</summary>
    /// <param name="inner">The device below.</param>
    /// <param name="seed">Of the coin for <see cref="FaultRule.Probability"/>: the same calls with the same seed have the same
    /// faults.</param>
    /// <param name="rules">Rules to begin with.</param>
    public FaultInjectionBlockDevice(IBlockDevice inner, int seed, params ReadOnlySpan<FaultRule> rules)
        : base(inner, leaveOpen: false)
    {
        _random = new Random(seed);
        foreach (var rule in rules) Add(rule);
    }

    /// <summary>Faults so far.</summary>
    public long FaultCount => Volatile.Read(ref _faultCount);

    /// <summary>Adds a rule behind the others; its counts begin now.</summary>
    /// <param name="rule">The rule.</param>
    public void Add(FaultRule rule)
    {
        ArgumentNullException.ThrowIfNull(rule);
        if (rule.Probability is not (>= 0 and <= 1)) throw new ArgumentOutOfRangeException(nameof(rule), rule.Probability, "A probability is 0 to 1.");
        lock (_lock) _rules.Add(new RuleState(rule));
    }

    /// <summary>Forgets all rules.</summary>
    public void Clear()
    {
        lock (_lock) _rules.Clear();
    }

    /// <inheritdoc/>
    public override ValueTask ReadAsync(long lba, BlockList destination, CancellationToken cancellationToken = default) =>
        Fault(BlockOperations.Read, RangeOf(lba, destination)) is { } fault
            ? ValueTask.FromException(fault)
            : Inner.ReadAsync(lba, destination, cancellationToken);

    /// <inheritdoc/>
    public override ValueTask WriteAsync(long lba, BlockList source,
        BlockWriteFlags flags = BlockWriteFlags.None, CancellationToken cancellationToken = default) =>
        Fault(BlockOperations.Write, RangeOf(lba, source)) is { } fault
            ? ValueTask.FromException(fault)
            : Inner.WriteAsync(lba, source, flags, cancellationToken);

    /// <inheritdoc/>
    public override ValueTask FlushAsync(CancellationToken cancellationToken = default) =>
        Fault(BlockOperations.Flush, null) is { } fault ? ValueTask.FromException(fault) : Inner.FlushAsync(cancellationToken);

    /// <inheritdoc/>
    public override ValueTask WriteZeroesAsync(BlockRange range,
        BlockWriteFlags flags = BlockWriteFlags.None, CancellationToken cancellationToken = default) =>
        Fault(BlockOperations.WriteZeroes, range) is { } fault
            ? ValueTask.FromException(fault)
            : Inner.WriteZeroesAsync(range, flags, cancellationToken);

    /// <inheritdoc/>
    public override ValueTask UnmapAsync(BlockRange range, CancellationToken cancellationToken = default) =>
        Fault(BlockOperations.Unmap, range) is { } fault ? ValueTask.FromException(fault) : Inner.UnmapAsync(range, cancellationToken);

    /// <inheritdoc/>
    public override ValueTask<int> GetExtentsAsync(BlockRange range, Memory<BlockExtent> extents,
        CancellationToken cancellationToken = default) =>
        Fault(BlockOperations.GetExtents, range) is { } fault
            ? ValueTask.FromException<int>(fault)
            : Inner.GetExtentsAsync(range, extents, cancellationToken);

    private BlockRange RangeOf(long lba, BlockList list)
    {
        ArgumentNullException.ThrowIfNull(list);
        return new(lba, list.Length / Info.BlockSize);
    }

    private BlockDeviceException? Fault(BlockOperations operation, BlockRange? range)
    {
        lock (_lock)
        {
            foreach (var state in _rules)
            {
                if (!state.Fires(operation, range, _random)) continue;
                _faultCount++;
                return new BlockDeviceException(state.Rule.Error, $"{Info.Description}: injected fault {_faultCount} in {operation}: {state.Rule.Error}.");
            }
        }
        return null;
    }

    private sealed class RuleState(FaultRule rule)
    {
        private long _calls;
        private long _faults;

        public FaultRule Rule => rule;

        public bool Fires(BlockOperations operation, BlockRange? range, Random random)
        {
            if ((rule.Operations & operation) == BlockOperations.None) return false;
            if (rule.Range is { } wanted && !(range is { } touched && Overlap(wanted, touched))) return false;
            if (_calls++ < rule.SkipCalls || _faults >= rule.MaxFaults) return false;
            if (rule.Probability < 1 && random.NextDouble() >= rule.Probability) return false;
            _faults++;
            return true;
        }

        private static bool Overlap(BlockRange a, BlockRange b) => a.Lba < b.Lba + b.Count && b.Lba < a.Lba + a.Count;
    }
}

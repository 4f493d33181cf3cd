namespace Iscsi.Storage;

/// <summary>When a <see cref="FaultInjectionBlockDevice"/> fails a call, and how.</summary>
/// <remarks>The third read only: <c>new() { Operations = BlockOperations.Read, SkipCalls = 2, MaxFaults = 1 }</c>.</remarks>
public sealed record FaultRule
{
    /// <summary>The calls it looks at. Default: all.</summary>
    public BlockOperations Operations { get; init; } = BlockOperations.All;

    /// <summary>Blocks that a call must touch; null (default): any. A flush touches none.</summary>
    public BlockRange? Range { get; init; }

    /// <summary>Matching calls that pass before the rule begins to work. Default 0.</summary>
    public long SkipCalls { get; init; }

    /// <summary>Faults after which the rule is used up. Default: never.</summary>
    public long MaxFaults { get; init; } = long.MaxValue;

    /// <summary>Probability of a fault once the rule works, 0 to 1. Default 1.</summary>
    public double Probability { get; init; } = 1;

    /// <summary>The error. Default <see cref="BlockDeviceError.Failed"/>.</summary>
    public BlockDeviceError Error { get; init; }
}

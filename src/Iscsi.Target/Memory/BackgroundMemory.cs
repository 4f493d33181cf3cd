using Reservations;

namespace Iscsi.Target.Memory;

/// <summary>
/// The memory of operations that run on after their command has ended, as SANITIZE and FORMAT UNIT: a block each, out of the store floor.
/// Shared by all logical units; any thread.
/// </summary>
internal sealed class BackgroundMemory : IDisposable
{
    private readonly ReservationNode _node;

    public BackgroundMemory(ReservationRoot root, MemoryBudget budget) => _node = root.AddChild(
        "background operations", owner: null, new Share(TargetLevels.Burst, budget.BackgroundBlocks, budget.BackgroundBlocks));

    /// <summary>The node.</summary>
    public ReservationNode Node => _node;

    /// <summary>What one operation takes: data of one block, which its device is given again and again.</summary>
    public static Demand Demand { get; } = new(new Claim(TargetLevels.Burst, 1));

    /// <inheritdoc/>
    public void Dispose() => _node.Dispose();
}

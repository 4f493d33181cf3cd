using Reservations;

namespace Iscsi.Target.Memory;

/// <summary>The demands of the target, built once: none is made on a hot path.</summary>
internal sealed class MemoryDemands
{
    private readonly Demand[] _bursts;

    public MemoryDemands(MemoryBudget budget)
    {
        Credit = new Demand(new Claim(TargetLevels.Credit, budget.CreditBlocks, 1));
        _bursts = new Demand[budget.BurstBlocks];
        for (var i = 0; i < _bursts.Length; i++) _bursts[i] = new Demand(new Claim(TargetLevels.Burst, i + 1));
    }

    /// <summary>One command slot.</summary>
    public Demand Credit { get; }

    /// <summary>The largest burst.</summary>
    public Demand LargestBurst => _bursts[^1];

    /// <summary>A burst of a number of blocks.</summary>
    public Demand Burst(int blocks) => _bursts[blocks - 1];
}

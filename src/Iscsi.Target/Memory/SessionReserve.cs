using Iscsi.Target.Tasks;
using Iscsi.Transport;
using Reservations;

namespace Iscsi.Target.Memory;

/// <summary>
/// A session's floor: window, bursts, and the standby (a connection, a credit, a burst). It outlives the session that a
/// reinstatement replaces: the new session takes it over, and with it the executor and the task sets, because tasks of the old one may
/// still hold grants of the node and write to the store.
/// </summary>
internal sealed class SessionReserve : IReservationOwner
{
    private readonly ProcessWork _work;
    private readonly Demand _creditDemand;
    private readonly Demand _burstDemand;
    private Grant _standbyCredit;
    private Grant _standbyBurst;

    private SessionReserve(SerialExecutor executor, MemoryDemands demands)
    {
        Executor = executor;
        _work = new ProcessWork(this);
        _creditDemand = demands.Credit;
        _burstDemand = demands.LargestBurst;
    }

    /// <summary>The node of the credit and burst levels.</summary>
    public ReservationNode Node { get; private set; } = null!;

    /// <summary>The one owner of the node, the session, its connection and its tasks.</summary>
    public SerialExecutor Executor { get; }

    /// <summary>Task sets of the nexus.</summary>
    public NexusTaskSets TaskSets { get; } = new();

    /// <summary>The session that the floor belongs to now. Guarded by the registry.</summary>
    public Sessions.TargetSession? Owner { get; set; }

    /// <summary>Sessions that hold or may still hold something of the floor: the owner and those it replaced. Guarded by the registry.</summary>
    public int Sessions { get; set; }

    /// <summary>Whether the floor went back to the root. Guarded by the registry.</summary>
    public bool IsReleased { get; set; }

    /// <summary>The connection reserve of the login that would replace the session; null while such a login uses it. Guarded by the registry.</summary>
    public ConnectionReserve? Standby { get; set; }

    /// <summary>Whether the credit of a successor's first command is set aside. Owner only.</summary>
    public bool HasStandbyCredit => !_standbyCredit.IsEmpty;

    /// <summary>Takes the floor, or says that the budget does not hold it.</summary>
    public static SessionReserve? TryCreate(
        ReservationRoot root, MemoryBudget budget, MemoryDemands demands, string name, SerialExecutor executor, ConnectionReserve standby)
    {
        var reserve = new SessionReserve(executor, demands) { Standby = standby };
        if (!root.TryAddChild(name, reserve, Shares(budget), out var node)) return null;
        reserve.Node = node!;
        reserve._standbyCredit = node!.Prepaid(reserve._creditDemand);
        reserve._standbyBurst = node.Prepaid(reserve._burstDemand);
        return reserve;
    }

    /// <summary>
    /// A reinstatement: the standby credit and burst become usable, so that the new session can run its first command whatever the old tasks
    /// still hold. Owner only.
    /// </summary>
    public void OpenStandby()
    {
        // A session that is replaced soon after it replaced another one has not set them aside again yet.
        if (!_standbyCredit.IsEmpty) _standbyCredit.Dispose();
        _standbyCredit = default;
        if (!_standbyBurst.IsEmpty) _standbyBurst.Dispose();
        _standbyBurst = default;
    }

    /// <summary>Sets standby credit and burst aside again, as far as they are free now. Owner only; called until it says true.</summary>
    public bool TryRefillStandby()
    {
        if (_standbyCredit.IsEmpty) Node.TryReserve(null, _creditDemand, out _standbyCredit);
        if (_standbyBurst.IsEmpty) Node.TryReserve(null, _burstDemand, out _standbyBurst);
        return !_standbyCredit.IsEmpty && !_standbyBurst.IsEmpty;
    }

    void IReservationOwner.Post(ReservationNode node) => Executor.Post(_work);

    /// <summary>Gives the floor back; the standby connection goes back to the pool by the caller. Owner only, when no task is left.</summary>
    public void Release()
    {
        if (!_standbyCredit.IsEmpty) _standbyCredit.Dispose();
        if (!_standbyBurst.IsEmpty) _standbyBurst.Dispose();
        Node.Dispose();
    }

    private static Share[] Shares(MemoryBudget budget)
    {
        var limits = budget.Limits;
        var surplus = (int)(budget.SurplusBytes / MemoryBudget.BlockBytes);
        var floor = limits.WindowFloor + 1;
        var ceiling = Math.Max(limits.WindowCeiling, limits.WindowFloor) + 1;
        return
        [
            new Share(TargetLevels.Credit, floor * budget.CreditBlocks, ceiling * budget.CreditBlocks, floor, ceiling),
            new Share(TargetLevels.Burst, 2 * budget.BurstBlocks, 2 * budget.BurstBlocks + surplus),
        ];
    }

    private sealed class ProcessWork(SessionReserve reserve) : SerialWork
    {
        protected override void Run() => reserve.Node.ProcessPosted();
    }
}

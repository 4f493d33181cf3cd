using Reservations;

namespace Iscsi.Target.Memory;

/// <summary>
/// The reserves of all connections, drawn once at start, when blocks are still neighbours: login text is parsed in place, so each of its
/// buffers is one run. Two for every promised session; what the budget leaves over serves discovery and refused logins.
/// </summary>
internal sealed class ConnectionReservePool : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Stack<ConnectionReserve> _free;
    private readonly List<ConnectionReserve> _all = [];
    private readonly ReservationNode _node;
    private readonly Grant _memory;

    public ConnectionReservePool(ReservationRoot root, MemoryBudget budget)
    {
        var count = budget.ConnectionReserves;
        _free = new Stack<ConnectionReserve>(count);
        var blocks = count * budget.ConnectionBlocks;
        _node = root.AddChild(
            "connections",
            owner: null,
            new Share(TargetLevels.Admission, blocks, blocks),
            new Share(TargetLevels.Wire, 0, 0, count * budget.Limits.WireSlots, count * budget.Limits.WireSlots));
        _memory = _node.Prepaid(new Demand(new Claim(TargetLevels.Admission, blocks)));
        for (var i = 0; i < count; i++) _all.Add(new ConnectionReserve(_node, budget, i));

        // Neighbours end where a slab ends. What must be one run is cut first, longest first; the rest takes what remains.
        var all = new BlockList(8 + blocks / 256);
        _memory.Draw(TargetLevels.Admission, blocks, all);
        var cutter = new RunCutter(all);
        foreach (var reserve in _all) cutter.CutOne(MemoryBudget.LoginTextBlocks, reserve.LoginText);
        foreach (var reserve in _all)
        {
            cutter.CutOne(MemoryBudget.TextPduBlocks, reserve.TextIn);
            cutter.CutOne(MemoryBudget.TextPduBlocks, reserve.TextOut);
        }
        foreach (var reserve in _all)
        {
            cutter.Cut(budget.ReceiveBlocks, reserve.Receive);
            cutter.Cut(budget.EntryBlocks, reserve.Entries);
        }
        for (var i = count - 1; i >= 0; i--) _free.Push(_all[i]);
    }

    /// <summary>Takes a reserve; null when none is left. Never waits.</summary>
    public ConnectionReserve? TryTake()
    {
        lock (_lock) return _free.TryPop(out var reserve) ? reserve : null;
    }

    /// <summary>Gives a reserve back whose connection no longer uses it.</summary>
    public void Return(ConnectionReserve reserve)
    {
        reserve.BindTo(null);
        lock (_lock) _free.Push(reserve);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var reserve in _all) reserve.Node.Dispose();
        _memory.Dispose();
        _node.Dispose();
    }
}

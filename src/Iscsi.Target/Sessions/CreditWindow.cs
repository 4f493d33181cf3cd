using Iscsi.Protocol;
using Iscsi.Target.Memory;
using Iscsi.Target.Tasks;
using Reservations;

namespace Iscsi.Target.Sessions;

/// <summary>
/// The command window of a session, backed by memory: every number that is open, and every task in progress, has a slot that was granted
/// before (MaxCmdSN - ExpCmdSN + 1 + tasks in progress is never more than the slots granted).
/// </summary>
/// <remarks>
/// A credit is a loan that can't be called in, so unused ones are kept few: the window opens at its floor W and borrows only when arrivals
/// fill it, an idle session pins at most W + h. It shrinks by attrition: a slot that comes back is not opened again.
/// </remarks>
internal sealed class CreditWindow
{
    private readonly TargetCore _core;
    private readonly SessionReserve? _reserve;
    private readonly TargetSession _session;
    private readonly TargetTask?[] _held;
    private readonly TargetTask[] _free;
    private readonly int _floor;
    private readonly int _gap;
    private int _freeCount;
    private int _granted;
    private int _spareLowWater;
    private bool _isClosed;

    /// <summary>Creates a closed window.</summary>
    /// <param name="session">The session.</param>
    /// <param name="reserve">Its floor; null for a discovery session, whose one slot lives in the connection's reserve.</param>
    /// <param name="firstCmdSN">CmdSN of the login.</param>
    public CreditWindow(TargetSession session, SessionReserve? reserve, uint firstCmdSN)
    {
        _session = session;
        _core = session.Core;
        _reserve = reserve;
        var limits = _core.Budget.Limits;
        _floor = reserve is null ? 1 : limits.WindowFloor;
        _gap = reserve is null ? 1 : limits.WindowFloor + _core.Budget.WindowGap;
        var ceiling = Math.Max(limits.WindowCeiling, limits.WindowFloor) + 1;
        Numbers = new CommandWindow(firstCmdSN, Math.Max(ceiling, _gap));
        _held = new TargetTask?[Numbers.Capacity];
        _free = new TargetTask[ceiling];
    }

    /// <summary>The numbers.</summary>
    public CommandWindow Numbers { get; }

    /// <summary>The last MaxCmdSN that left: a peer can't know a later one.</summary>
    public uint Advertised { get; private set; }

    /// <summary>Slots granted, floor and borrowed.</summary>
    public int Granted => _granted;

    /// <summary>Tasks that hold a slot.</summary>
    public int InProgress => _granted - _freeCount;

    /// <summary>Whether the peer has used half of what it was told and more is open: it should hear of it.</summary>
    public bool ShouldTell => Numbers.UnadvertisedCount > 0 && (int)(Advertised - Numbers.ExpCmdSN + 1) <= _floor / 2;

    /// <summary>Opens the window at its floor, less what tasks of a replaced session still hold.</summary>
    /// <returns>Numbers opened.</returns>
    public int Open()
    {
        if (_reserve is null)
        {
            _free[_freeCount++] = _session.CreateDiscoveryTask();
            _granted = 1;
        }
        else
        {
            while (_granted < _floor && TryGrow()) { }
        }
        Numbers.Grow(_granted);
        Advertise();
        return _granted;
    }

    /// <summary>MaxCmdSN for a PDU that leaves now.</summary>
    public uint Advertise() => Advertised = Numbers.Advertise();

    /// <summary>What a request that arrived is. A number that was opened but never told counts as outside.</summary>
    public CommandArrival Classify(uint cmdSN)
    {
        var arrival = Numbers.Classify(cmdSN, isImmediate: false);
        return arrival is CommandArrival.InOrder or CommandArrival.Hold && SerialNumber.IsAfter(cmdSN, Advertised)
            ? CommandArrival.OutsideWindow
            : arrival;
    }

    /// <summary>The slot of a request whose number is open: there is one, because the number was opened for it.</summary>
    public TargetTask Take() => _free[--_freeCount];

    /// <summary>Takes the number of a request that is complete; hands out the requests that may be executed now, in order.</summary>
    public void Accept(TargetTask task, uint cmdSN, long now)
    {
        var first = Numbers.ExpCmdSN;
        var count = Numbers.Accept(cmdSN, now);
        if (count == 0)
        {
            _held[cmdSN % (uint)_held.Length] = task;
            return;
        }
        // Refilled before anything is answered, so that the answer carries the new MaxCmdSN.
        Refill();
        Deliver(first, count, task);
    }

    /// <summary>ABORT TASK of a command that never came (RFC 7143, 11.6.1).</summary>
    public HoleFill FillHole(uint refCmdSN, uint ownCmdSN, long now)
    {
        var first = Numbers.ExpCmdSN;
        var fill = Numbers.FillHole(refCmdSN, ownCmdSN, now, out var count);
        if (fill != HoleFill.Filled) return fill;
        Refill();
        Deliver(first, count, null);
        return fill;
    }

    /// <summary>Forgets a held request that was aborted; its number stays received.</summary>
    public void DropHeld(uint cmdSN) => _held[cmdSN % (uint)_held.Length] = null;

    /// <summary>A task has ended: its slot may back a number again, from this moment on.</summary>
    public void Return(TargetTask task)
    {
        if (_isClosed)
        {
            Discard(task);
            return;
        }
        _free[_freeCount++] = task;
        Refill();
        if (_reserve is not null && _core.IsSurplusContended) Shrink(Spare);
        _spareLowWater = Math.Min(_spareLowWater, Spare);
    }

    /// <summary>Gives back borrowed slots that were not needed since the last call; takes what tasks of a replaced session gave back.</summary>
    public void Tick()
    {
        if (_reserve is null) return;
        Shrink(_spareLowWater);
        _spareLowWater = Spare;
        if (_granted < _floor) Refill();
    }

    /// <summary>Gives back every slot; tasks that still run give theirs back themselves when they end.</summary>
    public void Close()
    {
        _isClosed = true;
        while (_freeCount > 0) Discard(_free[--_freeCount]);
    }

    private void Discard(TargetTask task)
    {
        _granted--;
        if (task.Credit.IsEmpty) return;
        _core.TaskPool.Return(task);
    }

    private int Spare => _freeCount - Numbers.Unused;

    private void Refill()
    {
        while (Numbers.Unused < _gap && Numbers.Room > 0)
        {
            if (Spare == 0 && !(Numbers.Unused < _floor && TryGrow())) return;
            Numbers.Grow(1);
        }
    }

    private bool TryGrow()
    {
        if (_reserve is null || _isClosed || _granted == _free.Length) return false;
        // Of the floor one slot is the standby's: a successor finds it whatever this session does.
        if (_granted >= _floor && !_reserve.HasStandbyCredit) return false;
        if (!_reserve.Node.TryReserve(null, _core.Demands.Credit, out var grant)) return false;
        var task = _core.TaskPool.Get();
        task.Attach(grant, _core.Budget.CreditBlocks);
        _free[_freeCount++] = task;
        _granted++;
        return true;
    }

    private void Shrink(int count)
    {
        for (; count > 0 && _granted > _floor && Spare > 0; count--) Discard(_free[--_freeCount]);
    }

    private void Deliver(uint first, int count, TargetTask? current)
    {
        for (var i = 0; i < count; i++)
        {
            ref var slot = ref _held[(first + (uint)i) % (uint)_held.Length];
            var task = slot ?? (i == 0 ? current : null);
            slot = null;
            if (task is not null) _session.Execute(task);
        }
    }
}

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
/// <para>A credit is a loan that can't be called in, so unused ones are kept few: the window opens at its floor W, and doubles while the peer
/// sends more than half of it at once, up to W + h. So what is open is about twice what comes at once: one half is on its way or being
/// answered while the other one can already be sent, and neither side waits for the other. What it opens beyond W it takes from the
/// part of the surplus that unused credits of all sessions share, and gives it back when the peer sends less.</para>
/// <para>It shrinks by attrition: a slot that comes back is not opened again.</para>
/// <para>A slot is granted when its number is opened; its descriptor and blocks are taken for the first request that comes on it. Drawing from a grant
/// can't fail, and a session that only logs in and out, or is shallow, draws little.</para>
/// </remarks>
internal sealed class CreditWindow
{
    private readonly TargetCore _core;
    private readonly SessionReserve? _reserve;
    private readonly TargetSession _session;
    private readonly int _ceiling;
    private readonly int _floor;
    private readonly int _widest;
    private TargetTask[] _free = [];
    private Grant[] _undrawn = []; // slots that no request has come on yet
    private TargetTask?[] _held = []; // of requests that came before their turn: most sessions never see one
    private int _gap;
    private int _lent;
    private int _burstNumber;
    private int _burst;
    private int _largestBurst;
    private int _freeCount;
    private int _undrawnCount;
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
        _gap = _floor;
        _ceiling = Math.Max(limits.WindowCeiling, limits.WindowFloor) + 1;
        _widest = reserve is null ? _floor : Math.Min(limits.WindowFloor + limits.WindowGap, _ceiling);
        Numbers = new CommandWindow(firstCmdSN, _ceiling);
    }

    /// <summary>The numbers.</summary>
    public CommandWindow Numbers { get; }

    /// <summary>The last MaxCmdSN that left: a peer can't know a later one.</summary>
    public uint Advertised { get; private set; }

    /// <summary>Slots granted, floor and borrowed.</summary>
    public int Granted => _granted;

    /// <summary>Tasks that hold a slot.</summary>
    public int InProgress => _granted - FreeSlots;

    /// <summary>Whether the peer has used half of what it was told and more is open: it should hear of it.</summary>
    public bool ShouldTell => Numbers.UnadvertisedCount > 0 && (int)(Advertised - Numbers.ExpCmdSN + 1) <= _floor / 2;

    /// <summary>Opens the window at its floor, less what tasks of a replaced session still hold.</summary>
    /// <returns>Numbers opened.</returns>
    public int Open()
    {
        if (_reserve is null)
        {
            Push(_session.CreateDiscoveryTask());
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
    public TargetTask Take() => _freeCount > 0 ? _free[--_freeCount] : Draw();

    /// <summary>Takes the number of a request that is complete; hands out the requests that may be executed now, in order.</summary>
    public void Accept(TargetTask task, uint cmdSN, long now)
    {
        var first = Numbers.ExpCmdSN;
        var count = Numbers.Accept(cmdSN, now);
        if (count == 0)
        {
            if (_held.Length == 0) _held = new TargetTask?[Numbers.Capacity];
            _held[cmdSN % (uint)_held.Length] = task;
            return;
        }
        CountBurst(count);
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
    public void DropHeld(uint cmdSN)
    {
        if (_held.Length != 0) _held[cmdSN % (uint)_held.Length] = null;
    }

    /// <summary>A task has ended: its slot may back a number again, from this moment on.</summary>
    public void Return(TargetTask task)
    {
        if (_isClosed)
        {
            Discard(task);
            return;
        }
        if (FreeSlots == _granted) throw new InvalidOperationException("More slots come back than were granted.");
        Push(task);
        if (_reserve is not null && _core.IsSurplusContended)
        {
            // Who waits for it comes before numbers that nobody uses yet.
            _gap = _floor;
            Refill();
            Shrink(Spare);
        }
        else
        {
            Refill();
        }
        _spareLowWater = Math.Min(_spareLowWater, Spare);
    }

    /// <summary>
    /// Gives back borrowed slots, and width, that were not needed since the last call; takes what tasks of a replaced session gave back.
    /// </summary>
    public void Tick()
    {
        if (_reserve is null) return;
        Narrow();
        Shrink(_spareLowWater);
        _spareLowWater = Spare;
        if (_granted < _floor) Refill();
    }

    /// <summary>Gives back every slot; tasks that still run give theirs back themselves when they end.</summary>
    public void Close()
    {
        _isClosed = true;
        while (FreeSlots > 0) DiscardOne();
        _core.UnusedCredits.Return(_lent);
        _lent = 0;
    }

    private void Discard(TargetTask task)
    {
        _granted--;
        if (task.Credit.IsEmpty) return;
        _core.TaskPool.Return(task);
    }

    private int FreeSlots => _freeCount + _undrawnCount;

    private int Spare => FreeSlots - Numbers.Unused;

    private void Push(TargetTask task)
    {
        if (_freeCount == _free.Length) Array.Resize(ref _free, Math.Min(Math.Max(4, 2 * _freeCount), _ceiling));
        _free[_freeCount++] = task;
    }

    private TargetTask Draw()
    {
        var task = _core.TaskPool.Get();
        task.Attach(_undrawn[--_undrawnCount], _core.Budget.CreditBlocks);
        return task;
    }

    private void DiscardOne()
    {
        if (_undrawnCount == 0)
        {
            Discard(_free[--_freeCount]);
            return;
        }
        _granted--;
        _undrawn[--_undrawnCount].Dispose();
    }

    // What came in one buffer was sent at once, as far as we can know.
    private void CountBurst(int count)
    {
        var number = _session.ReceiveCount;
        if (number != _burstNumber)
        {
            _burstNumber = number;
            _burst = 0;
        }
        _burst += count;
        _largestBurst = Math.Max(_largestBurst, _burst);
        if (_burst > _gap / 2 && _gap < _widest) Widen();
    }

    private void Widen()
    {
        var share = _core.UnusedCredits.Share(_core.Sessions.Count);
        var by = Math.Min(Math.Min(_gap, _widest - _gap), share - (_gap - _floor));
        if (by <= 0) return;
        // Part of the width may still be lent from before the window was narrowed.
        var more = _gap + by - _floor - _lent;
        if (more > 0)
        {
            if (!_core.UnusedCredits.TryTake(more)) return;
            _lent += more;
        }
        _gap += by;
    }

    private void Narrow()
    {
        var needed = 2 * _largestBurst;
        _largestBurst = 0;
        var share = _core.UnusedCredits.Share(_core.Sessions.Count);
        while (_gap > _floor && (needed <= _gap / 2 || _gap - _floor > share)) _gap = Math.Max(_floor, _gap / 2);
        // Numbers that the peer was told stay open until it uses them.
        var lent = Math.Max(0, Math.Max(_gap, Numbers.Unused) - _floor);
        if (lent >= _lent) return;
        _core.UnusedCredits.Return(_lent - lent);
        _lent = lent;
    }

    private void Refill()
    {
        while (Numbers.Unused < _gap && Numbers.Room > 0)
        {
            if (Spare == 0 && !TryGrow())
            {
                // Not asked again for every command: a wider window comes by the next burst.
                if (_granted < _ceiling) _gap = Math.Max(_floor, Numbers.Unused);
                return;
            }
            Numbers.Grow(1);
        }
    }

    private bool TryGrow()
    {
        if (_reserve is null || _isClosed || _granted == _ceiling) return false;
        // Of the floor one slot is the standby's: a successor finds it whatever this session does.
        if (_granted >= _floor && !_reserve.HasStandbyCredit) return false;
        if (!_reserve.Node.TryReserve(null, _core.Demands.Credit, out var grant)) return false;
        if (_undrawnCount == _undrawn.Length) Array.Resize(ref _undrawn, Math.Min(Math.Max(_floor, 2 * _undrawnCount), _ceiling));
        _undrawn[_undrawnCount++] = grant;
        _granted++;
        return true;
    }

    private void Shrink(int count)
    {
        for (; count > 0 && _granted > _floor && Spare > 0; count--) DiscardOne();
    }

    private void Deliver(uint first, int count, TargetTask? current)
    {
        if (_held.Length == 0)
        {
            // Nothing is held: then only what has just come can be in order.
            if (current is not null) _session.Execute(current);
            return;
        }
        for (var i = 0; i < count; i++)
        {
            ref var slot = ref _held[(first + (uint)i) % (uint)_held.Length];
            var task = slot ?? (i == 0 ? current : null);
            slot = null;
            if (task is not null) _session.Execute(task);
        }
    }
}

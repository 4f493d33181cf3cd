using System.Net;
using Iscsi.Protocol;
using Iscsi.Target.Memory;
using Iscsi.Transport;
using Reservations;

namespace Iscsi.Target.Login;

/// <summary>
/// Where connections wait for their first login PDU: a fixed number of 4 KiB lanes of the root. A peer is always accepted; when the lanes
/// are full, the oldest one of an address beyond its share leaves, else the oldest one.
/// </summary>
internal sealed class LoginLanes : IDisposable
{
    private static readonly TimeSpan IdleBeyondShare = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly Stack<BlockList> _free = new();
    private readonly LinkedList<LoginLane> _used = [];
    private readonly ReservationNode _node;
    private readonly Grant _memory;
    private readonly int _perAddress;
    private readonly TimeProvider _clock;

    public LoginLanes(ReservationRoot root, MemoryBudget budget, TimeProvider clock)
    {
        _clock = clock;
        _perAddress = budget.Limits.LoginLanesPerAddress;
        _node = root.AddChild("login-lanes", owner: null, new Share(TargetLevels.Admission, budget.LoginLanes, budget.LoginLanes));
        _memory = _node.Prepaid(new Demand(new Claim(TargetLevels.Admission, budget.LoginLanes)));
        for (var i = 0; i < budget.LoginLanes; i++)
        {
            var memory = new BlockList(1);
            _memory.Draw(TargetLevels.Admission, 1, memory);
            _free.Push(memory);
        }
    }

    /// <summary>Lanes in use.</summary>
    public int UsedCount
    {
        get
        {
            lock (_lock) return _used.Count;
        }
    }

    /// <summary>Gives a connection a lane, if need be that of the oldest one, which is ended first.</summary>
    public ValueTask<LoginLane> EnterAsync(ITransportConnection connection, long now)
    {
        var lane = TryEnter(connection, now, out var leaving);
        return lane is not null ? new(lane) : EnterAfterAsync(leaving!, connection, now);
    }

    /// <summary>Ends connections whose first PDU did not come in time.</summary>
    public void Tick(long now, TimeSpan limit)
    {
        lock (_lock)
        {
            foreach (var lane in _used)
            {
                if (_clock.GetElapsedTime(lane.Since, now) < limit) break;
                lane.IsTimedOut = true;
                lane.Connection.Abort(ConnectionEndReason.LoginTimeout);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _memory.Dispose();
        _node.Dispose();
    }

    internal void Leave(LoginLane lane)
    {
        TaskCompletionSource? waiting;
        lock (_lock)
        {
            if (lane.HasLeft) return;
            lane.HasLeft = true;
            waiting = lane.Waiting;
            _used.Remove(lane.Node!);
            _free.Push(lane.Memory);
        }
        waiting?.TrySetResult();
    }

    // Ends when the lane was left.
    private Task LeftAsync(LoginLane lane)
    {
        lock (_lock)
        {
            if (lane.HasLeft) return Task.CompletedTask;
            lane.Waiting ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return lane.Waiting.Task;
        }
    }

    private async ValueTask<LoginLane> EnterAfterAsync(LoginLane leaving, ITransportConnection connection, long now)
    {
        while (true)
        {
            leaving.IsEvicted = true;
            leaving.Connection.Abort(ConnectionEndReason.LoginEvicted);
            await LeftAsync(leaving).ConfigureAwait(false);
            if (TryEnter(connection, now, out var next) is { } lane) return lane;
            leaving = next!;
        }
    }

    // Null: another lane has to be left first.
    private LoginLane? TryEnter(ITransportConnection connection, long now, out LoginLane? leaving)
    {
        var address = (connection.RemoteEndPoint as IPEndPoint)?.Address;
        lock (_lock)
        {
            leaving = FindLeaving(address, now);
            if (leaving is not null) return null;
            var lane = new LoginLane(this, connection, address, _free.Pop(), now);
            lane.Node = _used.AddLast(lane);
            return lane;
        }
    }

    // An address that has its share gets another lane only for the oldest of its own that has idled for a while: a host that lost all its
    // sessions comes back with all of them at once, and each leaves its lane within a round trip. When none is free, the oldest
    // of an address beyond its share leaves, so that one address can't keep the others out; without such an address, the oldest of all.
    private LoginLane? FindLeaving(IPAddress? address, long now)
    {
        if (_free.Count > 0)
            return FindBeyondShare(address, _perAddress) is { } own && _clock.GetElapsedTime(own.Since, now) >= IdleBeyondShare ? own : null;
        foreach (var lane in _used)
            if (FindBeyondShare(lane.Address, _perAddress + 1) is { } oldest) return oldest;
        return _used.First!.Value;
    }

    // The oldest lane of an address that has at least so many.
    private LoginLane? FindBeyondShare(IPAddress? address, int count)
    {
        if (address is null) return null;
        LoginLane? oldest = null;
        foreach (var lane in _used)
        {
            if (!address.Equals(lane.Address)) continue;
            oldest ??= lane;
            if (--count == 0) return oldest;
        }
        return null;
    }
}

/// <summary>One connection's place before its first login PDU.</summary>
internal sealed class LoginLane(LoginLanes lanes, ITransportConnection connection, IPAddress? address, BlockList memory, long since)
{
    public ITransportConnection Connection => connection;

    public IPAddress? Address => address;

    /// <summary>4 KiB to receive into.</summary>
    public BlockList Memory => memory;

    public long Since => since;

    public bool IsEvicted { get; set; }

    public bool IsTimedOut { get; set; }

    // Guarded by the lanes.
    internal LinkedListNode<LoginLane>? Node { get; set; }

    internal bool HasLeft { get; set; }

    internal TaskCompletionSource? Waiting { get; set; }

    /// <summary>Leaves the lane: its memory is no longer used. Idempotent.</summary>
    public void Leave() => lanes.Leave(this);
}

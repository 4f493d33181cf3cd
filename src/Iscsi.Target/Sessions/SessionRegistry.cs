using Iscsi.Protocol;
using Iscsi.Target.Memory;
using Iscsi.Transport;

namespace Iscsi.Target.Sessions;

/// <summary>
/// All sessions: admission, reinstatement (RFC 7143, 6.3.5), and the floors of sessions that were lost and wait for their initiator.
/// </summary>
internal sealed class SessionRegistry(TargetCore core)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<ushort, TargetSession> _byTsih = [];
    private ushort _lastTsih;
    private int _floors;
    private int _finishing;
    private long _admissions;

    /// <summary>Sessions, in no order.</summary>
    public TargetSession[] Snapshot()
    {
        lock (_lock) return [.. _byTsih.Values];
    }

    /// <summary>Sessions, those that wait for their initiator among them. Any thread, without the lock: it may be outdated.</summary>
    public int Count => _byTsih.Count;

    /// <summary>Whether there is no session, nor one that still gives its memory back.</summary>
    public bool IsEmpty
    {
        get
        {
            lock (_lock) return _byTsih.Count == 0 && _finishing == 0;
        }
    }

    /// <summary>Whether a session has this TSIH.</summary>
    public bool Exists(ushort tsih)
    {
        lock (_lock) return _byTsih.ContainsKey(tsih);
    }

    /// <summary>
    /// The reserve of a new connection: the standby of the session its initiator would replace, else one of the pool. Null when there is none.
    /// </summary>
    public ConnectionReserve? TakeReserve(string? initiatorName, ulong isid, ushort portalGroupTag, out TargetSession? standbyOwner)
    {
        standbyOwner = null;
        lock (_lock)
        {
            foreach (var session in _byTsih.Values)
            {
                if (session.Isid != isid || session.Nexus.TargetPortGroupTag != portalGroupTag || !string.Equals(session.InitiatorName, initiatorName, StringComparison.Ordinal)) continue;
                if (session.Reserve?.Standby is not { } standby) continue;
                session.Reserve.Standby = null;
                standbyOwner = session;
                return standby;
            }
        }
        return core.Connections.TryTake();
    }

    /// <summary>Gives the reserve of a connection back that did not become a session.</summary>
    public void ReturnReserve(ConnectionReserve reserve, TargetSession? standbyOwner)
    {
        lock (_lock)
        {
            if (standbyOwner?.Reserve is { Standby: null } owner && !owner.IsReleased)
            {
                owner.Standby = reserve;
                return;
            }
            GiveBack(reserve);
        }
    }

    /// <summary>Admits a session, which takes its floor, or that of the session it replaces. Null: the budget does not hold it.</summary>
    public TargetSession? TryAdmit(
        in LoginIdentity identity,
        NegotiatedParameters parameters,
        TargetDefinition? target,
        ushort portalGroupTag,
        ITransportConnection transport,
        ConnectionReserve connection,
        TargetSession? standbyOwner,
        uint firstCmdSN)
    {
        lock (_lock)
        {
            if (target is null)
                return Register(new TargetSession(core, identity, parameters, null, portalGroupTag, transport, connection, null, null), firstCmdSN);

            if (target.IsRemoved) return null;
            var old = Find(identity, target, portalGroupTag);
            var reserve = old?.Reserve ?? CreateReserve(identity, standbyOwner);
            if (reserve is null && (old = FindOrphan()) is not null) reserve = old.Reserve;
            if (reserve is null) return null;

            // A login may run on the standby of one session and replace another one: then the first gets the second's.
            if (old is not null && !ReferenceEquals(standbyOwner, old) && standbyOwner?.Reserve is { Standby: null, IsReleased: false } other)
            {
                other.Standby = reserve.Standby;
                reserve.Standby = null;
            }
            var session = new TargetSession(core, identity, parameters, target, portalGroupTag, transport, connection, reserve, old);
            reserve.Owner = session;
            reserve.Sessions++;
            reserve.Standby ??= core.Connections.TryTake();
            return Register(session, firstCmdSN);
        }
    }

    /// <summary>No session of a target is admitted any more.</summary>
    /// <returns>The sessions it has.</returns>
    public TargetSession[] Retire(TargetDefinition target)
    {
        lock (_lock)
        {
            target.IsRemoved = true;
            return [.. _byTsih.Values.Where(session => ReferenceEquals(session.Target, target))];
        }
    }

    /// <summary>Whether a target has sessions, lost ones included.</summary>
    public bool HasSessions(TargetDefinition target)
    {
        lock (_lock) return _byTsih.Values.Any(session => ReferenceEquals(session.Target, target));
    }

    /// <summary>
    /// A session has no connection, no task, and needs its floor no longer: it goes back, unless another session shares it, a successor or a
    /// predecessor whose tasks have not ended or whose successor did not start.
    /// </summary>
    /// <returns>True: the caller releases the floor, on the session's executor. Either way it says when it is done (<see cref="Finished"/>).</returns>
    public bool TryFinish(TargetSession session, out ConnectionReserve? standby)
    {
        standby = null;
        lock (_lock)
        {
            _byTsih.Remove(session.Tsih);
            _finishing++;
            if (session.Reserve is not { IsReleased: false } reserve) return false;
            if (--reserve.Sessions > 0)
            {
                if (ReferenceEquals(reserve.Owner, session))
                    reserve.Owner = _byTsih.Values.Where(other => ReferenceEquals(other.Reserve, reserve)).MaxBy(other => other.Admission);
                return false;
            }
            reserve.IsReleased = true;
            _floors--;
            standby = reserve.Standby;
            reserve.Standby = null;
            return true;
        }
    }

    /// <summary>What a session that <see cref="TryFinish"/> took out held is given back.</summary>
    public void Finished()
    {
        lock (_lock) _finishing--;
    }

    /// <summary>The connection of a session is gone: its reserve is the standby now, if the session's floor lives on, else the pool's.</summary>
    public void ConnectionClosed(ConnectionReserve connection, SessionReserve? reserve)
    {
        connection.BindTo(null);
        lock (_lock)
        {
            if (reserve is { IsReleased: false, Standby: null })
            {
                reserve.Standby = connection;
                return;
            }
            GiveBack(connection);
        }
    }

    // A lost session's connection went to the pool; when its initiator is back, on the standby, that one is made up for first.
    private void GiveBack(ConnectionReserve connection)
    {
        foreach (var session in _byTsih.Values)
        {
            if (session.Reserve is not { IsReleased: false, Standby: null } reserve || !ReferenceEquals(reserve.Owner, session)) continue;
            connection.BindTo(null);
            reserve.Standby = connection;
            return;
        }
        core.Connections.Return(connection);
    }

    // RFC 7143, 4.4.3: a session is between an initiator port (name and ISID) and a target portal group; the same ISID through another
    // group is another nexus.
    private TargetSession? Find(in LoginIdentity identity, TargetDefinition target, ushort portalGroupTag)
    {
        foreach (var session in _byTsih.Values)
        {
            if (session.Isid == identity.Isid && session.Nexus.TargetPortGroupTag == portalGroupTag && ReferenceEquals(session.Target, target) && ReferenceEquals(session.Reserve?.Owner, session) &&
                string.Equals(session.InitiatorName, identity.InitiatorName, StringComparison.Ordinal)) return session;
        }
        return null;
    }

    // A lost session's floor is kept for its initiator, but not against a login that would be refused for it.
    private TargetSession? FindOrphan()
    {
        TargetSession? oldest = null;
        foreach (var session in _byTsih.Values)
        {
            if (session.OrphanedAt is not { } since || session.Reserve is not { } reserve || !ReferenceEquals(reserve.Owner, session)) continue;
            if (core.Clock.GetElapsedTime(since) < core.Budget.Limits.OrphanMinimum) continue;
            if (oldest is null || since < oldest.OrphanedAt) oldest = session;
        }
        return oldest;
    }

    private SessionReserve? CreateReserve(in LoginIdentity identity, TargetSession? standbyOwner)
    {
        // No more than promised, even where the rounding of the budget would hold one more: the process bound counts on it.
        if (_floors == core.Budget.MaxSessions) return null;
        var standby = core.Connections.TryTake();
        if (standby is null) return null;
        // A login that runs on another session's standby gives that one a new one first.
        if (standbyOwner?.Reserve is { Standby: null, IsReleased: false } owner)
        {
            owner.Standby = standby;
            standby = core.Connections.TryTake();
            if (standby is null) return null;
        }
        var name = $"session {identity.InitiatorName},{identity.Isid:x12}";
        var reserve = SessionReserve.TryCreate(core.Root, core.Budget, core.Demands, name, new SerialExecutor(), standby);
        if (reserve is null) core.Connections.Return(standby);
        else _floors++;
        return reserve;
    }

    private TargetSession Register(TargetSession session, uint firstCmdSN)
    {
        session.OpenWindow(firstCmdSN);
        do
        {
            _lastTsih++;
        }
        while (_lastTsih == 0 || _byTsih.ContainsKey(_lastTsih));
        session.Tsih = _lastTsih;
        session.Admission = ++_admissions;
        _byTsih.Add(_lastTsih, session);
        return session;
    }
}

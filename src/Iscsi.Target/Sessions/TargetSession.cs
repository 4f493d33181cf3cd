using Iscsi.Protocol;
using Iscsi.Target.Diagnostics;
using Iscsi.Target.Memory;
using Iscsi.Target.Scsi;
using Iscsi.Target.Tasks;
using Iscsi.Transport;

namespace Iscsi.Target.Sessions;

// The life of a session:
//
//   admitted ──Start──▶ open ──End──▶ ending ──(transport quiet, no task left)──▶ closed
//       │                               │                                           ▲
//       └──EndBeforeStart──▶ closed     └──(connection lost: floor kept)──▶ orphan ─┘ 30 s, or a successor takes the floor

/// <summary>
/// One session with its one connection: it owns the machines (window, task sets, channel) and dispatches PDUs to them. Everything runs on
/// its executor, so nothing here is locked.
/// </summary>
internal sealed partial class TargetSession : IPduChannelHandler, ISerialOwner, IUnitTasks
{
    private readonly ITransportConnection _transport;
    private readonly ConnectionReserve _connection;
    private TargetSession? _predecessor;
    private readonly PostedActions _posted;
    private readonly LifeWork _lifeWork;
    private PduChannel _channel = null!;
    private CreditWindow _window = null!;
    private StatSNCounter _statSN = null!;
    private volatile bool _isTransportClosed;
    private bool _isConnectionGone;
    private bool _isClosed;
    private bool _isReplaced;
    private bool _isRunning;

    public TargetSession(
        TargetCore core,
        in LoginIdentity identity,
        NegotiatedParameters parameters,
        TargetDefinition? target,
        ushort portalGroupTag,
        ITransportConnection transport,
        ConnectionReserve connection,
        SessionReserve? reserve,
        TargetSession? predecessor)
    {
        Core = core;
        Target = target;
        Parameters = parameters;
        Reserve = reserve;
        InitiatorName = identity.InitiatorName;
        Isid = identity.Isid;
        Cid = identity.Cid;
        _transport = transport;
        _connection = connection;
        _predecessor = predecessor;
        Executor = reserve?.Executor ?? new SerialExecutor();
        TaskSets = reserve?.TaskSets ?? new NexusTaskSets();
        Nexus = new ScsiNexus(InitiatorName, Isid, portalGroupTag);
        _posted = new PostedActions(this);
        _lifeWork = new LifeWork(this);
        _tickWork = new TickWork(this);
        _tellTimerWork = new TellWork(this);
    }

    public TargetCore Core { get; }

    /// <summary>The target; null for a discovery session.</summary>
    public TargetDefinition? Target { get; }

    public NegotiatedParameters Parameters { get; private set; }

    /// <summary>The session's floor; null for a discovery session.</summary>
    public SessionReserve? Reserve { get; }

    public SerialExecutor Executor { get; }

    public NexusTaskSets TaskSets { get; }

    /// <summary>The session seen from the SCSI layer.</summary>
    public ScsiNexus Nexus { get; }

    public string InitiatorName { get; }

    public ulong Isid { get; }

    public ushort Cid { get; }

    public ushort Tsih { get; set; }

    /// <summary>Place in the order in which the registry admitted sessions.</summary>
    public long Admission { get; set; }

    /// <summary>When the connection was lost, while the floor is kept; a timestamp of the clock.</summary>
    public long? OrphanedAt { get; private set; }

    /// <summary>The connection.</summary>
    public PduChannel Channel => _channel;

    /// <summary>The wire gate's node.</summary>
    public Reservations.ReservationNode WireNode => _connection.Node;

    /// <summary>Whether the session takes no new work.</summary>
    public bool IsEnding { get; private set; }

    /// <summary>For status and logs: what the session did.</summary>
    public SessionCounters Counters { get; } = new();

    /// <summary>Numbers that are open when the session begins; the final Login Response tells them.</summary>
    public int FirstNumbers { get; private set; }

    /// <summary>
    /// Opens the window. Called on the login's thread when the session is admitted, under the registry's lock: no successor, which would
    /// run on the executor, can be there yet.
    /// </summary>
    public void OpenWindow(uint firstCmdSN)
    {
        _firstCmdSN = firstCmdSN;
        // A successor's window is opened on the executor, when the predecessor has let go; one number is open meanwhile, for which
        // the standby credit is there.
        FirstNumbers = 1;
        if (_predecessor is not null) return;
        _window = new CreditWindow(this, Reserve, firstCmdSN);
        FirstNumbers = Math.Min(_window.Open(), Core.Budget.Limits.WindowFloor);
    }

    private uint _firstCmdSN;

    /// <summary>The final Login Response is out: the session runs.</summary>
    public void Start(PduParser parser, uint statSN, NegotiatedParameters parameters)
    {
        Parameters = parameters;
        Nexus.ProtocolLevel = parameters.IscsiProtocolLevel;
        parser.HeaderDigest = parameters.HeaderDigestCrc32C;
        parser.DataDigest = parameters.DataDigestCrc32C;
        parser.Limits.MaxDataSegmentLength = parameters.OwnMaxRecvDataSegmentLength;
        _statSN = new StatSNCounter(statSN);
        _connection.BindTo(Executor);
        _channel = new PduChannel(_transport, Executor, this, parser, _connection.TransmitEntries, Core.Clock)
        {
            SendHeaderDigest = parameters.HeaderDigestCrc32C,
            SendDataDigest = parameters.DataDigestCrc32C,
        };
        Executor.Home = _channel.Loop;
        Executor.Post(_lifeWork);
    }

    /// <summary>The login failed after the session was admitted.</summary>
    public void EndBeforeStart(ConnectionEndReason reason) => Post(() => CloseBeforeStart(reason));

    private void CloseBeforeStart(ConnectionEndReason reason)
    {
        _isConnectionGone = true;
        IsEnding = true;
        _window?.Close();
        if (Reserve is not null && _predecessor is not null) Reserve.TryRefillStandby();
        Core.Sessions.ConnectionClosed(_connection, Reserve);
        Finish();
        TargetLog.SessionNotStarted(Core.Logger, InitiatorName, reason);
    }

    /// <summary>Runs an action on the session's executor. Any thread. For rare things: it allocates.</summary>
    public void Post(Action action) => _posted.Add(action);

    /// <summary>Ends the session at once: tasks are stopped, nothing more is sent. On the executor.</summary>
    public void End(ConnectionEndReason reason)
    {
        if (_channel.HasEnded) return;
        IsEnding = true;
        Target?.Units.ReleaseReservations(Nexus);
        _channel.End(reason);
        StopTasks();
    }

    private void Run()
    {
        _isRunning = true;
        _lastRequest = Now;
        if (_isReplaced)
        {
            // Its successor was faster: it has taken over already.
            _window ??= new CreditWindow(this, Reserve, _firstCmdSN);
        }
        else
        {
            Executor.Owner = this;
            TakeOver();
        }
        // A floor may also come from the lost session of another initiator: then nothing of this nexus was lost.
        // After a cold reset it was not lost, but everything was powered on anew.
        var isSameNexus = _predecessor is { _isColdReset: false } && _predecessor.Nexus.Name.Equals(Nexus.Name);
        Target?.Units.Attach(Nexus, isSameNexus ? UnitAttention.NexusLoss : UnitAttention.PowerOnOrReset);
        _predecessor = null; // or every session would keep all that were before it
        TargetLog.SessionOpened(Core.Logger, InitiatorName, Tsih, Target?.Name ?? "(discovery)", _transport.RemoteEndPoint);
        Core.Metrics.SessionOpened();
        if (Core.IsStopping) End(ConnectionEndReason.ServerStopping);
        else if (_isReplaced) End(ConnectionEndReason.SessionReinstated);
        else _channel.Start();
    }

    private void TakeOver()
    {
        if (_predecessor is not null)
        {
            _predecessor.EndForSuccessor();
            Reserve!.OpenStandby();
            _window = new CreditWindow(this, Reserve, _firstCmdSN);
            _window.Open();
            // At once, where the predecessor had nothing running; else the heartbeat does it.
            _needsStandbyRefill = !Reserve.TryRefillStandby();
        }
    }

    // What the session holds and does not use goes to the successor at once, what its tasks hold when they have ended.
    private void EndForSuccessor()
    {
        OrphanedAt = null;
        if (!_isRunning)
        {
            _isReplaced = true;
            _window?.Close();
            _predecessor?.EndForSuccessor();
            return;
        }
        if (!_channel.HasEnded) End(ConnectionEndReason.SessionReinstated);
        _window.Close();
        foreach (var task in _tasks.Values) task.FenceForSuccessor();
        if (_tasks.Count == 0 && _isConnectionGone) Close();
    }

    /// <inheritdoc/>
    void IPduChannelHandler.OnQuiet() => _ = CloseConnectionAsync();

    private async Task CloseConnectionAsync()
    {
        await _transport.DisposeAsync().ConfigureAwait(false);
        _isTransportClosed = true;
        Executor.Post(_lifeWork);
    }

    private void OnConnectionGone()
    {
        IsEnding = true;
        _isConnectionGone = true;
        _collecting = null;
        _arriving = null;
        _window.Close();
        if (_tasks.Count != 0) StopAnswering();
        Core.Sessions.ConnectionClosed(_connection, Reserve);
        Core.ConnectionEnded(_transport.RemoteEndPoint, InitiatorName, _channel.EndReason, LoginStatus.Success);
        Target?.Units.Detach(Nexus);
        Core.Metrics.SessionClosed();
        AfterTaskEnded();
    }

    private void StopAnswering()
    {
        foreach (var task in _tasks.Values.ToArray())
            if (ReferenceEquals(task.Session, this)) task.OnConnectionGone();
    }

    // Called when a task has ended, or the connection is gone: the last one closes the session.
    private void AfterTaskEnded()
    {
        if (!_isConnectionGone || _isClosed || _tasks.Count != 0 || _immediateInUse != 0) return;
        var keepsFloor = Reserve is not null && !Core.IsStopping && Target is not { IsRemoved: true } && ReferenceEquals(Reserve.Owner, this) && _channel.EndReason is not
            (ConnectionEndReason.LoggedOut or ConnectionEndReason.Closed or ConnectionEndReason.ServerStopping or ConnectionEndReason.TargetRemoved);
        if (!keepsFloor) Close();
        else OrphanedAt ??= Core.Clock.GetTimestamp();
    }

    private void Close()
    {
        if (_isClosed) return;
        _isClosed = true;
        OrphanedAt = null;
        Finish();
    }

    private void Finish()
    {
        if (Core.Sessions.TryFinish(this, out var standby))
        {
            Reserve!.Release();
            if (standby is not null) Core.Connections.Return(standby);
        }
        ReleaseControlReserve();
        _tellTimer?.Dispose();
        _acknowledgementTimer?.Dispose();
        Core.Sessions.Finished();
        Core.TellIdle();
    }

    void ISerialOwner.OnBatchEnd()
    {
        if (_channel is null || _channel.HasEnded || !_isRunning) return;
        EndIfDrained();
        _channel.Flush();
        if (_channel.HasEnded) return;
        // What was sent just now has freed slots, and no PDU may follow that tells of them.
        ArmTellTimer();
        if (!_isDraining) return;
        // The last task may have ended with it too; nothing else would look before the next tick.
        EndIfDrained();
        _channel.Flush();
    }

    // Posted twice in every session's life: it was started, and the transport has let go. Both may be folded into one.
    private sealed class LifeWork(TargetSession session) : SerialWork
    {
        protected override void Run()
        {
            if (!session._isRunning) session.Run();
            if (session._isTransportClosed && !session._isConnectionGone) session.OnConnectionGone();
        }
    }

    void ISerialOwner.OnFault(Exception exception)
    {
        TargetLog.SessionFault(Core.Logger, InitiatorName, Tsih, exception);
        if (_channel is { HasEnded: false }) End(ConnectionEndReason.InternalError);
    }
}

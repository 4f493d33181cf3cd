using System.Collections.Immutable;
using System.Net;
using Iscsi.Protocol;
using Iscsi.Storage;
using Iscsi.Target.Diagnostics;
using Iscsi.Target.Login;
using Iscsi.Target.Memory;
using Iscsi.Target.Scsi;
using Iscsi.Target.Scsi.Media;
using Iscsi.Target.Sessions;
using Iscsi.Target.Tasks;
using Iscsi.Transport;
using Microsoft.Extensions.Logging;
using Reservations;

namespace Iscsi.Target;

/// <summary>What all connections and sessions of a server share.</summary>
internal sealed class TargetCore : IDisposable
{
    private readonly Lock _lock = new();
    private readonly HashSet<LoginConnection> _logins = [];
    private readonly LoginLanes _lanes;
    private TaskCompletionSource? _idle;

    public TargetCore(
        ImmutableArray<ushort> portalGroupTags,
        IReadOnlyList<TargetDefinitionBuilder> targets, long memoryBytes, TargetLimits limits, ILoggerFactory loggerFactory, TimeProvider clock)
    {
        PortalGroupTags = portalGroupTags;
        Clock = clock;
        Logger = loggerFactory.CreateLogger("Iscsi.Target");
        Budget = new MemoryBudget(memoryBytes, limits);
        Root = ReservationRoot.Create(new ReservationOptions
        {
            BudgetBytes = Budget.BudgetBytes,
            SurplusBytes = Budget.SurplusBytes,
            BlockSize = MemoryBudget.BlockBytes,
            Levels = TargetLevels.All,
            Slots =
            [
                // Every session's ceiling, so that the slots others borrow, which come in batches, never take a promised session's. How many
                // tasks there can be is bounded by the blocks of their credits: Budget.TaskDescriptors.
                new SlotBudget(
                    TargetLevels.Credit,
                    Budget.MaxSessions * (Math.Max(limits.WindowCeiling, limits.WindowFloor) + 1),
                    MemoryBudget.TaskDescriptorBytes),
                new SlotBudget(TargetLevels.Wire, Budget.ConnectionReserves * limits.WireSlots, BytesEach: 0),
                // Grows and shrinks with the LUNs that are served.
                new SlotBudget(TargetLevels.Store, 0, BytesEach: 0),
            ],
            Clock = clock,
        });
        try
        {
            Demands = new MemoryDemands(Budget);
            _lanes = new LoginLanes(Root, Budget, clock);
            Background = new BackgroundMemory(Root, Budget);
            Connections = new ConnectionReservePool(Root, Budget);
            Targets = new TargetRegistry(this);
            foreach (var target in targets) Targets.Add(target);
        }
        catch
        {
            Targets?.Dispose();
            throw;
        }
        TaskPool = new TaskPool(Budget.TaskDescriptors);
        UnusedCredits = new UnusedCredits(Budget.UnusedCredits);
        Sessions = new SessionRegistry(this);
        LoginOffer = CreateLoginOffer(Budget.Limits);
    }

    /// <summary>The portal groups, ascending.</summary>
    public ImmutableArray<ushort> PortalGroupTags { get; }

    public TimeProvider Clock { get; }

    public ILogger Logger { get; }

    public MemoryBudget Budget { get; }

    public MemoryDemands Demands { get; }

    public ReservationRoot Root { get; }

    /// <summary>What operations on media take their memory from.</summary>
    public BackgroundMemory Background { get; }

    /// <summary>Whether operations on media may run: set once, when the server starts.</summary>
    public bool HasStarted { get; private set; }

    public ConnectionReservePool Connections { get; }

    public TaskPool TaskPool { get; }

    /// <summary>What sessions widen their windows from.</summary>
    public UnusedCredits UnusedCredits { get; }

    /// <summary>Connections that wait for their first login PDU.</summary>
    public int WaitingLogins => _lanes.UsedCount;

    public SessionRegistry Sessions { get; }

    /// <summary>What is offered in every login.</summary>
    public OperationalOffer LoginOffer { get; }

    public TargetMetrics Metrics { get; } = new();

    public TargetRegistry Targets { get; }

    /// <summary>Where clients reach the server: what SendTargets answers.</summary>
    public List<(IPEndPoint? Listening, IPEndPoint? Announced, ushort GroupTag)> Portals { get; } = [];

    public bool IsStopping { get; private set; }

    /// <summary>Whether somebody waits for surplus: unused loans go back at once.</summary>
    public bool IsSurplusContended => Root.IsSurplusWanted;

    /// <summary>A connection was accepted: it logs in. Ends when the next one may come.</summary>
    public ValueTask AcceptAsync(ITransportConnection transport, ushort portalGroupTag)
    {
        Metrics.ConnectionAccepted();
        var entering = _lanes.EnterAsync(transport, Clock.GetTimestamp());
        if (!entering.IsCompletedSuccessfully) return AcceptLaterAsync(entering, transport, portalGroupTag);
        Accept(entering.Result, transport, portalGroupTag);
        return default;
    }

    /// <summary>The login has become a session, which tells its end itself.</summary>
    public void LoginCompleted(LoginConnection login)
    {
        lock (_lock) _logins.Remove(login);
    }

    /// <summary>The login has failed, and holds nothing any more.</summary>
    public void LoginFailed(LoginConnection login)
    {
        LoginCompleted(login);
        TellIdle();
    }

    /// <summary>A connection has ended, before or after its login.</summary>
    public void ConnectionEnded(EndPoint? remote, string? initiatorName, ConnectionEndReason reason, LoginStatus status)
    {
        Metrics.ConnectionEnded(reason);
        if (status != LoginStatus.Success) TargetLog.LoginRefused(Logger, remote, initiatorName, status.StatusClass(), status.StatusDetail(), status);
        else TargetLog.ConnectionEnded(Logger, remote, initiatorName, reason);
    }

    public void TellIdle()
    {
        Targets.SessionFinished();
        lock (_lock)
        {
            if (_idle is not null && Sessions.IsEmpty && _logins.Count == 0) _idle.TrySetResult();
        }
    }

    public void Tick()
    {
        var now = Clock.GetTimestamp();
        Root.Tick();
        _lanes.Tick(now, Budget.Limits.FirstLoginPduTimeout);
        lock (_lock)
        {
            foreach (var login in _logins)
                if (Clock.GetElapsedTime(login.Since, now) >= Budget.Limits.LoginTimeout) login.Abort(ConnectionEndReason.LoginTimeout);
        }
        foreach (var session in Sessions.Snapshot()) session.Tick();
        foreach (var target in Targets.All)
            foreach (var unit in target.Units.Units) unit.Tick(target.Units);
    }

    /// <summary>Goes on with the operations on media that the last run left.</summary>
    public void ResumeMediumOperations()
    {
        HasStarted = true;
        foreach (var target in Targets.All)
            foreach (var unit in target.Units.Units) Resume(unit);
    }

    /// <summary>Goes on with the operation on a medium that the last run left, if there is one.</summary>
    public void Resume(LogicalUnit unit)
    {
        if (!unit.Medium.IsOperating) return;
        TargetLog.MediumOperationResumed(Logger, unit.TargetName, unit.Number, unit.Medium.Operation!.ToString());
        unit.Medium.Resume();
    }

    /// <summary>Suspends the operations on media.</summary>
    /// <returns>False: a device has not answered within the limit.</returns>
    public Task<bool> SuspendMediumOperationsAsync(TimeSpan limit) => EndsInTimeAsync(
        Task.WhenAll(Targets.All.SelectMany(static target => target.Units.Units.ToArray()).Select(static unit => unit.Medium.StopAsync())), limit);

    /// <summary>Ends everything: sessions are told, given time to end, then cut.</summary>
    public async Task DrainAsync(TimeSpan limit)
    {
        IsStopping = true;
        Task idle;
        lock (_lock)
        {
            _idle = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            idle = _idle.Task;
            foreach (var login in _logins) login.Abort(ConnectionEndReason.ServerStopping);
        }
        foreach (var session in Sessions.Snapshot()) session.Post(() => session.StopOrderly(ConnectionEndReason.ServerStopping));
        TellIdle();
        if (await EndsInTimeAsync(idle, limit).ConfigureAwait(false)) return;
        foreach (var session in Sessions.Snapshot()) session.Post(session.StopNow);
        await EndsInTimeAsync(idle, limit).ConfigureAwait(false);
    }

    private async Task<bool> EndsInTimeAsync(Task task, TimeSpan limit)
    {
        try
        {
            await task.WaitAsync(limit, Clock).ConfigureAwait(false);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    /// <summary>Answers SendTargets.</summary>
    public IEnumerable<SendTargetsEntry> ListTargets(TargetSession session, SendTargetsScope scope, string? name, EndPoint? local)
    {
        foreach (var target in Targets.All)
        {
            if (!target.Access.IsAllowed(session.InitiatorName)) continue;
            if (scope == SendTargetsScope.Named && !string.Equals(target.Name, name, StringComparison.Ordinal)) continue;
            if (scope == SendTargetsScope.Current && !ReferenceEquals(target, session.Target)) continue;
            yield return new SendTargetsEntry(target.Name, [.. Portals.Select(p => new SendTargetsPortal(Address(p, local), p.GroupTag))]);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Targets.Dispose();
        Connections.Dispose();
        Background.Dispose();
        _lanes.Dispose();
        Root.Dispose();
        Metrics.Dispose();
    }

    public void OnMediumOperationEnded(LogicalUnit unit, MediumOperation operation, Exception? error)
    {
        if (error is null) TargetLog.MediumOperationDone(Logger, unit.TargetName, unit.Number, operation.ToString());
        else TargetLog.MediumOperationFailed(Logger, unit.TargetName, unit.Number, operation.ToString(), error.Message);
    }

    // A portal that listens on every address is reached under the one the client has come to.
    private static string Address((IPEndPoint? Listening, IPEndPoint? Announced, ushort GroupTag) portal, EndPoint? local)
    {
        var endpoint = portal.Announced ?? portal.Listening ?? new IPEndPoint(IPAddress.Loopback, 3260);
        var isAny = endpoint.Address.Equals(IPAddress.Any) || endpoint.Address.Equals(IPAddress.IPv6Any);
        var address = isAny && local is IPEndPoint own ? own.Address : endpoint.Address;
        if (address.IsIPv4MappedToIPv6) address = address.MapToIPv4();
        return new IPEndPoint(address, endpoint.Port).ToString();
    }

    private async ValueTask AcceptLaterAsync(ValueTask<LoginLane> entering, ITransportConnection transport, ushort portalGroupTag) =>
        Accept(await entering.ConfigureAwait(false), transport, portalGroupTag);

    private void Accept(LoginLane lane, ITransportConnection transport, ushort portalGroupTag)
    {
        var login = new LoginConnection(this, transport, lane, portalGroupTag);
        lock (_lock) _logins.Add(login);
        _ = login.RunAsync();
    }

    private static OperationalOffer CreateLoginOffer(TargetLimits limits) => new()
    {
        MaxConnections = 1,
        InitialR2T = true,
        ImmediateData = true,
        MaxRecvDataSegmentLength = limits.MaxRecvDataSegmentLength,
        MaxBurstLength = limits.MaxBurstLength,
        FirstBurstLength = limits.FirstBurstLength,
        MaxOutstandingR2T = limits.MaxOutstandingR2T,
        // A lost connection loses its session at ERL 0; a new login replaces it at once.
        DefaultTime2WaitSeconds = 0,
        DefaultTime2RetainSeconds = 0,
        ErrorRecoveryLevel = 0,
        // RFC 7144: the queries, I_T NEXUS RESET, command priority and the status qualifier, for initiators that ask for it.
        IscsiProtocolLevel = 2,
    };
}

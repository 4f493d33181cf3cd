using System.Net;
using Iscsi.Protocol;
using Iscsi.Storage;
using Iscsi.Target.Diagnostics;
using Iscsi.Target.Login;
using Iscsi.Target.Memory;
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
        IReadOnlyList<TargetDefinitionBuilder> targets, long memoryBytes, TargetLimits limits, ILoggerFactory loggerFactory, TimeProvider clock)
    {
        Clock = clock;
        Logger = loggerFactory.CreateLogger("Iscsi.Target");
        Budget = new MemoryBudget(memoryBytes, limits);
        var storeSlots = targets.Sum(t => t.Luns.Sum(l => l.Device.Info.Store.ConcurrentRequests));
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
                new SlotBudget(TargetLevels.Store, Math.Max(1, storeSlots), BytesEach: 0),
            ],
            Clock = clock,
        });
        try
        {
            Demands = new MemoryDemands(Budget);
            _lanes = new LoginLanes(Root, Budget, clock);
            Connections = new ConnectionReservePool(Root, Budget);
            var challenges = new ChapChallengeRegistry();
            var stateFiles = new HashSet<string>(StringComparer.Ordinal);
            foreach (var target in targets)
            {
                foreach (var (lun, device, options) in target.Luns)
                {
                    foreach (var path in (ReadOnlySpan<string?>)[options.ReservationsPath, options.StatePath])
                    {
                        if (path is not null && !stateFiles.Add(path))
                            throw new ArgumentException($"{path} is named for the state of LUN {lun} of {target.Name} and a second time: each state needs a file of its own.");
                    }
                    foreach (var other in Targets)
                    {
                        foreach (var unit in other.Units.Units)
                        {
                            if (unit.Device.IsSameStorage(device))
                                throw new ArgumentException($"{device.Info.Description} is already LUN {unit.Number} of {other.Name}: one storage under two LUNs would be two disks over the same blocks.");
                        }
                    }
                }
                Targets.Add(new TargetDefinition(target, Budget, Root, challenges));
                foreach (var unit in Targets[^1].Units.Units) unit.Reservations.SaveFailed += OnReservationsNotSaved;
            }
        }
        catch
        {
            foreach (var target in Targets) target.Dispose();
            throw;
        }
        TaskPool = new TaskPool(Budget.TaskDescriptors);
        Sessions = new SessionRegistry(this);
    }

    public TimeProvider Clock { get; }

    public ILogger Logger { get; }

    public MemoryBudget Budget { get; }

    public MemoryDemands Demands { get; }

    public ReservationRoot Root { get; }

    public ConnectionReservePool Connections { get; }

    public TaskPool TaskPool { get; }

    /// <summary>Connections that wait for their first login PDU.</summary>
    public int WaitingLogins => _lanes.UsedCount;

    public SessionRegistry Sessions { get; }

    public TargetMetrics Metrics { get; } = new();

    public List<TargetDefinition> Targets { get; } = [];

    /// <summary>Where clients reach the server: what SendTargets answers.</summary>
    public List<(IPEndPoint? Listening, IPEndPoint? Announced)> Portals { get; } = [];

    public bool IsStopping { get; private set; }

    /// <summary>Whether somebody waits for surplus: unused loans go back at once.</summary>
    public bool IsSurplusContended => Root.IsSurplusWanted;

    public TargetDefinition? FindTarget(string name) => Targets.Find(t => string.Equals(t.Name, name, StringComparison.Ordinal));

    /// <summary>A connection was accepted: it logs in.</summary>
    public async Task AcceptAsync(ITransportConnection transport)
    {
        Metrics.ConnectionAccepted();
        var lane = await _lanes.EnterAsync(transport, Clock.GetTimestamp()).ConfigureAwait(false);
        var login = new LoginConnection(this, transport, lane);
        lock (_lock) _logins.Add(login);
        _ = RunLoginAsync(login);
    }

    /// <summary>The login has become a session.</summary>
    public void LoginEnded(LoginConnection login)
    {
        lock (_lock) _logins.Remove(login);
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
    }

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
        foreach (var session in Sessions.Snapshot()) session.Post(session.StopOrderly);
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
        foreach (var target in Targets)
        {
            if (!target.IsAllowed(session.InitiatorName)) continue;
            if (scope == SendTargetsScope.Named && !string.Equals(target.Name, name, StringComparison.Ordinal)) continue;
            if (scope == SendTargetsScope.Current && !ReferenceEquals(target, session.Target)) continue;
            yield return new SendTargetsEntry(target.Name, [.. Portals.Select(p => new SendTargetsPortal(Address(p, local), TargetDefinition.PortalGroupTag))]);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var target in Targets) target.Dispose();
        Connections.Dispose();
        _lanes.Dispose();
        Root.Dispose();
        Metrics.Dispose();
    }

    private void OnReservationsNotSaved(string path, Exception error) => TargetLog.ReservationsNotSaved(Logger, path, error.Message);

    // A portal that listens on every address is reached under the one the client has come to.
    private static string Address((IPEndPoint? Listening, IPEndPoint? Announced) portal, EndPoint? local)
    {
        var endpoint = portal.Announced ?? portal.Listening ?? new IPEndPoint(IPAddress.Loopback, 3260);
        var isAny = endpoint.Address.Equals(IPAddress.Any) || endpoint.Address.Equals(IPAddress.IPv6Any);
        var address = isAny && local is IPEndPoint own ? own.Address : endpoint.Address;
        if (address.IsIPv4MappedToIPv6) address = address.MapToIPv4();
        return new IPEndPoint(address, endpoint.Port).ToString();
    }

    private async Task RunLoginAsync(LoginConnection login)
    {
        await login.RunAsync().ConfigureAwait(false);
        LoginEnded(login);
        TellIdle();
    }
}

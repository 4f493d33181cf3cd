using System.Net;
using Iscsi.Target.Diagnostics;
using Iscsi.Transport;
using Microsoft.Extensions.Logging;

namespace Iscsi.Target;

/// <summary>An iSCSI target server: portals, targets, sessions, and the memory they run on.</summary>
public sealed class IscsiTargetServer : IAsyncDisposable
{
    // Deadlines are told in seconds; half of one is fine enough, and costs nothing.
    private static readonly TimeSpan Heartbeat = TimeSpan.FromMilliseconds(500);

    private static readonly TimeSpan AcceptPause = TimeSpan.FromSeconds(1);

    private readonly TargetCore _core;
    private readonly IReadOnlyList<Portal> _portals;
    private readonly SocketTransportOptions _transport;
    private readonly List<ITransportListener> _listeners = [];
    private readonly List<Task> _acceptLoops = [];
    private readonly CancellationTokenSource _stopping = new();
    private ITimer? _heartbeat;
    private bool _isStarted;
    private bool _isStopped;
    private bool _hasStuckOperation;

    internal IscsiTargetServer(
        IReadOnlyList<Portal> portals,
        IReadOnlyList<TargetDefinitionBuilder> targets,
        long memoryBytes,
        TargetLimits limits,
        ILoggerFactory loggerFactory,
        TimeProvider clock,
        SocketTransportOptions transport)
    {
        _portals = [.. portals];
        _transport = transport;
        _core = new TargetCore([.. portals.Select(portal => portal.GroupTag).Distinct().Order()], targets, memoryBytes, limits, loggerFactory, clock);
    }

    /// <summary>Where the memory goes, and how many sessions it promises.</summary>
    public MemoryBudget Budget => _core.Budget;

    /// <summary>The addresses it listens on, with the ports that were chosen; empty before the start, and without in-memory portals.</summary>
    public IReadOnlyList<IPEndPoint> Endpoints => [.. _listeners.Select(l => l.LocalEndPoint).OfType<IPEndPoint>()];

    /// <summary>Sessions that are open.</summary>
    public int SessionCount => _core.Sessions.Snapshot().Count(s => s.OrphanedAt is null);

    /// <summary>Every level and node of the memory with what it holds, as text.</summary>
    public string Snapshot() => _core.Root.Snapshot().Text;

    /// <summary>The targets it serves now, in the order in which they were added. A snapshot; each can be changed while it is served.</summary>
    public IReadOnlyList<ServedTarget> Targets => [.. _core.Targets.All.Select(target => new ServedTarget(_core, target))];

    /// <summary>The target of a name; null: it is not served.</summary>
    /// <param name="name">Its iSCSI name.</param>
    public ServedTarget? FindTarget(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return _core.Targets.Find(name) is { } target ? new ServedTarget(_core, target) : null;
    }

    /// <summary>Serves another target from now on; with all its LUNs, or not at all.</summary>
    /// <param name="name">Its iSCSI name, unique in the server.</param>
    /// <param name="configure">Adds LUNs and access rules.</param>
    /// <exception cref="ArgumentException">The name is not an iSCSI name, or taken; or what <see cref="IscsiTargetBuilder.Build"/> refuses.</exception>
    /// <exception cref="Reservations.BudgetException">The memory budget does not hold what its devices need.</exception>
    /// <exception cref="InvalidDataException">A file of persistent reservations or of a disk's state is damaged.</exception>
    public ServedTarget AddTarget(string name, Action<TargetDefinitionBuilder> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        IscsiName.Validate(name);
        var builder = new TargetDefinitionBuilder(name);
        configure(builder);
        var target = _core.Targets.Add(builder);
        TargetLog.TargetAdded(_core.Logger, name);
        return new ServedTarget(_core, target);
    }

    /// <summary>
    /// Stops serving a target: logins are refused with "not found" at once, sessions are told and drained for at most
    /// <see cref="TargetLimits.DrainTimeout"/>, then cut, and all their memory goes back.
    /// </summary>
    /// <param name="name">Its iSCSI name.</param>
    /// <param name="cancellationToken">Stops waiting for a device that holds a request; the target leaves all the same, when the device lets go.</param>
    /// <returns>False: there is no such target. True: nothing uses its devices any more.</returns>
    public async Task<bool> RemoveTargetAsync(string name, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(name);
        return _core.Targets.Find(name) is { } target && await _core.Targets.RemoveAsync(target, cancellationToken).ConfigureAwait(false);
    }

    internal TargetCore Core => _core;

    /// <summary>Starts to listen.</summary>
    /// <exception cref="System.Net.Sockets.SocketException">An address is taken or isn't ours.</exception>
    public Task StartAsync(CancellationToken cancellationToken = default)
    {
        if (_isStarted) throw new InvalidOperationException("The server was started already.");
        _isStarted = true;
        try
        {
            foreach (var portal in _portals)
            {
                var listener = portal.Listener ?? SocketTransportListener.Bind(portal.Endpoint!, _transport);
                _listeners.Add(listener);
                _core.Portals.Add((listener.LocalEndPoint as IPEndPoint, portal.Announce, portal.GroupTag));
            }
        }
        catch
        {
            foreach (var listener in _listeners) _ = listener.DisposeAsync().AsTask();
            _listeners.Clear();
            throw;
        }
        foreach (var listener in _listeners) listener.Pin();
        _core.ResumeMediumOperations();
        for (var i = 0; i < _listeners.Count; i++) _acceptLoops.Add(AcceptLoopAsync(_listeners[i], _portals[i].GroupTag));
        _heartbeat = _core.Clock.CreateTimer(static core => ((TargetCore)core!).Tick(), _core, Heartbeat, Heartbeat);
        TargetLog.Started(_core.Logger, _core.Budget.BudgetBytes, _core.Budget.MaxSessions);
        return Task.CompletedTask;
    }

    /// <summary>Stops: no new connections, sessions are told and drained for at most <see cref="TargetLimits.DrainTimeout"/>, then cut.</summary>
    public async Task StopAsync(CancellationToken cancellationToken = default)
    {
        if (_isStopped) return;
        _isStopped = true;
        await _stopping.CancelAsync().ConfigureAwait(false);
        foreach (var listener in _listeners) await listener.DisposeAsync().ConfigureAwait(false);
        await Task.WhenAll(_acceptLoops).ConfigureAwait(false);
        // First: a command may wait for one of them.
        _hasStuckOperation = !await _core.SuspendMediumOperationsAsync(_core.Budget.Limits.DrainTimeout).ConfigureAwait(false);
        await _core.DrainAsync(_core.Budget.Limits.DrainTimeout).ConfigureAwait(false);
        if (_heartbeat is not null) await _heartbeat.DisposeAsync().ConfigureAwait(false);
        TargetLog.Stopped(_core.Logger);
    }

    /// <summary>Stops and gives the memory back.</summary>
    /// <exception cref="Reservations.LeakException">A grant is open: a bug, and the message names it.</exception>
    public async ValueTask DisposeAsync()
    {
        await StopAsync().ConfigureAwait(false);
        _stopping.Dispose();
        if (_core.Sessions.IsEmpty && !_hasStuckOperation) _core.Dispose();
        else TargetLog.StuckSessions(_core.Logger, _core.Sessions.Snapshot().Length);
    }

    private async Task AcceptLoopAsync(ITransportListener listener, ushort portalGroupTag)
    {
        while (true)
        {
            ITransportConnection? connection;
            try
            {
                connection = await listener.AcceptAsync().ConfigureAwait(false);
            }
            catch (IOException e)
            {
                // The system lacks what a connection takes, which an operator or the end of another connection can change.
                TargetLog.AcceptFailed(_core.Logger, listener.LocalEndPoint, AcceptPause.TotalSeconds, e.Message);
                await Task.Delay(AcceptPause, _core.Clock, _stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                if (_isStopped) break;
                continue;
            }
            if (connection is null) break;
            await _core.AcceptAsync(connection, portalGroupTag).ConfigureAwait(false);
        }
        // Who waits for the server to stop goes on where this ends, and may block: not on a loop's thread.
        await Task.Yield();
    }
}

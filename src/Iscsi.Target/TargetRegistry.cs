using Iscsi.Protocol;
using Iscsi.Storage;
using Iscsi.Target.Diagnostics;
using Iscsi.Target.Memory;
using Iscsi.Target.Scsi;
using Iscsi.Target.Scsi.AsymmetricAccess;
using Iscsi.Target.Sessions;
using Reservations;

namespace Iscsi.Target;

// A logical unit leaves in this order, so that nothing of it is used after it was given back:
//
//   out of the map: no command finds it ─▶ its tasks end, session by session ─▶ its Store lane goes back ─▶ its storage and its files
//                                                                                                               may be served again

/// <summary>The targets and their LUNs, and every change of them while the server runs. Any thread.</summary>
internal sealed class TargetRegistry(TargetCore core) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly ChapChallengeRegistry _challenges = new();

    // Also those that are leaving: until then their storage is in use.
    private readonly List<ServedUnit> _served = [];
    private readonly List<(TargetDefinition Target, TaskCompletionSource Done)> _leaving = [];
    private volatile TargetDefinition[] _all = [];
    private int _storeSlots;
    private int _storeBlocks;

    /// <summary>The targets, in the order in which they came. A snapshot.</summary>
    public TargetDefinition[] All => _all;

    /// <summary>The target of a name.</summary>
    public TargetDefinition? Find(string name) => Array.Find(_all, t => string.Equals(t.Name, name, StringComparison.Ordinal));

    /// <summary>Serves a target with its LUNs, all or none.</summary>
    /// <exception cref="ArgumentException">The name is taken, access rules contradict each other, or a storage or a state file is served already.</exception>
    /// <exception cref="BudgetException">The store floor does not hold the bounce blocks of the devices.</exception>
    /// <exception cref="InvalidDataException">A state file is damaged.</exception>
    public TargetDefinition Add(TargetDefinitionBuilder builder)
    {
        lock (_lock)
        {
            if (Find(builder.Name) is not null) throw new ArgumentException($"Target {builder.Name} is there already.", nameof(builder));
            var access = new TargetAccess(builder, _challenges);
            if (builder.AsymmetricAccess?.StatePath is { } path) CheckStateFile(builder.Name, path);
            var portGroups = new TargetPortGroups(core.PortalGroupTags, builder.AsymmetricAccess);
            portGroups.Changed += group => TargetLog.AccessStateChanged(core.Logger, builder.Name, group.Tag, group.State, group.Reason);
            var target = new TargetDefinition(builder.Name, access, core.Budget, core.Clock, portGroups);
            try
            {
                foreach (var lun in builder.Luns) AddUnit(target, lun);
            }
            catch
            {
                foreach (var unit in _served.FindAll(unit => ReferenceEquals(unit.Target, target))) Release(unit);
                throw;
            }
            _all = [.. _all, target];
            if (core.HasStarted)
                foreach (var unit in target.Units.Units) core.Resume(unit);
            return target;
        }
    }

    /// <summary>Serves a device under a LUN; the nexuses of the target are told.</summary>
    /// <inheritdoc cref="Add" path="/exception"/>
    public LogicalUnit AddLun(TargetDefinition target, LunDefinition lun)
    {
        lock (_lock)
        {
            if (!_all.Contains(target)) throw new InvalidOperationException($"Target {target.Name} is no longer served.");
            var unit = AddUnit(target, lun);
            if (core.HasStarted) core.Resume(unit);
            TargetLog.LunAdded(core.Logger, target.Name, lun.Lun, lun.Device.Info.Description);
            return unit;
        }
    }

    /// <summary>Replaces the access rules of a target, for later logins.</summary>
    /// <exception cref="ArgumentException">They contradict each other, or LUNs are added.</exception>
    public void SetAccess(TargetDefinition target, TargetDefinitionBuilder builder)
    {
        if (builder.AsymmetricAccess is not null) throw new ArgumentException("Access rules have no access states: those are changed by SetAccessState.", nameof(builder));
        if (builder.Luns.Count > 0) throw new ArgumentException("Access rules have no LUNs: add those to the target.", nameof(builder));
        target.Access = new TargetAccess(builder, _challenges);
        TargetLog.AccessChanged(core.Logger, target.Name);
    }

    /// <summary>Takes a LUN out: nexuses are told, its tasks end and are answered, its memory goes back. Ends when all that is done.</summary>
    /// <returns>False: there is no such LUN.</returns>
    public async Task<bool> RemoveLunAsync(TargetDefinition target, int number, CancellationToken cancellationToken)
    {
        ServedUnit? served;
        lock (_lock)
        {
            served = _served.Find(unit => ReferenceEquals(unit.Target, target) && unit.Unit.Number == number && !unit.IsLeaving);
            if (served is null) return false;
            served.IsLeaving = true;
            target.Units.Remove(served.Unit);
        }
        TargetLog.LunRemoved(core.Logger, target.Name, number);
        await FinishLunAsync(served).WaitAsync(cancellationToken).ConfigureAwait(false);
        return true;
    }

    /// <summary>
    /// Takes a target out: no login finds it, its sessions are told and drained for at most <see cref="TargetLimits.DrainTimeout"/>, then cut;
    /// its memory goes back. Ends when all that is done.
    /// </summary>
    /// <returns>False: it is not there.</returns>
    public async Task<bool> RemoveAsync(TargetDefinition target, CancellationToken cancellationToken)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            if (!_all.Contains(target)) return false;
            _all = Array.FindAll(_all, other => !ReferenceEquals(other, target));
            foreach (var unit in _served)
                if (ReferenceEquals(unit.Target, target)) unit.IsLeaving = true;
            _leaving.Add((target, done));
        }
        TargetLog.TargetRemoved(core.Logger, target.Name);
        foreach (var session in core.Sessions.Retire(target)) session.Post(() => session.StopOrderly(ConnectionEndReason.TargetRemoved));
        await FinishAsync(target, done.Task).WaitAsync(cancellationToken).ConfigureAwait(false);
        return true;
    }

    /// <summary>A session has ended: it may be the last of a target that is leaving.</summary>
    public void SessionFinished()
    {
        lock (_lock)
        {
            foreach (var (target, done) in _leaving)
                if (!core.Sessions.HasSessions(target)) done.TrySetResult();
        }
    }

    /// <summary>Gives all Store lanes back. No session is left.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            foreach (var unit in _served.ToArray()) Release(unit);
            _all = [];
        }
    }

    private async Task FinishLunAsync(ServedUnit served)
    {
        // First: a command may wait for it.
        await served.Unit.Medium.StopAsync().ConfigureAwait(false);
        var sessions = Array.FindAll(core.Sessions.Snapshot(), session => ReferenceEquals(session.Target, served.Target));
        if (sessions.Length > 0)
        {
            var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            var left = new UnitReset(done.SetResult, sessions.Length);
            foreach (var session in sessions) session.Post(() => session.TerminateTasksOf(served.Unit, left));
            await done.Task.ConfigureAwait(false);
        }
        // A server that was disposed meanwhile has done it.
        lock (_lock)
            if (_served.Contains(served)) Release(served);
    }

    private async Task FinishAsync(TargetDefinition target, Task sessionsEnded)
    {
        SessionFinished();
        await Task.WhenAll(Array.ConvertAll(target.Units.Units.ToArray(), static unit => unit.Medium.StopAsync())).ConfigureAwait(false);
        try
        {
            await sessionsEnded.WaitAsync(core.Budget.Limits.DrainTimeout, core.Clock).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            foreach (var session in core.Sessions.Retire(target)) session.Post(session.StopNow);
            await sessionsEnded.ConfigureAwait(false);
        }
        lock (_lock)
        {
            _leaving.RemoveAll(entry => ReferenceEquals(entry.Target, target));
            foreach (var unit in _served.FindAll(unit => ReferenceEquals(unit.Target, target))) Release(unit);
        }
    }

    // ---- all below under the lock

    private LogicalUnit AddUnit(TargetDefinition target, LunDefinition lun)
    {
        CheckFree(target, lun);
        var need = lun.Device.Info.Store;
        var lane = CreateLane($"store {target.Name} LUN {lun.Lun}", need);
        try
        {
            var unit = target.Units.Add(lun.Lun, lun.Device, lun.Options, lane);
            unit.Reservations.SaveFailed += OnReservationsNotSaved;
            unit.Medium.UseMemory(core.Background, lane);
            unit.Medium.Ended += core.OnMediumOperationEnded;
            _served.Add(new ServedUnit(target, unit, lun));
            return unit;
        }
        catch
        {
            DropLane(lane, need);
            throw;
        }
    }

    private void Release(ServedUnit served)
    {
        _served.Remove(served);
        served.Unit.Unwatch();
        DropLane(served.Unit.Lane, served.Lun.Device.Info.Store);
    }

    private void CheckStateFile(string target, string path)
    {
        var isTaken = Array.Exists(_all, other => string.Equals(other.Units.PortGroups.StatePath, path, StringComparison.Ordinal)) ||
            _served.Exists(unit => string.Equals(unit.Lun.Options.ReservationsPath, path, StringComparison.Ordinal) || string.Equals(unit.Lun.Options.StatePath, path, StringComparison.Ordinal));
        if (isTaken) throw new ArgumentException($"{path} is named for the access states of {target} and a second time: each state needs a file of its own.");
    }

    // One storage under two LUNs would be two disks over the same blocks; within a target the map looks for it.
    private void CheckFree(TargetDefinition target, LunDefinition lun)
    {
        string?[] files = [lun.Options.ReservationsPath, lun.Options.StatePath];
        if (files[0] is not null && string.Equals(files[0], files[1], StringComparison.Ordinal)) throw TwoStates(files[0]!);
        foreach (var other in _served)
        {
            foreach (var file in (ReadOnlySpan<string?>)[other.Lun.Options.ReservationsPath, other.Lun.Options.StatePath])
                if (file is not null && files.Contains(file, StringComparer.Ordinal)) throw TwoStates(file);
            if (!other.Unit.Device.IsSameStorage(lun.Device) || (ReferenceEquals(other.Target, target) && !other.IsLeaving)) continue;
            throw new ArgumentException(
                $"{lun.Device.Info.Description} is {(other.IsLeaving ? "still in use as" : "already")} LUN {other.Unit.Number} of {other.Target.Name}: " +
                "one storage under two LUNs would be two disks over the same blocks.",
                nameof(lun));
        }

        ArgumentException TwoStates(string path) => new(
            $"{path} is named for the state of LUN {lun.Lun} of {target.Name} and a second time: each state needs a file of its own.", nameof(lun));
    }

    // The lanes share the store floor: beyond it a lane would take what sessions were promised.
    private StoreLane? CreateLane(string name, StoreNeed need)
    {
        var blocks = need.ConcurrentRequests * need.BounceBlocks;
        if (_storeBlocks + blocks > core.Budget.StoreFloorBlocks)
        {
            throw new BudgetException(
                $"No room for {name}: its device needs {blocks} bounce blocks of 4 KiB, and {core.Budget.StoreFloorBlocks - _storeBlocks} of the store floor " +
                $"of {core.Budget.StoreFloorBlocks} are free. Raise the memory budget, or serve fewer such devices.");
        }
        ResizeStore(need.ConcurrentRequests, blocks);
        try
        {
            return StoreLane.Create(core.Root, name, need);
        }
        catch
        {
            ResizeStore(-need.ConcurrentRequests, -blocks);
            throw;
        }
    }

    private void DropLane(StoreLane? lane, StoreNeed need)
    {
        lane?.Dispose();
        ResizeStore(-need.ConcurrentRequests, -need.ConcurrentRequests * need.BounceBlocks);
    }

    private void ResizeStore(int slots, int blocks)
    {
        _storeSlots += slots;
        _storeBlocks += blocks;
        core.Root.ResizeSlots(TargetLevels.Store, _storeSlots);
    }

    private void OnReservationsNotSaved(string path, Exception error) => TargetLog.ReservationsNotSaved(core.Logger, path, error.Message);

    private sealed class ServedUnit(TargetDefinition target, LogicalUnit unit, LunDefinition lun)
    {
        public TargetDefinition Target => target;

        public LogicalUnit Unit => unit;

        public LunDefinition Lun => lun;

        public bool IsLeaving { get; set; }
    }
}

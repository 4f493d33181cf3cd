using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;

namespace Iscsi.Target.Scsi.PersistentReservations;

// RESERVE and RELEASE (SPC-2) beside persistent reservations (SPC-3, Exceptions to SPC-2 RESERVE and RELEASE behavior; CRH = 1):
//
//   reserved by RESERVE             every PERSISTENT RESERVE IN and OUT, of every nexus, is a conflict
//   anybody registered              RESERVE and RELEASE of one with full access to a persistent reservation: GOOD, nothing happens;
//                                   all others are a conflict
//   neither                         as SPC-2 has them: one nexus reserves, its loss and every reset release

/// <summary>The reservations of a logical unit: the gate in front of its commands, and the commands that change them.</summary>
internal sealed class UnitReservations
{
    private readonly Lock _lock = new();
    private readonly PersistentReservationMachine _machine;
    private readonly PersistentReservationFile? _file;
    private volatile PersistentReservationState _state;
    private volatile ScsiNexus? _reserver;
    private volatile bool _isRestricted;
    private bool _isSaving;
    private Task _last = Task.CompletedTask;

    /// <summary>Creates the reservations of a logical unit, and restores what was kept.</summary>
    /// <exception cref="InvalidDataException">The file is damaged.</exception>
    public UnitReservations(PersistentReservationLimits limits, PersistentReservationFile? file)
    {
        Limits = limits with { CanPersist = file is not null };
        _file = file;
        _machine = new PersistentReservationMachine(Limits, file?.Load());
        _state = _machine.State;
        _isRestricted = _state.IsReserved;
    }

    /// <summary>Raised when the state file could not be written; the command was refused.</summary>
    public event Action<string, Exception>? SaveFailed;

    /// <summary>Bounds and abilities.</summary>
    public PersistentReservationLimits Limits { get; }

    /// <summary>Registrations and reservation now.</summary>
    public PersistentReservationState State => _state;

    /// <summary>Whether a nexus has reserved the unit by RESERVE (6) or (10).</summary>
    public bool IsReservedByReserve => _reserver is not null;

    /// <summary>Whether a command must be answered with RESERVATION CONFLICT. One read where nothing is reserved.</summary>
    public bool Refuse(ScsiRequest r, ScsiCommandRow row)
    {
        if (!_isRestricted || row.Has(ScsiTraits.ManagesReservations)) return false;
        if (row.PassesReservations is { } passes && passes(r)) return false;
        if (_reserver is { } reserver)
            return !ReferenceEquals(reserver, r.Nexus) && !row.Has(ScsiTraits.AllowedThroughReserve);
        return !_state.Allows(r.Nexus.Name, row.Traits);
    }

    /// <summary>Whether a request of the copy manager for a nexus must be answered with RESERVATION CONFLICT.</summary>
    /// <param name="nexus">The nexus that copies.</param>
    /// <param name="traits">Whether it reads or writes.</param>
    public bool Refuse(ScsiNexus nexus, ScsiTraits traits) =>
        _isRestricted && (_reserver is { } reserver ? !ReferenceEquals(reserver, nexus) : !_state.Allows(nexus.Name, traits));

    /// <summary>Carries out a PERSISTENT RESERVE OUT: decided, durable where that was asked for, in force, told; in this order.</summary>
    public async ValueTask ExecuteAsync(ScsiRequest r, PersistentReservationRequest request)
    {
        var turn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Task before;
        lock (_lock)
        {
            before = _last;
            _last = turn.Task;
        }
        PersistentReservationDecision decision;
        try
        {
            // One after the other: a decision holds until it is committed.
            if (!before.IsCompleted) await before.ConfigureAwait(false);
            decision = Decide(r, request, out var mustSave);
            if (mustSave)
            {
                var isSaved = await TrySaveAsync(decision.State!).ConfigureAwait(false);
                EndSave(decision, isSaved);
                if (!isSaved)
                {
                    r.Fail(SenseKey.HardwareError, AdditionalSense.InternalTargetFailure);
                    return;
                }
            }
        }
        finally
        {
            turn.SetResult();
        }
        if (decision.IsConflict) r.Conflict();
        else if (decision.Sense is { } sense) r.Fail(sense);
        else await TellAsync(r, decision).ConfigureAwait(false);
    }

    /// <summary>RESERVE (6) and (10).</summary>
    public ScsiStep Reserve(ScsiRequest r)
    {
        lock (_lock)
        {
            if (!_state.Registrations.IsEmpty) return MayPass(r) ? r.Good() : r.Conflict();
            // Whether somebody is registered is being written down: ask again.
            if (_isSaving) return r.Busy();
            if (_reserver is not null && !ReferenceEquals(_reserver, r.Nexus)) return r.Conflict();
            SetReserver(r.Nexus);
            return r.Good();
        }
    }

    /// <summary>RELEASE (6) and (10); of another nexus's reservation it does nothing.</summary>
    public ScsiStep Release(ScsiRequest r)
    {
        lock (_lock)
        {
            if (!_state.Registrations.IsEmpty) return MayPass(r) ? r.Good() : r.Conflict();
            if (ReferenceEquals(_reserver, r.Nexus)) SetReserver(null);
            return r.Good();
        }
    }

    /// <summary>A nexus is lost: what it reserved by RESERVE is free. Registrations stay.</summary>
    public void OnNexusLost(ScsiNexus nexus)
    {
        if (_reserver is null) return;
        lock (_lock)
        {
            if (ReferenceEquals(_reserver, nexus)) SetReserver(null);
        }
    }

    /// <summary>The logical unit is reset: what was reserved by RESERVE is free. Persistent reservations stay.</summary>
    public void OnReset()
    {
        lock (_lock) SetReserver(null);
    }

    private bool MayPass(ScsiRequest r) => _state.IsReserved && _state.HasFullAccess(r.Nexus.Name);

    private void SetReserver(ScsiNexus? nexus)
    {
        _reserver = nexus;
        _isRestricted = nexus is not null || _state.IsReserved;
    }

    private PersistentReservationDecision Decide(ScsiRequest r, PersistentReservationRequest request, out bool mustSave)
    {
        mustSave = false;
        var nexuses = r.Units.NexusNames();
        lock (_lock)
        {
            if (IsReservedByReserve) return PersistentReservationDecision.Conflict;
            var decision = _machine.Decide(r.Nexus.Name, request, nexuses);
            if (decision.State is not { } next || ReferenceEquals(next, _state)) return decision;
            // Before it is in force: who is preempted next sees it.
            r.AwaitsOtherTasks = !decision.Aborted.IsEmpty;
            mustSave = _file is not null && (_state.PersistsThroughPowerLoss || next.PersistsThroughPowerLoss);
            if (mustSave) _isSaving = true;
            else Commit(decision);
            return decision;
        }
    }

    private void EndSave(PersistentReservationDecision decision, bool isSaved)
    {
        lock (_lock)
        {
            _isSaving = false;
            if (isSaved) Commit(decision);
        }
    }

    private void Commit(PersistentReservationDecision decision)
    {
        _machine.Commit(decision);
        _state = _machine.State;
        _isRestricted = _state.IsReserved;
    }

    private async ValueTask<bool> TrySaveAsync(PersistentReservationState next)
    {
        try
        {
            // A few flushes: not on the session's executor.
            await Task.Run(() => _file!.Save(next)).ConfigureAwait(false);
            return true;
        }
#pragma warning disable CA1031 // Whatever the file system throws must become a status, and must not leave the unit changing for good.
        catch (Exception e)
#pragma warning restore CA1031
        {
            SaveFailed?.Invoke(_file!.Path, e);
            return false;
        }
    }

    private static async ValueTask TellAsync(ScsiRequest r, PersistentReservationDecision decision)
    {
        r.Units.Raise(r.Unit!, decision.Attentions);
        if (!decision.Aborted.IsEmpty && r.Tasks is { } tasks)
            await tasks.AbortTasksAsync(r.Unit!, decision.Aborted).ConfigureAwait(false);
        r.Good();
    }
}

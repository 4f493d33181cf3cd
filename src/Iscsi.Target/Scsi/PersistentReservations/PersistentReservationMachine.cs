using System.Collections.Immutable;
using Iscsi.Protocol.Scsi;

namespace Iscsi.Target.Scsi.PersistentReservations;

// Registrations and reservation of a logical unit (SPC-4, Persistent reservations). R is the set of registered nexuses, H the holder:
//
//              REGISTER…                    RESERVE by a registrant
//    R empty ────────────▶ R, not reserved ───────────────────────────▶ R, reserved: H in R, or all of R hold it
//       ▲                     │   ▲  ▲                                     │      │
//       └─────────────────────┘   │  └──── RELEASE by H, H unregisters ────┘      │ PREEMPT, REGISTER AND MOVE:
//         CLEAR, the last one     │                                               │ another H, perhaps another type
//         unregisters             └───────────── CLEAR, the last of all ──────────┘
//
// A nexus that is not registered, or gives another key than its own, gets RESERVATION CONFLICT for everything but REGISTER and
// REGISTER AND IGNORE EXISTING KEY; that comes before any complaint about the parameters, as SAM-5's status precedence has it.

/// <summary>
/// Decides PERSISTENT RESERVE OUT. A decision changes nothing: the caller makes it durable where that was asked for, and then
/// commits it.
/// </summary>
internal sealed partial class PersistentReservationMachine
{
    // Offsets in the parameter lists (SPC-4).
    private const int ServiceActionKeyAt = PersistentReservationParameterList.ServiceActionKeyAt;
    private const int FlagsAt = PersistentReservationParameterList.FlagsAt;
    private const int MoveFlagsAt = PersistentReservationParameterList.MoveFlagsAt;
    private const int MoveTargetPortAt = PersistentReservationParameterList.MoveTargetPortAt;

    private readonly PersistentReservationLimits _limits;

    /// <summary>Creates a machine.</summary>
    /// <param name="limits">Bounds and abilities.</param>
    /// <param name="state">What was restored; null: nothing.</param>
    public PersistentReservationMachine(PersistentReservationLimits limits, PersistentReservationState? state = null)
    {
        _limits = limits;
        State = state ?? PersistentReservationState.Empty;
    }

    /// <summary>The state.</summary>
    public PersistentReservationState State { get; private set; }

    /// <summary>Decides a command.</summary>
    /// <param name="from">The nexus it came by.</param>
    /// <param name="request">The command.</param>
    /// <param name="knownPorts">Nexuses that exist now: a TransportID without ISID means every initiator port of that name among
    /// them.</param>
    public PersistentReservationDecision Decide(
        NexusName from, PersistentReservationRequest request, IReadOnlyList<NexusName>? knownPorts = null)
    {
        var isRegistered = State.KeyOf(from) is var key && key != 0;
        switch (request.Action)
        {
            case PersistentReserveOutAction.Register:
                return request.Key == key ? Register(from, request, knownPorts ?? []) : PersistentReservationDecision.Conflict;
            case PersistentReserveOutAction.RegisterAndIgnoreExistingKey:
                return Register(from, request, []);
        }
        if (!isRegistered || request.Key != key) return PersistentReservationDecision.Conflict;
        // SPC-4: valid for REGISTER alone, refused elsewhere; REGISTER AND MOVE has no such bit.
        if (request.SpecifiesInitiatorPorts) return PersistentReservationDecision.InvalidParameter(FlagsAt, 3);
        return request.Action switch
        {
            PersistentReserveOutAction.Reserve => Reserve(from, request),
            PersistentReserveOutAction.Release => Release(from, request),
            PersistentReserveOutAction.Clear => Clear(from),
            PersistentReserveOutAction.Preempt => Preempt(from, request, aborts: false),
            PersistentReserveOutAction.PreemptAndAbort => Preempt(from, request, aborts: true),
            _ => Move(from, request),
        };
    }

    /// <summary>Makes a decision's state the current one.</summary>
    public void Commit(PersistentReservationDecision decision) => State = decision.State ?? State;

    private PersistentReservationDecision Register(
        NexusName from, PersistentReservationRequest request, IReadOnlyList<NexusName> knownPorts)
    {
        var isRegistered = State.IsRegistered(from);
        if (request.SpecifiesInitiatorPorts && (isRegistered || request.Action != PersistentReserveOutAction.Register))
            return PersistentReservationDecision.InvalidParameter(FlagsAt, 3);
        if (request.ActivatesPersistence && !_limits.CanPersist) return PersistentReservationDecision.InvalidParameter(FlagsAt, 0);
        if (request.ServiceActionKey == 0) return isRegistered ? Unregister(from, request) : Unchanged();

        var registrations = State.Registrations.ToBuilder();
        foreach (var nexus in OnTargetPorts(from, request.AllTargetPorts)) Put(registrations, nexus, request.ServiceActionKey);
        foreach (var id in request.TransportIds)
        {
            var ports = PortsOf(id, from.TargetPort, knownPorts);
            if (ports.Count == 0) return PersistentReservationDecision.InvalidParameter(id.OffsetBytes);
            foreach (var port in ports)
            {
                // As if it had sent the REGISTER itself: without its key it could not.
                if (State.IsRegistered(port)) return PersistentReservationDecision.InvalidParameter(id.OffsetBytes);
                foreach (var nexus in OnTargetPorts(port, request.AllTargetPorts)) Put(registrations, nexus, request.ServiceActionKey);
            }
        }
        if (!_limits.Holds(registrations)) return Exhausted();
        return Next(registrations.ToImmutable(), State.Type, State.Holder, request.ActivatesPersistence);
    }

    private PersistentReservationDecision Unregister(NexusName from, PersistentReservationRequest request)
    {
        var leaving = OnTargetPorts(from, request.AllTargetPorts);
        var registrations = State.Registrations.RemoveAll(r => leaving.Contains(r.Nexus));
        var isLost = State.Type.IsAllRegistrants() ? registrations.IsEmpty : State.Holder is { } holder && leaving.Contains(holder);
        var type = isLost ? PersistentReservationType.None : State.Type;
        var next = Next(registrations, type, isLost ? null : State.Holder, request.ActivatesPersistence);
        // SPC-4, Unregistering: those who shared the access are told.
        return isLost && State.Type.IncludesRegistrants()
            ? next with { Attentions = Tell(registrations, from, UnitAttention.ReservationsReleased) }
            : next;
    }

    private PersistentReservationDecision Reserve(NexusName from, PersistentReservationRequest request)
    {
        if (State.IsReserved)
        {
            return State.IsHolder(from) && request.Scope == 0 && request.Type == (byte)State.Type
                ? Unchanged()
                : PersistentReservationDecision.Conflict;
        }
        if (CheckType(request) is { } refusal) return refusal;
        var type = (PersistentReservationType)request.Type;
        return Next(State.Registrations, type, type.IsAllRegistrants() ? null : from, generationStep: 0);
    }

    private PersistentReservationDecision Release(NexusName from, PersistentReservationRequest request)
    {
        if (!State.IsHolder(from)) return Unchanged();
        if (request.Scope != 0 || request.Type != (byte)State.Type)
        {
            return PersistentReservationDecision.Fail(
                new SenseData(SenseKey.IllegalRequest, AdditionalSense.InvalidReleaseOfPersistentReservation));
        }
        var next = Next(State.Registrations, PersistentReservationType.None, null, generationStep: 0);
        return State.Type.IncludesRegistrants()
            ? next with { Attentions = Tell(State.Registrations, from, UnitAttention.ReservationsReleased) }
            : next;
    }

    private PersistentReservationDecision Clear(NexusName from) =>
        Next([], PersistentReservationType.None, null) with
        {
            Attentions = Tell(State.Registrations, from, UnitAttention.ReservationsPreempted),
        };

    private PersistentReservationDecision Move(NexusName from, PersistentReservationRequest request)
    {
        // Of a reservation that all registrants hold there is nothing to move.
        if (!State.IsHolder(from) || State.Type.IsAllRegistrants()) return PersistentReservationDecision.Conflict;
        if (request.ServiceActionKey == 0) return PersistentReservationDecision.InvalidParameter(ServiceActionKeyAt);
        if (request.ActivatesPersistence && !_limits.CanPersist) return PersistentReservationDecision.InvalidParameter(MoveFlagsAt, 0);
        if (!_limits.TargetPorts.Contains(request.TargetPort)) return PersistentReservationDecision.InvalidParameter(MoveTargetPortAt);
        var id = request.TransportIds[0];
        if (id.InitiatorSessionId is not { } isid) return PersistentReservationDecision.InvalidParameter(id.OffsetBytes, 7);
        var to = new NexusName(id.InitiatorName, isid, request.TargetPort);
        if (to.Equals(from)) return PersistentReservationDecision.InvalidParameter(id.OffsetBytes);

        var registrations = State.Registrations.ToBuilder();
        if (request.Unregisters) registrations.RemoveAll(r => r.Nexus.Equals(from));
        Put(registrations, to, request.ServiceActionKey);
        if (!_limits.Holds(registrations)) return Exhausted();
        return Next(registrations.ToImmutable(), State.Type, to, request.ActivatesPersistence);
    }

    private PersistentReservationDecision Unchanged() => new() { State = State };

    // PRGENERATION counts what changes registrations; RESERVE and RELEASE don't (SPC-4, READ KEYS parameter data).
    private PersistentReservationDecision Next(
        ImmutableArray<PersistentReservationRegistration> registrations,
        PersistentReservationType type,
        NexusName? holder,
        bool? persists = null,
        uint generationStep = 1) => new()
        {
            State = new PersistentReservationState(
                unchecked(State.Generation + generationStep), persists ?? State.PersistsThroughPowerLoss, registrations, type, holder),
        };

    private static PersistentReservationDecision Exhausted() => PersistentReservationDecision.Fail(
        new SenseData(SenseKey.IllegalRequest, AdditionalSense.InsufficientRegistrationResources));

    // byte 2: SCOPE (4), TYPE (4)
    private static PersistentReservationDecision? CheckType(PersistentReservationRequest request)
    {
        if (request.Scope != 0) return PersistentReservationDecision.InvalidField(2, 7);
        return PersistentReservationTypes.IsValid(request.Type) ? null : PersistentReservationDecision.InvalidField(2, 3);
    }

    private static ImmutableArray<(NexusName, UnitAttention)> Tell(
        ImmutableArray<PersistentReservationRegistration> registrations, NexusName except, UnitAttention condition) =>
        [.. registrations.Where(r => !r.Nexus.Equals(except)).Select(r => (r.Nexus, condition))];

    private static void Put(ImmutableArray<PersistentReservationRegistration>.Builder registrations, NexusName nexus, ulong key)
    {
        var registration = new PersistentReservationRegistration(nexus, key);
        for (var i = 0; i < registrations.Count; i++)
        {
            if (!registrations[i].Nexus.Equals(nexus)) continue;
            registrations[i] = registration;
            return;
        }
        registrations.Add(registration);
    }

    private List<NexusName> OnTargetPorts(NexusName nexus, bool all) =>
        all ? [.. _limits.TargetPorts.Select(nexus.Through)] : [nexus];

    // SPC-4, TransportID for initiator ports using SCSI over iSCSI: without ISID it means all known ports of that name.
    private static List<NexusName> PortsOf(IscsiTransportId id, ushort targetPort, IReadOnlyList<NexusName> knownPorts) =>
        id.InitiatorSessionId is { } isid
            ? [new NexusName(id.InitiatorName, isid, targetPort)]
            : [.. knownPorts.Where(p => string.Equals(p.InitiatorName, id.InitiatorName, StringComparison.Ordinal))
                .Select(p => p.Through(targetPort)).Distinct()];
}

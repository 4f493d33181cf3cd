using System.Collections.Immutable;

namespace Iscsi.Target.Scsi.PersistentReservations;

// PREEMPT and PREEMPT AND ABORT (SPC-4, Preempting). What the SERVICE ACTION RESERVATION KEY names decides:
//
//   reserved for one, its key              the reservation and every registration with the key go; the sender holds a new one
//   reserved for all registrants, zero     the reservation and every other registration go; the sender holds a new one
//   another key that somebody has          those registrations go, the sender's own too; the reservation stays
//   a key that nobody has                  RESERVATION CONFLICT
//   zero otherwise                         invalid parameter
internal sealed partial class PersistentReservationMachine
{
    private PersistentReservationDecision Preempt(NexusName from, PersistentReservationRequest request, bool aborts)
    {
        var key = request.ServiceActionKey;
        var isOfAll = State.Type.IsAllRegistrants();
        var takesReservation = State.IsReserved && (isOfAll ? key == 0 : key == State.HolderKey);
        if (key == 0 && !takesReservation) return PersistentReservationDecision.InvalidParameter(ServiceActionKeyAt);

        bool IsRemoved(PersistentReservationRegistration r) =>
            takesReservation ? !r.Nexus.Equals(from) && (isOfAll || r.Key == key) : r.Key == key;
        var removed = State.Registrations.Where(IsRemoved).Select(r => r.Nexus).ToImmutableArray();
        if (!takesReservation && removed.IsEmpty) return PersistentReservationDecision.Conflict;
        if (takesReservation && CheckType(request) is { } refusal) return refusal;

        var rest = State.Registrations.RemoveAll(IsRemoved);
        var attentions = removed.Where(n => !n.Equals(from)).Select(n => (n, UnitAttention.RegistrationsPreempted)).ToImmutableArray();
        PersistentReservationDecision next;
        if (takesReservation)
        {
            var type = (PersistentReservationType)request.Type;
            next = Next(rest, type, type.IsAllRegistrants() ? null : from);
            if (type != State.Type) attentions = attentions.AddRange(Tell(rest, from, UnitAttention.ReservationsReleased));
        }
        else
        {
            // A holder is never among the removed; of a reservation that all hold, the last one may be.
            next = Next(rest, rest.IsEmpty ? PersistentReservationType.None : State.Type, State.Holder);
        }
        return next with { Attentions = attentions, Aborted = aborts ? removed.Remove(from) : [] };
    }
}

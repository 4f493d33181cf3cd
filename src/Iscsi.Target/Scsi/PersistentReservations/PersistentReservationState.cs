using System.Collections.Immutable;

namespace Iscsi.Target.Scsi.PersistentReservations;

/// <summary>A registered I_T nexus and its key.</summary>
/// <param name="Nexus">The nexus.</param>
/// <param name="Key">The reservation key; not zero.</param>
internal readonly record struct PersistentReservationRegistration(NexusName Nexus, ulong Key);

/// <summary>
/// Registrations and reservation of a logical unit at one moment. Immutable: the gate in front of every command reads it without a
/// lock.
/// </summary>
internal sealed class PersistentReservationState
{
    private readonly Dictionary<NexusName, ulong> _keys;

    public PersistentReservationState(
        uint generation,
        bool persistsThroughPowerLoss,
        ImmutableArray<PersistentReservationRegistration> registrations,
        PersistentReservationType type = PersistentReservationType.None,
        NexusName? holder = null)
    {
        Generation = generation;
        PersistsThroughPowerLoss = persistsThroughPowerLoss;
        Registrations = registrations;
        Type = type;
        Holder = holder;
        _keys = new Dictionary<NexusName, ulong>(registrations.Length);
        foreach (var (nexus, key) in registrations) _keys.Add(nexus, key);
    }

    /// <summary>Nobody is registered.</summary>
    public static PersistentReservationState Empty { get; } = new(0, false, []);

    /// <summary>PRGENERATION.</summary>
    public uint Generation { get; }

    /// <summary>PTPL_A: what the last APTPL bit asked for.</summary>
    public bool PersistsThroughPowerLoss { get; }

    /// <summary>The registrations, oldest first.</summary>
    public ImmutableArray<PersistentReservationRegistration> Registrations { get; }

    /// <summary>The type of the reservation, or <see cref="PersistentReservationType.None"/>.</summary>
    public PersistentReservationType Type { get; }

    /// <summary>The holder; null without a reservation, and when all registrants hold it.</summary>
    public NexusName? Holder { get; }

    /// <summary>Whether there is a reservation.</summary>
    public bool IsReserved => Type != PersistentReservationType.None;

    /// <summary>Key of the reservation as READ RESERVATION tells it: zero when all registrants hold it.</summary>
    public ulong HolderKey => Holder is null ? 0 : _keys[Holder];

    /// <summary>The key of a nexus; zero: it is not registered.</summary>
    public ulong KeyOf(NexusName nexus) => _keys.GetValueOrDefault(nexus);

    /// <summary>Whether a nexus is registered.</summary>
    public bool IsRegistered(NexusName nexus) => _keys.ContainsKey(nexus);

    /// <summary>Whether a nexus holds the reservation.</summary>
    public bool IsHolder(NexusName nexus) => Type.IsAllRegistrants() ? IsRegistered(nexus) : Holder is not null && Holder.Equals(nexus);

    /// <summary>Whether a nexus may send every command (SPC-4, commands allowed in the presence of various reservations).</summary>
    public bool HasFullAccess(NexusName nexus) =>
        !IsReserved || IsHolder(nexus) || (Type.IncludesRegistrants() && IsRegistered(nexus));

    /// <summary>Whether a command of a class may be carried out for a nexus.</summary>
    public bool Allows(NexusName nexus, ScsiTraits traits)
    {
        if (!IsReserved || (traits & ScsiTraits.AllowedThroughReservation) != ScsiTraits.None) return true;
        if (Type.PermitsReads() && (traits & ScsiTraits.AllowedThroughWriteExclusive) != ScsiTraits.None) return true;
        return HasFullAccess(nexus);
    }
}

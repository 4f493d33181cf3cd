using System.Collections.Immutable;

namespace Iscsi.Target.Scsi.PersistentReservations;

/// <summary>What a logical unit can keep and do of persistent reservations.</summary>
internal sealed record PersistentReservationLimits
{
    /// <summary>
    /// Registrations of a logical unit. Default 128: four times the largest cluster that uses them, and READ FULL STATUS of them
    /// with the longest names stays under 64 KiB.
    /// </summary>
    public int MaxRegistrations { get; init; } = 128;

    /// <summary>Bytes READ FULL STATUS may have: what a command can demand at once. Default 64 KiB.</summary>
    public int MaxFullStatusBytes { get; init; } = 64 * 1024;

    /// <summary>PTPL_C: whether there is a place where they survive a restart. Default false.</summary>
    public bool CanPersist { get; init; }

    /// <summary>The relative target port identifiers of the target device. Default the one of the one portal group.</summary>
    public ImmutableArray<ushort> TargetPorts { get; init; } = [TargetDefinition.DefaultPortalGroupTag];

    /// <summary>Whether registrations fit.</summary>
    public bool Holds(IReadOnlyCollection<PersistentReservationRegistration> registrations) =>
        registrations.Count <= MaxRegistrations && PersistentReservationStatus.FullStatusBytes(registrations) <= MaxFullStatusBytes;
}

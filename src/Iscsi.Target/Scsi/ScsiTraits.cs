namespace Iscsi.Target.Scsi;

/// <summary>What the gates in front of a command look at.</summary>
[Flags]
internal enum ScsiTraits
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>Served for a LUN that does not exist.</summary>
    AnyLun = 1,

    /// <summary>Served while a unit attention condition exists.</summary>
    AllowedDuringUnitAttention = 2,

    /// <summary>Served while the unit is stopped, and while its medium is ejected.</summary>
    AllowedWhenStopped = 4,

    /// <summary>Changes the medium: refused when write protected, and after a failed flush.</summary>
    Writes = 8,

    /// <summary>Makes data durable: refused after a failed flush.</summary>
    Flushes = 16,

    /// <summary>
    /// Reads: carried out through another nexus's Write Exclusive reservation (SPC-4 and SBC-3, commands allowed in the presence of
    /// various reservations). A row with neither this nor the next trait conflicts with every reservation.
    /// </summary>
    AllowedThroughWriteExclusive = 32,

    /// <summary>Carried out through every persistent reservation of another nexus.</summary>
    AllowedThroughReservation = 64,

    /// <summary>Carried out while another nexus has reserved the unit by RESERVE (SPC-2).</summary>
    AllowedThroughReserve = 128,

    /// <summary>Carried out through both kinds of reservation.</summary>
    AllowedThroughReservations = AllowedThroughReservation | AllowedThroughReserve,

    /// <summary>Reads or changes the reservations, and decides about conflicts itself.</summary>
    ManagesReservations = 256,

    /// <summary>Served through a target port in the standby state (SPC-4, target port asymmetric access states).</summary>
    AllowedInStandby = 1 << 16,

    /// <summary>Served through a target port in the unavailable state, or offline.</summary>
    AllowedWhenUnavailable = 1 << 17,

    /// <summary>Served through a target port that is between two asymmetric access states.</summary>
    AllowedInTransition = 1 << 18,

    /// <summary>Served in every asymmetric access state.</summary>
    AllowedInEveryAccessState = AllowedInStandby | AllowedWhenUnavailable | AllowedInTransition,

    /// <summary>Served while an operation on the whole medium runs or has failed (SBC-3, performing a sanitize operation).</summary>
    AllowedDuringOperation = 1 << 19,

    /// <summary>Served while an operation on the whole medium has failed: it starts another one, or ends the failure.</summary>
    RepairsMedium = 1 << 20,
}

/// <summary>The memory a command demands beyond its credit.</summary>
internal enum MemoryNeed
{
    /// <summary>None.</summary>
    None,

    /// <summary>Parameter data out of the command's credit.</summary>
    ParameterData,

    /// <summary>Bursts, one after the other.</summary>
    Bursts,

    /// <summary>All data-out and the scratch at once, at most one burst.</summary>
    AllAtOnce,
}

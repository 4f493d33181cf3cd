using Iscsi.Protocol.Scsi;

namespace Iscsi.Target.Scsi;

/// <summary>Unit attention conditions as a bit set; the lowest bit is reported first (SAM-5).</summary>
[Flags]
internal enum UnitAttention
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>29/00: a new nexus.</summary>
    PowerOnOrReset = 1,

    /// <summary>29/03: LOGICAL UNIT RESET.</summary>
    LogicalUnitReset = 2,

    /// <summary>29/07: the nexus was lost, reservations and tasks with it.</summary>
    NexusLoss = 4,

    /// <summary>2A/09: the device was resized.</summary>
    CapacityDataHasChanged = 8,

    /// <summary>3F/0E: LUNs came or went.</summary>
    ReportedLunsDataHasChanged = 16,

    /// <summary>2A/03: CLEAR removed the registration, and the reservation with it.</summary>
    ReservationsPreempted = 32,

    /// <summary>2A/04: a reservation that gave access is gone.</summary>
    ReservationsReleased = 64,

    /// <summary>2A/05: the registration was preempted.</summary>
    RegistrationsPreempted = 128,

    /// <summary>28/00: another nexus has loaded the medium.</summary>
    MediumMayHaveChanged = 1 << 16,

    /// <summary>Those of a reset or a loss: SAM-5 reports them before a RESERVATION CONFLICT, and others after.</summary>
    Resets = PowerOnOrReset | LogicalUnitReset | NexusLoss,

    /// <summary>All of them.</summary>
    All = Resets | CapacityDataHasChanged | ReportedLunsDataHasChanged |
        ReservationsPreempted | ReservationsReleased | RegistrationsPreempted |
        MediumMayHaveChanged,
}

/// <summary>What a unit attention says.</summary>
internal static class UnitAttentions
{
    /// <summary>The one that is reported first.</summary>
    public static UnitAttention First(this UnitAttention set) => (UnitAttention)((int)set & -(int)set);

    /// <summary>The additional sense of one condition.</summary>
    public static AdditionalSense Sense(this UnitAttention one) => one switch
    {
        UnitAttention.PowerOnOrReset => AdditionalSense.PowerOnOrReset,
        UnitAttention.LogicalUnitReset => AdditionalSense.BusDeviceResetFunctionOccurred,
        UnitAttention.NexusLoss => AdditionalSense.NexusLossOccurred,
        UnitAttention.ReportedLunsDataHasChanged => AdditionalSense.ReportedLunsDataHasChanged,
        UnitAttention.CapacityDataHasChanged => AdditionalSense.CapacityDataHasChanged,
        UnitAttention.ReservationsPreempted => AdditionalSense.ReservationsPreempted,
        UnitAttention.ReservationsReleased => AdditionalSense.ReservationsReleased,
        UnitAttention.RegistrationsPreempted => AdditionalSense.RegistrationsPreempted,
        UnitAttention.MediumMayHaveChanged => AdditionalSense.MediumMayHaveChanged,
        _ => throw new ArgumentOutOfRangeException(nameof(one), one, "Not one unit attention condition."),
    };
}

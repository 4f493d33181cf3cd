using Iscsi.Protocol.Scsi;

namespace Iscsi.Target.Scsi;

/// <summary>
/// Unit attention conditions as a bit set; the lowest bit is reported first (SAM-5, unit attention condition precedence: power on, hard
/// reset, logical unit reset, loss of the nexus, then the others, whose order is this target's choice).
/// </summary>
[Flags]
internal enum UnitAttention
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>29/00: a new nexus, which can't know what happened before it.</summary>
    PowerOnOrReset = 1 << 0,

    /// <summary>29/01: power on, where it is known that it was that.</summary>
    PowerOn = 1 << 1,

    /// <summary>29/04: the logical unit started anew by itself (its device was opened again).</summary>
    DeviceInternalReset = 1 << 2,

    /// <summary>29/02: a hard reset: TARGET WARM RESET or TARGET COLD RESET.</summary>
    HardReset = 1 << 3,

    /// <summary>29/03: LOGICAL UNIT RESET.</summary>
    LogicalUnitReset = 1 << 4,

    /// <summary>29/07: the nexus was lost, reservations and tasks with it.</summary>
    NexusLoss = 1 << 5,

    /// <summary>28/00: another nexus has loaded the medium.</summary>
    MediumMayHaveChanged = 1 << 6,

    /// <summary>2A/09: the device was resized.</summary>
    CapacityDataHasChanged = 1 << 7,

    /// <summary>3F/03: the standard INQUIRY data, or a VPD page, has changed.</summary>
    InquiryDataHasChanged = 1 << 8,

    /// <summary>3F/0E: LUNs came or went.</summary>
    ReportedLunsDataHasChanged = 1 << 9,

    /// <summary>2A/01: another nexus changed mode parameters.</summary>
    ModeParametersChanged = 1 << 10,

    /// <summary>2A/06: the asymmetric access state of a target port group has changed.</summary>
    AsymmetricAccessStateChanged = 1 << 11,

    /// <summary>2A/03: CLEAR removed the registration, and the reservation with it.</summary>
    ReservationsPreempted = 1 << 12,

    /// <summary>2A/04: a reservation that gave access is gone.</summary>
    ReservationsReleased = 1 << 13,

    /// <summary>2A/05: the registration was preempted.</summary>
    RegistrationsPreempted = 1 << 14,

    /// <summary>2F/00: another nexus's command or function ended commands of this one without a status (TAS zero).</summary>
    CommandsCleared = 1 << 15,

    /// <summary>38/07: a thin provisioning soft threshold was reached.</summary>
    ThinProvisioningSoftThresholdReached = 1 << 16,

    /// <summary>2A/02: another nexus has reset log parameters.</summary>
    LogParametersChanged = 1 << 17,

    /// <summary>2A/10: another nexus has set the device clock.</summary>
    TimestampChanged = 1 << 18,

    /// <summary>3F/05: another nexus has set identifying information.</summary>
    DeviceIdentifierChanged = 1 << 19,

    /// <summary>5D/00 or 5D/FF: a failure is to come; which, the unit says.</summary>
    InformationalException = 1 << 20,

    /// <summary>Those of a reset or a loss: SAM-5 reports them before a RESERVATION CONFLICT, and others after.</summary>
    Resets = PowerOnOrReset | PowerOn | DeviceInternalReset | HardReset | LogicalUnitReset | NexusLoss,

    /// <summary>All of them.</summary>
    All = (1 << 21) - 1,
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
        UnitAttention.PowerOn => AdditionalSense.PowerOnOccurred,
        UnitAttention.DeviceInternalReset => AdditionalSense.DeviceInternalReset,
        UnitAttention.HardReset => AdditionalSense.ScsiBusResetOccurred,
        UnitAttention.LogicalUnitReset => AdditionalSense.BusDeviceResetFunctionOccurred,
        UnitAttention.NexusLoss => AdditionalSense.NexusLossOccurred,
        UnitAttention.MediumMayHaveChanged => AdditionalSense.MediumMayHaveChanged,
        UnitAttention.CapacityDataHasChanged => AdditionalSense.CapacityDataHasChanged,
        UnitAttention.InquiryDataHasChanged => AdditionalSense.InquiryDataHasChanged,
        UnitAttention.ReportedLunsDataHasChanged => AdditionalSense.ReportedLunsDataHasChanged,
        UnitAttention.ModeParametersChanged => AdditionalSense.ModeParametersChanged,
        UnitAttention.AsymmetricAccessStateChanged => AdditionalSense.AsymmetricAccessStateChanged,
        UnitAttention.ReservationsPreempted => AdditionalSense.ReservationsPreempted,
        UnitAttention.ReservationsReleased => AdditionalSense.ReservationsReleased,
        UnitAttention.RegistrationsPreempted => AdditionalSense.RegistrationsPreempted,
        UnitAttention.CommandsCleared => AdditionalSense.CommandsClearedByAnotherInitiator,
        UnitAttention.ThinProvisioningSoftThresholdReached => AdditionalSense.ThinProvisioningSoftThresholdReached,
        UnitAttention.LogParametersChanged => AdditionalSense.LogParametersChanged,
        UnitAttention.TimestampChanged => AdditionalSense.TimestampChanged,
        UnitAttention.DeviceIdentifierChanged => AdditionalSense.DeviceIdentifierChanged,
        UnitAttention.InformationalException => AdditionalSense.FailurePredictionThresholdExceeded,
        _ => throw new ArgumentOutOfRangeException(nameof(one), one, "Not one unit attention condition."),
    };

    /// <summary>
    /// A set with more conditions in it. A reset or a loss says all that those after it in precedence say, so it takes the place of such
    /// ones (SAM-5): the initiator hears of it once.
    /// </summary>
    public static UnitAttention With(this UnitAttention set, UnitAttention more)
    {
        var all = set | more;
        var first = (all & UnitAttention.Resets).First();
        // What a reset aborted needs no condition of its own.
        if ((more & UnitAttention.Resets) != UnitAttention.None) all &= ~UnitAttention.CommandsCleared | (more & UnitAttention.CommandsCleared);
        return (all & ~UnitAttention.Resets) | first;
    }
}

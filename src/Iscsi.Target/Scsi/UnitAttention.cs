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

    /// <summary>All of them.</summary>
    All = PowerOnOrReset | LogicalUnitReset | NexusLoss | CapacityDataHasChanged | ReportedLunsDataHasChanged,
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
        _ => throw new ArgumentOutOfRangeException(nameof(one), one, "Not one unit attention condition."),
    };
}

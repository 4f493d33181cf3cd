namespace Iscsi.Protocol.Scsi;

/// <summary>The status of a SCSI command (SAM-5).</summary>
public enum ScsiStatus : byte
{
    /// <summary>Completed without error.</summary>
    Good = 0x00,

    /// <summary>Sense data says what happened.</summary>
    CheckCondition = 0x02,

    /// <summary>The requested operation is satisfied (PRE-FETCH).</summary>
    ConditionMet = 0x04,

    /// <summary>The logical unit is busy.</summary>
    Busy = 0x08,

    /// <summary>The command conflicts with a reservation.</summary>
    ReservationConflict = 0x18,

    /// <summary>The task set has no room.</summary>
    TaskSetFull = 0x28,

    /// <summary>An auto contingent allegiance condition exists.</summary>
    AcaActive = 0x30,

    /// <summary>The task was aborted by another nexus, and the control mode page asks to be told (TAS).</summary>
    TaskAborted = 0x40,
}

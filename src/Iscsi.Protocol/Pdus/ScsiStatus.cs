namespace Iscsi.Protocol;

/// <summary>SCSI statuses (SAM-5; RFC 7143, 11.4.2).</summary>
public enum ScsiStatus : byte
{
    /// <summary>GOOD.</summary>
    Good = 0x00,

    /// <summary>CHECK CONDITION: sense data follow.</summary>
    CheckCondition = 0x02,

    /// <summary>CONDITION MET.</summary>
    ConditionMet = 0x04,

    /// <summary>BUSY.</summary>
    Busy = 0x08,

    /// <summary>RESERVATION CONFLICT.</summary>
    ReservationConflict = 0x18,

    /// <summary>TASK SET FULL.</summary>
    TaskSetFull = 0x28,

    /// <summary>ACA ACTIVE.</summary>
    AcaActive = 0x30,

    /// <summary>TASK ABORTED.</summary>
    TaskAborted = 0x40,
}

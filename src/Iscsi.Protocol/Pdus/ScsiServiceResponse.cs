namespace Iscsi.Protocol;

/// <summary>The iSCSI service response of a SCSI Response (RFC 7143, 11.4.3). 0x80 to 0xff are vendor-specific.</summary>
public enum ScsiServiceResponse : byte
{
    /// <summary>Command completed at target; the status is valid.</summary>
    CommandCompleted = 0,

    /// <summary>Target failure.</summary>
    TargetFailure = 1,
}

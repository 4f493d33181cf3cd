namespace Iscsi.Protocol;

/// <summary>Why a PDU was rejected (RFC 7143, 11.17.1).</summary>
public enum RejectReason : byte
{
    /// <summary>The data digest did not match; the PDU may be sent again.</summary>
    DataDigestError = 2,

    /// <summary>SNACK reject.</summary>
    SnackReject = 3,

    /// <summary>Protocol error.</summary>
    ProtocolError = 4,

    /// <summary>Command not supported.</summary>
    CommandNotSupported = 5,

    /// <summary>Too many immediate commands.</summary>
    ImmediateCommandReject = 6,

    /// <summary>Task in progress.</summary>
    TaskInProgress = 7,

    /// <summary>Invalid data ack.</summary>
    InvalidDataAck = 8,

    /// <summary>Invalid PDU field.</summary>
    InvalidPduField = 9,

    /// <summary>No Target Transfer Tag can be had: out of resources.</summary>
    LongOperationReject = 10,

    /// <summary>Waiting for a logout.</summary>
    WaitingForLogout = 12,
}

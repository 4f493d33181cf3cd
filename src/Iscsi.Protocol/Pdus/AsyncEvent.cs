namespace Iscsi.Protocol;

/// <summary>Events of an Asynchronous Message (RFC 7143, 11.9.1).</summary>
public enum AsyncEvent : byte
{
    /// <summary>A SCSI event; the data segment holds sense data.</summary>
    ScsiAsyncEvent = 0,

    /// <summary>The target asks for a logout of this connection within Parameter3 seconds.</summary>
    LogoutRequested = 1,

    /// <summary>The target will drop, or has dropped, the connection whose CID is Parameter1.</summary>
    ConnectionDropped = 2,

    /// <summary>The target will drop all connections of this session.</summary>
    SessionDropped = 3,

    /// <summary>The target asks for a parameter negotiation on this connection within Parameter3 seconds.</summary>
    NegotiationRequested = 4,

    /// <summary>All active tasks of the logical unit are being terminated.</summary>
    TasksTerminated = 5,

    /// <summary>Vendor-specific.</summary>
    VendorSpecific = 255,
}

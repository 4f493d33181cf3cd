namespace Iscsi.Protocol;

/// <summary>Why a connection ended. Log, metric and status share the word. A peer's mistake is a value of this, never an exception.</summary>
public enum ConnectionEndReason
{
    /// <summary>It has not ended.</summary>
    None,

    /// <summary>Orderly: the peer logged out.</summary>
    LoggedOut,

    /// <summary>Orderly: a discovery session's peer closed after its answer, or before any PDU.</summary>
    PeerClosed,

    /// <summary>The peer closed, or reset, in the middle of a PDU or with tasks in progress.</summary>
    PeerClosedUnexpectedly,

    /// <summary>The transport failed.</summary>
    TransportError,

    /// <summary>We are stopping.</summary>
    ServerStopping,

    /// <summary>The target is no longer served.</summary>
    TargetRemoved,

    /// <summary>The session was reinstated by a new login, or the connection replaced (6.3.5).</summary>
    SessionReinstated,

    /// <summary>The application ended it.</summary>
    Closed,

    /// <summary>The login was refused; the response carried the status.</summary>
    LoginRefused,

    /// <summary>The first login PDU, or the end of login, did not come in time.</summary>
    LoginTimeout,

    /// <summary>An unauthenticated connection gave its lane to a newer one.</summary>
    LoginEvicted,

    /// <summary>The peer does not read: nothing could be sent for the transmit limit.</summary>
    PeerNotReading,

    /// <summary>The peer owed Data-Out and sent none in time.</summary>
    DataOutTimeout,

    /// <summary>A hole in CmdSN was not filled in time.</summary>
    CommandHoleTimeout,

    /// <summary>A discovery session asked for nothing for its limit.</summary>
    DiscoveryIdle,

    /// <summary>No answer to a ping.</summary>
    PingTimeout,

    /// <summary>A header digest did not match (ERL 0).</summary>
    HeaderDigestError,

    /// <summary>A data digest did not match (ERL 0).</summary>
    DataDigestError,

    /// <summary>The AHS is longer than announced limits.</summary>
    AdditionalHeaderTooLong,

    /// <summary>The data segment is longer than MaxRecvDataSegmentLength.</summary>
    DataSegmentTooLong,

    /// <summary>An opcode that does not exist, or that this side must not send.</summary>
    InvalidOpcode,

    /// <summary>A PDU that is not allowed in this stage or session type.</summary>
    UnexpectedPdu,

    /// <summary>A field of a PDU has a value that is not allowed.</summary>
    InvalidPduField,

    /// <summary>A task tag that is in use, or a tag or offset that names nothing.</summary>
    InvalidTag,

    /// <summary>Data outside what was solicited or announced.</summary>
    InvalidDataOffset,

    /// <summary>Negotiation broke a rule of RFC 7143, 6.2.</summary>
    NegotiationError,

    /// <summary>TARGET COLD RESET, or I_T NEXUS RESET of this session.</summary>
    TargetReset,

    /// <summary>A task in the store is stuck past its limit.</summary>
    StoreStuck,

    /// <summary>The peer asked for more at once than the control reserve holds.</summary>
    ControlOverload,

    /// <summary>A fault of ours.</summary>
    InternalError,
}

namespace Iscsi.Protocol;

/// <summary>
/// What is wrong with a PDU. It picks the Reject reason, the end reason, the text of the log and the tag of the metric.
/// </summary>
public enum PduFault : byte
{
    /// <summary>No fault.</summary>
    None,

    /// <summary>The opcode does not exist.</summary>
    ReservedOpcode,

    /// <summary>The opcode is one that this side sends, not receives.</summary>
    OpcodeOfOtherSide,

    /// <summary>The PDU is not allowed in this stage or session type.</summary>
    UnexpectedPdu,

    /// <summary>The header digest is wrong: nothing in the header, its lengths included, can be trusted.</summary>
    HeaderDigestMismatch,

    /// <summary>The data digest is wrong.</summary>
    DataDigestMismatch,

    /// <summary>The data segment is longer than the MaxRecvDataSegmentLength declared.</summary>
    DataSegmentTooLong,

    /// <summary>The Additional Header Segments are longer than the limit.</summary>
    AhsTooLong,

    /// <summary>The lengths inside the Additional Header Segments do not add up, or a type is there twice.</summary>
    AhsMalformed,

    /// <summary>An Additional Header Segment in a PDU that has none.</summary>
    AhsNotAllowed,

    /// <summary>A data segment in a PDU that has none.</summary>
    UnexpectedDataSegment,

    /// <summary>The F bit is missing.</summary>
    MissingFinal,

    /// <summary>The C bit together with F or T.</summary>
    FinalAndContinued,

    /// <summary>The I bit is missing where it must be set.</summary>
    NotImmediate,

    /// <summary>The Initiator Task Tag is 0xffffffff where a task is named, or names one where none may be named.</summary>
    InvalidTaskTag,

    /// <summary>The Initiator Task Tag is that of a task in progress: never a second task (11.2.1.8).</summary>
    TaskTagInUse,

    /// <summary>The Target Transfer Tag names nothing, or is there where none may be.</summary>
    InvalidTargetTransferTag,

    /// <summary>An expected length without R or W.</summary>
    InvalidDirection,

    /// <summary>The task attribute does not exist.</summary>
    InvalidTaskAttribute,

    /// <summary>Overflow and underflow together.</summary>
    InvalidResidual,

    /// <summary>A length that may not be 0 is 0.</summary>
    InvalidLength,

    /// <summary>The logout reason does not exist.</summary>
    InvalidLogoutReason,

    /// <summary>A login stage that does not exist, or a transition that is not allowed.</summary>
    InvalidStage,

    /// <summary>The SNACK type does not exist.</summary>
    InvalidSnack,

    /// <summary>BufferOffset is not where the sequence goes on.</summary>
    InvalidDataOffset,

    /// <summary>DataSN or R2TSN is not the next one.</summary>
    InvalidDataSN,

    /// <summary>More data than were solicited or announced.</summary>
    DataOverrun,

    /// <summary>F came before all data that were solicited.</summary>
    DataSequenceTooShort,

    /// <summary>More immediate requests at once than there are places for (RFC 7143, 4.2.2.1).</summary>
    TooManyImmediate,
}

namespace Iscsi.Protocol;

/// <summary>
/// What ends a write with CHECK CONDITION, ABORTED COMMAND, once the initiator has sent what it still owes (RFC 7143, 11.4.7.2).
/// </summary>
public enum WriteCondition : byte
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>Unexpected unsolicited data: 0C/0C.</summary>
    UnexpectedUnsolicitedData,

    /// <summary>Incorrect amount of data: 0C/0D.</summary>
    IncorrectAmountOfData,

    /// <summary>Protocol service CRC error: 47/05. A Data-Out is missing (RFC 7143, 7.9).</summary>
    ProtocolServiceCrcError,
}

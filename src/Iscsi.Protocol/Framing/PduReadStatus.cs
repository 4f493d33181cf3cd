namespace Iscsi.Protocol;

/// <summary>What a step of <see cref="PduReader"/> came to.</summary>
public enum PduReadStatus
{
    /// <summary>The phase is complete.</summary>
    Done,

    /// <summary>See <see cref="PduParser.Fault"/>.</summary>
    Failed,

    /// <summary>The peer closed between two PDUs.</summary>
    Closed,

    /// <summary>The peer closed in the middle of a PDU.</summary>
    ClosedInPdu,
}

namespace Iscsi.Protocol;

/// <summary>What a step of <see cref="PduParser"/> came to.</summary>
public enum PduParseStatus
{
    /// <summary>More bytes are needed.</summary>
    NeedInput,

    /// <summary>The phase is complete.</summary>
    Done,

    /// <summary>See <see cref="PduParser.Fault"/>.</summary>
    Failed,
}

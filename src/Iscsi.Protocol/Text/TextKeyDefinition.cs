namespace Iscsi.Protocol;

/// <summary>Who may send a key first (RFC 7143, chapter 13: Senders).</summary>
[Flags]
public enum TextKeySenders : byte
{
    /// <summary>Nobody any more: the key is obsolete.</summary>
    None = 0,

    /// <summary>The initiator.</summary>
    Initiator = 1,

    /// <summary>The target.</summary>
    Target = 2,

    /// <summary>Either side.</summary>
    Both = Initiator | Target,
}

/// <summary>What a key's result holds for (RFC 7143, chapter 13: Scope).</summary>
public enum TextKeyScope : byte
{
    /// <summary>CO: the connection it was negotiated on.</summary>
    Connection,

    /// <summary>SW: the whole session.</summary>
    Session,
}

/// <summary>When a key may be used (RFC 7143, chapter 13: Use).</summary>
public enum TextKeyUse : byte
{
    /// <summary>SecurityNegotiation stage only (chapter 12).</summary>
    Security,

    /// <summary>LO: the leading connection's login only.</summary>
    LeadingLogin,

    /// <summary>IO: the login of any connection only.</summary>
    Login,

    /// <summary>FFPO: full feature phase only.</summary>
    FullFeature,

    /// <summary>ALL: login and full feature phase.</summary>
    All,
}

/// <summary>Format of a key's value (RFC 7143, 6.1).</summary>
public enum TextValueType : byte
{
    /// <summary>Free text or a name.</summary>
    Text,

    /// <summary>Yes or No.</summary>
    Boolean,

    /// <summary>A number.</summary>
    Number,

    /// <summary>Two numbers with '~' between.</summary>
    Range,

    /// <summary>Words, most wanted first.</summary>
    List,

    /// <summary>Hexadecimal or base64 bytes.</summary>
    Binary,
}

/// <summary>How the result of a key comes about (RFC 7143, 6.2).</summary>
public enum NegotiationRule : byte
{
    /// <summary>Declared, not negotiated: no answer.</summary>
    Declarative,

    /// <summary>The first of the offered list that the other side can use.</summary>
    FirstCommon,

    /// <summary>The smaller of both numbers.</summary>
    Minimum,

    /// <summary>The larger of both numbers.</summary>
    Maximum,

    /// <summary>Yes when both say Yes.</summary>
    And,

    /// <summary>Yes when one says Yes.</summary>
    Or,

    /// <summary>A step of an authentication method.</summary>
    Authentication,

    /// <summary>A question that is answered with other keys.</summary>
    Query,

    /// <summary>Obsolete: answered No or Reject, never NotUnderstood (13.25).</summary>
    Obsolete,
}

/// <summary>A row of <see cref="TextKeyTable"/>: everything about one key.</summary>
public sealed record TextKeyDefinition
{
    /// <summary>The key.</summary>
    public required TextKey Key { get; init; }

    /// <summary>The key as it is written; case matters.</summary>
    public required string Name { get; init; }

    /// <summary>Section of RFC 7143.</summary>
    public required string Section { get; init; }

    /// <summary>Who may send it first.</summary>
    public required TextKeySenders Senders { get; init; }

    /// <summary>What its result holds for.</summary>
    public TextKeyScope Scope { get; init; } = TextKeyScope.Session;

    /// <summary>When it may be used.</summary>
    public required TextKeyUse Use { get; init; }

    /// <summary>Format of its value.</summary>
    public required TextValueType Type { get; init; }

    /// <summary>How its result comes about.</summary>
    public required NegotiationRule Rule { get; init; }

    /// <summary>Value that holds when nobody sends it; null when there is none.</summary>
    public string? Default { get; init; }

    /// <summary>Smallest number allowed, for numbers.</summary>
    public uint Minimum { get; init; }

    /// <summary>Largest number allowed, for numbers; longest value in bytes otherwise.</summary>
    public uint Maximum { get; init; } = TextPairReader.MaxSimpleValueBytes;

    /// <summary>True when it may be sent in any stage of the login.</summary>
    public bool IsAnyStage { get; init; }

    /// <summary>True when it is irrelevant in a discovery session, and answered so.</summary>
    public bool IsIrrelevantInDiscovery { get; init; }

    /// <summary>True for the operational keys that are negotiated or declared between both sides.</summary>
    public bool IsOperational => Rule is not (NegotiationRule.Authentication or NegotiationRule.Query or NegotiationRule.Obsolete)
        && !IsAnyStage && Use != TextKeyUse.Security;

    /// <summary>What it is for, in a line.</summary>
    public required string Summary { get; init; }
}

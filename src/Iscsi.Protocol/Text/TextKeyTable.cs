using System.Text;

namespace Iscsi.Protocol;

/// <summary>
/// The one table of text keys: RFC 7143, chapters 12 and 13. Login, text negotiation and the printed list all read it; nothing else
/// knows a key's name, range or rule.
/// </summary>
public static class TextKeyTable
{
    private const uint MaxLength = 0xFFFFFF; // 2^24 - 1, what DataSegmentLength can say
    private const uint MaxBinary = TextPairReader.MaxValueBytes;

    private static readonly TextKeyDefinition[] Rows =
    [
        Security(TextKey.AuthMethod, "AuthMethod", "12.1", TextKeySenders.Both, TextValueType.List,
            "Authentication methods: CHAP, None (KRB5, SRP, SPKM1, SPKM2 are known, not offered)") with { Rule = NegotiationRule.FirstCommon },
        Security(TextKey.ChapAlgorithm, "CHAP_A", "12.1.3", TextKeySenders.Both, TextValueType.List,
            "CHAP algorithms: 5 MD5, 6 SHA-1, 7 SHA-256, 8 SHA3-256"),
        Security(TextKey.ChapIdentifier, "CHAP_I", "12.1.3", TextKeySenders.Both, TextValueType.Number, "CHAP identifier") with { Maximum = 255 },
        Security(TextKey.ChapChallenge, "CHAP_C", "12.1.3", TextKeySenders.Both, TextValueType.Binary, "CHAP challenge, at most 1024 bytes"),
        Security(TextKey.ChapName, "CHAP_N", "12.1.3", TextKeySenders.Both, TextValueType.Text, "CHAP name"),
        Security(TextKey.ChapResponse, "CHAP_R", "12.1.3", TextKeySenders.Both, TextValueType.Binary, "CHAP response"),
        Security(TextKey.KrbApReq, "KRB_AP_REQ", "12.1.1", TextKeySenders.Initiator, TextValueType.Binary, "Kerberos request; not supported"),
        Security(TextKey.KrbApRep, "KRB_AP_REP", "12.1.1", TextKeySenders.Target, TextValueType.Binary, "Kerberos reply; not supported"),
        Security(TextKey.SrpU, "SRP_U", "12.1.2", TextKeySenders.Initiator, TextValueType.Text, "SRP user; not supported"),
        Security(TextKey.SrpGroup, "SRP_GROUP", "12.1.2", TextKeySenders.Both, TextValueType.List, "SRP groups; not supported"),
        Security(TextKey.SrpLowerS, "SRP_s", "12.1.2", TextKeySenders.Target, TextValueType.Binary, "SRP salt; not supported"),
        Security(TextKey.SrpA, "SRP_A", "12.1.2", TextKeySenders.Initiator, TextValueType.Binary, "SRP value A; not supported"),
        Security(TextKey.SrpB, "SRP_B", "12.1.2", TextKeySenders.Target, TextValueType.Binary, "SRP value B; not supported"),
        Security(TextKey.SrpM, "SRP_M", "12.1.2", TextKeySenders.Initiator, TextValueType.Binary, "SRP value M; not supported"),
        Security(TextKey.SrpHm, "SRP_HM", "12.1.2", TextKeySenders.Target, TextValueType.Binary, "SRP hash; not supported"),
        Security(TextKey.TargetAuth, "TargetAuth", "12.1.2", TextKeySenders.Initiator, TextValueType.Boolean, "SRP mutual; not supported"),

        Declared(TextKey.InitiatorName, "InitiatorName", "13.5", TextKeySenders.Initiator, TextKeyUse.Login,
            "Name of the initiator; required in the first request") with { Maximum = 223 },
        Declared(TextKey.InitiatorAlias, "InitiatorAlias", "13.7", TextKeySenders.Initiator, TextKeyUse.All, "Name of the initiator for people"),
        Declared(TextKey.TargetName, "TargetName", "13.4", TextKeySenders.Both, TextKeyUse.Login,
            "Name of the target; required in the first request of a normal session") with { Maximum = 223 },
        Declared(TextKey.TargetAlias, "TargetAlias", "13.6", TextKeySenders.Target, TextKeyUse.All, "Name of the target for people"),
        Declared(TextKey.TargetAddress, "TargetAddress", "13.8", TextKeySenders.Target, TextKeyUse.All,
            "Where a target is: host[:port][,tag]; in SendTargets answers and redirections"),
        Declared(TextKey.TargetPortalGroupTag, "TargetPortalGroupTag", "13.9", TextKeySenders.Target, TextKeyUse.Login,
            "Tag of the portal group that was reached") with { Type = TextValueType.Number, Maximum = 65535 },
        Declared(TextKey.SessionType, "SessionType", "13.21", TextKeySenders.Initiator, TextKeyUse.LeadingLogin,
            "Normal or Discovery") with { Default = "Normal" },
        new()
        {
            Key = TextKey.SendTargets, Name = "SendTargets", Section = "13.3", Senders = TextKeySenders.Initiator,
            Use = TextKeyUse.FullFeature, Type = TextValueType.Text, Rule = NegotiationRule.Query, Maximum = 223,
            Summary = "Asks for targets: All, one name, or nothing for the target of this session",
        },

        Negotiated(TextKey.HeaderDigest, "HeaderDigest", "13.1", TextValueType.List, NegotiationRule.FirstCommon, "None",
            "Digest of headers: None, CRC32C") with { Use = TextKeyUse.Login, Scope = TextKeyScope.Connection },
        Negotiated(TextKey.DataDigest, "DataDigest", "13.1", TextValueType.List, NegotiationRule.FirstCommon, "None",
            "Digest of data: None, CRC32C") with { Use = TextKeyUse.Login, Scope = TextKeyScope.Connection },
        Number(TextKey.MaxConnections, "MaxConnections", "13.2", NegotiationRule.Minimum, 1, 65535, "1",
            "Connections of a session") with { IsIrrelevantInDiscovery = true },
        Negotiated(TextKey.InitialR2T, "InitialR2T", "13.10", TextValueType.Boolean, NegotiationRule.Or, "Yes",
            "Data beyond the immediate part waits for an R2T") with { IsIrrelevantInDiscovery = true },
        Negotiated(TextKey.ImmediateData, "ImmediateData", "13.11", TextValueType.Boolean, NegotiationRule.And, "Yes",
            "Commands may carry data") with { IsIrrelevantInDiscovery = true },
        Number(TextKey.MaxRecvDataSegmentLength, "MaxRecvDataSegmentLength", "13.12", NegotiationRule.Declarative, 512, MaxLength, "8192",
            "Bytes the sender of the key can receive in one PDU") with { Use = TextKeyUse.All, Scope = TextKeyScope.Connection },
        Number(TextKey.MaxBurstLength, "MaxBurstLength", "13.13", NegotiationRule.Minimum, 512, MaxLength, "262144",
            "Bytes of a solicited or Data-In sequence") with { IsIrrelevantInDiscovery = true },
        Number(TextKey.FirstBurstLength, "FirstBurstLength", "13.14", NegotiationRule.Minimum, 512, MaxLength, "65536",
            "Bytes a command may bring unsolicited") with { IsIrrelevantInDiscovery = true },
        Number(TextKey.DefaultTime2Wait, "DefaultTime2Wait", "13.15", NegotiationRule.Maximum, 0, 3600, "2",
            "Seconds to wait before a reconnect"),
        Number(TextKey.DefaultTime2Retain, "DefaultTime2Retain", "13.16", NegotiationRule.Minimum, 0, 3600, "20",
            "Seconds tasks are kept for a reconnect"),
        Number(TextKey.MaxOutstandingR2T, "MaxOutstandingR2T", "13.17", NegotiationRule.Minimum, 1, 65535, "1",
            "R2Ts a task may have at once") with { IsIrrelevantInDiscovery = true },
        Negotiated(TextKey.DataPduInOrder, "DataPDUInOrder", "13.18", TextValueType.Boolean, NegotiationRule.Or, "Yes",
            "Data PDUs of a sequence come in order") with { IsIrrelevantInDiscovery = true },
        Negotiated(TextKey.DataSequenceInOrder, "DataSequenceInOrder", "13.19", TextValueType.Boolean, NegotiationRule.Or, "Yes",
            "Sequences of a task come in order") with { IsIrrelevantInDiscovery = true },
        Number(TextKey.ErrorRecoveryLevel, "ErrorRecoveryLevel", "13.20", NegotiationRule.Minimum, 0, 2, "0",
            "Recovery: 0 session, 1 digest, 2 connection"),
        Number(TextKey.IscsiProtocolLevel, "iSCSIProtocolLevel", "13.24", NegotiationRule.Minimum, 0, 31, "1",
            "Level of the protocol; 1 is RFC 7143") with { IsIrrelevantInDiscovery = true },
        Negotiated(TextKey.TaskReporting, "TaskReporting", "13.23", TextValueType.List, NegotiationRule.FirstCommon, "RFC3720",
            "Semantics of multi-task aborts: RFC3720, ResponseFence, FastAbort") with { IsIrrelevantInDiscovery = true },

        Obsolete(TextKey.IFMarker, "IFMarker", TextValueType.Boolean),
        Obsolete(TextKey.OFMarker, "OFMarker", TextValueType.Boolean),
        Obsolete(TextKey.IFMarkInt, "IFMarkInt", TextValueType.Range),
        Obsolete(TextKey.OFMarkInt, "OFMarkInt", TextValueType.Range),

        Declared(TextKey.XNodeArchitecture, "X-NodeArchitecture", "13.26", TextKeySenders.Both, TextKeyUse.LeadingLogin,
            "Software and hardware of the sender, for statistics"),
    ];

    private static readonly TextKeyDefinition?[] ByKey = IndexRows();
    private static readonly byte[][] Names = [.. Enum.GetValues<TextKey>().Select(key => Encoding.ASCII.GetBytes(ByKey[(int)key]?.Name ?? ""))];

    // Few names are of the same length: comparing those costs a quarter of a dictionary's look-up, and a login makes dozens.
    private static readonly TextKey[][] ByLength = IndexLengths();

    /// <summary>Every key, in the order in which answers are given.</summary>
    public static IReadOnlyList<TextKeyDefinition> All => Rows;

    /// <summary><see cref="All"/>, for loops.</summary>
    internal static ReadOnlySpan<TextKeyDefinition> AllRows => Rows;

    /// <summary>Number of values of <see cref="TextKey"/>, Unknown included.</summary>
    internal static int KeyCount => ByKey.Length;

    /// <summary>The row of a key.</summary>
    /// <param name="key">A key other than Unknown.</param>
    /// <exception cref="ArgumentOutOfRangeException">The key is Unknown.</exception>
    public static TextKeyDefinition Get(TextKey key) =>
        ByKey[(int)key] ?? throw new ArgumentOutOfRangeException(nameof(key), key, "Only known keys have a row.");

    /// <summary>Looks a key up; case matters (RFC 7143, 6.1).</summary>
    /// <param name="name">The key as sent.</param>
    /// <returns>The key, or Unknown.</returns>
    public static TextKey Find(ReadOnlySpan<byte> name)
    {
        if (name.Length >= ByLength.Length) return TextKey.Unknown;
        foreach (var key in ByLength[name.Length])
            if (name.SequenceEqual(Names[(int)key])) return key;
        return TextKey.Unknown;
    }

    /// <summary>The key as it is written.</summary>
    /// <param name="key">A key other than Unknown.</param>
    internal static ReadOnlySpan<byte> NameBytes(TextKey key) => Names[(int)key];

    private static TextKeyDefinition?[] IndexRows()
    {
        var index = new TextKeyDefinition?[Enum.GetValues<TextKey>().Length];
        foreach (var row in Rows) index[(int)row.Key] = row;
        return index;
    }

    private static TextKey[][] IndexLengths()
    {
        var index = new TextKey[Rows.Max(row => row.Name.Length) + 1][];
        for (var length = 0; length < index.Length; length++)
            index[length] = [.. Rows.Where(row => row.Name.Length == length).Select(row => row.Key)];
        return index;
    }

    private static TextKeyDefinition Security(
        TextKey key, string name, string section, TextKeySenders senders, TextValueType type, string summary) => new()
    {
        Key = key, Name = name, Section = section, Senders = senders, Scope = TextKeyScope.Connection, Use = TextKeyUse.Security, Type = type,
        Rule = NegotiationRule.Authentication, Maximum = type == TextValueType.Binary ? MaxBinary : 255, Summary = summary,
    };

    private static TextKeyDefinition Declared(
        TextKey key, string name, string section, TextKeySenders senders, TextKeyUse use, string summary) => new()
    {
        Key = key, Name = name, Section = section, Senders = senders, Use = use, Type = TextValueType.Text,
        Rule = NegotiationRule.Declarative, IsAnyStage = true, Summary = summary,
    };

    private static TextKeyDefinition Negotiated(
        TextKey key, string name, string section, TextValueType type, NegotiationRule rule, string defaultValue, string summary) => new()
    {
        Key = key, Name = name, Section = section, Senders = TextKeySenders.Both, Use = TextKeyUse.LeadingLogin, Type = type, Rule = rule,
        Default = defaultValue, Summary = summary,
    };

    private static TextKeyDefinition Number(
        TextKey key, string name, string section, NegotiationRule rule, uint minimum, uint maximum, string defaultValue, string summary) =>
        Negotiated(key, name, section, TextValueType.Number, rule, defaultValue, summary) with { Minimum = minimum, Maximum = maximum };

    private static TextKeyDefinition Obsolete(TextKey key, string name, TextValueType type) => new()
    {
        Key = key, Name = name, Section = "13.25", Senders = TextKeySenders.None, Scope = TextKeyScope.Connection, Use = TextKeyUse.Login,
        Type = type, Rule = NegotiationRule.Obsolete, Summary = type == TextValueType.Boolean ? "Markers; answered No" : "Markers; answered Reject",
    };
}

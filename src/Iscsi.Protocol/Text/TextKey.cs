namespace Iscsi.Protocol;

/// <summary>Every key of RFC 7143, chapters 12 and 13. What each of them means is in <see cref="TextKeyTable"/>.</summary>
public enum TextKey : byte
{
    /// <summary>A key that is not in the table.</summary>
    Unknown,

    /// <summary><c>AuthMethod</c> (12.1).</summary>
    AuthMethod,

    /// <summary><c>CHAP_A</c> (12.1.3).</summary>
    ChapAlgorithm,

    /// <summary><c>CHAP_I</c> (12.1.3).</summary>
    ChapIdentifier,

    /// <summary><c>CHAP_C</c> (12.1.3).</summary>
    ChapChallenge,

    /// <summary><c>CHAP_N</c> (12.1.3).</summary>
    ChapName,

    /// <summary><c>CHAP_R</c> (12.1.3).</summary>
    ChapResponse,

    /// <summary><c>KRB_AP_REQ</c> (12.1.1).</summary>
    KrbApReq,

    /// <summary><c>KRB_AP_REP</c> (12.1.1).</summary>
    KrbApRep,

    /// <summary><c>SRP_U</c> (12.1.2).</summary>
    SrpU,

    /// <summary><c>SRP_GROUP</c> (12.1.2).</summary>
    SrpGroup,

    /// <summary><c>SRP_s</c> (12.1.2).</summary>
    SrpLowerS,

    /// <summary><c>SRP_A</c> (12.1.2).</summary>
    SrpA,

    /// <summary><c>SRP_B</c> (12.1.2).</summary>
    SrpB,

    /// <summary><c>SRP_M</c> (12.1.2).</summary>
    SrpM,

    /// <summary><c>SRP_HM</c> (12.1.2).</summary>
    SrpHm,

    /// <summary><c>TargetAuth</c> (12.1.2).</summary>
    TargetAuth,

    /// <summary><c>InitiatorName</c> (13.5).</summary>
    InitiatorName,

    /// <summary><c>InitiatorAlias</c> (13.7).</summary>
    InitiatorAlias,

    /// <summary><c>TargetName</c> (13.4).</summary>
    TargetName,

    /// <summary><c>TargetAlias</c> (13.6).</summary>
    TargetAlias,

    /// <summary><c>TargetAddress</c> (13.8).</summary>
    TargetAddress,

    /// <summary><c>TargetPortalGroupTag</c> (13.9).</summary>
    TargetPortalGroupTag,

    /// <summary><c>SessionType</c> (13.21).</summary>
    SessionType,

    /// <summary><c>SendTargets</c> (13.3).</summary>
    SendTargets,

    /// <summary><c>HeaderDigest</c> (13.1).</summary>
    HeaderDigest,

    /// <summary><c>DataDigest</c> (13.1).</summary>
    DataDigest,

    /// <summary><c>MaxConnections</c> (13.2).</summary>
    MaxConnections,

    /// <summary><c>InitialR2T</c> (13.10).</summary>
    InitialR2T,

    /// <summary><c>ImmediateData</c> (13.11).</summary>
    ImmediateData,

    /// <summary><c>MaxRecvDataSegmentLength</c> (13.12).</summary>
    MaxRecvDataSegmentLength,

    /// <summary><c>MaxBurstLength</c> (13.13).</summary>
    MaxBurstLength,

    /// <summary><c>FirstBurstLength</c> (13.14).</summary>
    FirstBurstLength, // after MaxBurstLength, which bounds it: answers are given in this order

    /// <summary><c>DefaultTime2Wait</c> (13.15).</summary>
    DefaultTime2Wait,

    /// <summary><c>DefaultTime2Retain</c> (13.16).</summary>
    DefaultTime2Retain,

    /// <summary><c>MaxOutstandingR2T</c> (13.17).</summary>
    MaxOutstandingR2T,

    /// <summary><c>DataPDUInOrder</c> (13.18).</summary>
    DataPduInOrder,

    /// <summary><c>DataSequenceInOrder</c> (13.19).</summary>
    DataSequenceInOrder,

    /// <summary><c>ErrorRecoveryLevel</c> (13.20).</summary>
    ErrorRecoveryLevel,

    /// <summary><c>iSCSIProtocolLevel</c> (13.24).</summary>
    IscsiProtocolLevel,

    /// <summary><c>TaskReporting</c> (13.23).</summary>
    TaskReporting,

    /// <summary><c>IFMarker</c> (13.25).</summary>
    IFMarker,

    /// <summary><c>OFMarker</c> (13.25).</summary>
    OFMarker,

    /// <summary><c>IFMarkInt</c> (13.25).</summary>
    IFMarkInt,

    /// <summary><c>OFMarkInt</c> (13.25).</summary>
    OFMarkInt,

    /// <summary><c>X-NodeArchitecture</c> (13.26).</summary>
    XNodeArchitecture,
}

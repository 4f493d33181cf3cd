namespace Iscsi.Protocol;

/// <summary>What was wrong with a login: the reason behind a refusal, for log and metric.</summary>
public enum LoginFault
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>The text could not be parsed; the <see cref="TextFault"/> says why.</summary>
    Text,

    /// <summary>More text in one sequence than <see cref="LoginLimits.MaxRequestTextBytes"/>.</summary>
    TooMuchText,

    /// <summary>More keys in one sequence than <see cref="LoginLimits.MaxKeys"/>, or answers that do not fit.</summary>
    TooManyKeys,

    /// <summary>More PDUs than <see cref="LoginLimits.MaxPdus"/>.</summary>
    TooManyPdus,

    /// <summary>A data segment longer than <see cref="LoginLimits.MaxDataSegmentBytes"/>.</summary>
    DataSegmentTooLong,

    /// <summary>CSG or NSG is reserved, goes backwards, or is not the stage the login is in.</summary>
    BadStage,

    /// <summary>T and C are both set.</summary>
    TransitWithContinue,

    /// <summary>ISID, TSIH, CID or Initiator Task Tag changed within the Login Phase.</summary>
    HeaderChanged,

    /// <summary>A request with text while our answer was not fully sent (RFC 7143, 6.2: C bit).</summary>
    TextDuringContinuation,

    /// <summary>The version range does not include 0.</summary>
    Version,

    /// <summary>InitiatorName is missing.</summary>
    MissingInitiatorName,

    /// <summary>TargetName is missing in a normal session.</summary>
    MissingTargetName,

    /// <summary>A name is empty, too long, or of no iSCSI format.</summary>
    BadName,

    /// <summary>SessionType has a value we do not know.</summary>
    BadSessionType,

    /// <summary>A key was negotiated or declared twice.</summary>
    DuplicateKey,

    /// <summary>A key that does not belong into this stage, or that this side must not send.</summary>
    KeyNotAllowed,

    /// <summary>A value is malformed or outside the range of its key.</summary>
    BadValue,

    /// <summary>No value of an offer is acceptable (RFC 7143, 7.11).</summary>
    NoAcceptableValue,

    /// <summary>The answer to an offer is not one the rule allows.</summary>
    BadAnswer,

    /// <summary>The peer left an offer unanswered.</summary>
    UnansweredOffer,

    /// <summary>No authentication method in common, or the security stage was skipped although it is needed.</summary>
    AuthenticationRequired,

    /// <summary>CHAP keys are missing, unexpected, or out of order.</summary>
    AuthenticationSequence,

    /// <summary>No CHAP algorithm in common.</summary>
    AuthenticationAlgorithm,

    /// <summary>Name or response do not match.</summary>
    AuthenticationFailed,

    /// <summary>A challenge of ours came back to us (RFC 7143, 12.1.3).</summary>
    ChallengeReflected,

    /// <summary>The initiator wants the target authenticated, and the target has no secret for it.</summary>
    MutualAuthenticationUnavailable,

    /// <summary>The application refused.</summary>
    Refused,

    /// <summary>The application sent the initiator elsewhere.</summary>
    Redirected,

    /// <summary>The target answered with something that is no answer to our request.</summary>
    BadResponse,

    /// <summary>A PDU came after the login had ended.</summary>
    Ended,
}

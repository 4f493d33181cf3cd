namespace Iscsi.Protocol;

/// <summary>What the two bytes of a <see cref="LoginStatus"/> mean (RFC 7143, 11.13.5).</summary>
public static class LoginStatusExtensions
{
    /// <summary>The status of a class and a detail byte.</summary>
    /// <param name="statusClass">Byte 36 of a Login Response.</param>
    /// <param name="statusDetail">Byte 37 of a Login Response.</param>
    public static LoginStatus FromBytes(byte statusClass, byte statusDetail) => (LoginStatus)((statusClass << 8) | statusDetail);

    /// <summary>Status-Class: 0 success, 1 redirection, 2 initiator error, 3 target error.</summary>
    /// <param name="status">The status.</param>
    public static byte StatusClass(this LoginStatus status) => (byte)((ushort)status >> 8);

    /// <summary>Status-Detail, within its class.</summary>
    /// <param name="status">The status.</param>
    public static byte StatusDetail(this LoginStatus status) => (byte)status;

    /// <summary>True for class 1: the initiator tries again at the address in the response.</summary>
    /// <param name="status">The status.</param>
    public static bool IsRedirection(this LoginStatus status) => status.StatusClass() == 1;

    /// <summary>True for class 3: the same request may succeed later. Class 2 must not be repeated unchanged.</summary>
    /// <param name="status">The status.</param>
    public static bool MayBeRetried(this LoginStatus status) => status.StatusClass() == 3;

    /// <summary>The status a target answers a fault with; None is Success.</summary>
    /// <param name="fault">What was wrong with a request.</param>
    internal static LoginStatus ToStatus(this LoginFault fault) => fault switch
    {
        LoginFault.None => LoginStatus.Success,
        LoginFault.Version => LoginStatus.UnsupportedVersion,
        LoginFault.MissingInitiatorName or LoginFault.MissingTargetName => LoginStatus.MissingParameter,
        LoginFault.BadSessionType => LoginStatus.SessionTypeNotSupported,
        LoginFault.AuthenticationRequired or LoginFault.AuthenticationAlgorithm or LoginFault.AuthenticationFailed
            or LoginFault.ChallengeReflected or LoginFault.MutualAuthenticationUnavailable => LoginStatus.AuthenticationFailure,
        _ => LoginStatus.InitiatorError,
    };

    /// <summary>The status in words, for a person; an unknown value shows its numbers.</summary>
    /// <param name="status">The status.</param>
    public static string ToText(this LoginStatus status) => status switch
    {
        LoginStatus.Success => "success",
        LoginStatus.TargetMovedTemporarily => "the target has moved temporarily",
        LoginStatus.TargetMovedPermanently => "the target has moved permanently",
        LoginStatus.InitiatorError => "initiator error",
        LoginStatus.AuthenticationFailure => "authentication failure",
        LoginStatus.AuthorizationFailure => "the initiator is not allowed access to the target",
        LoginStatus.NotFound => "target not found",
        LoginStatus.TargetRemoved => "the target has been removed",
        LoginStatus.UnsupportedVersion => "iSCSI version not supported",
        LoginStatus.TooManyConnections => "too many connections in this session",
        LoginStatus.MissingParameter => "a required parameter is missing",
        LoginStatus.CannotIncludeInSession => "the connection cannot be included in the session",
        LoginStatus.SessionTypeNotSupported => "session type not supported",
        LoginStatus.SessionDoesNotExist => "the session does not exist",
        LoginStatus.InvalidDuringLogin => "invalid request during login",
        LoginStatus.TargetError => "target error",
        LoginStatus.ServiceUnavailable => "service unavailable",
        LoginStatus.OutOfResources => "the target is out of resources",
        _ => status.StatusClass() switch
        {
            1 => $"redirection, unknown detail {status.StatusDetail():X2}h",
            2 => $"initiator error, unknown detail {status.StatusDetail():X2}h",
            3 => $"target error, unknown detail {status.StatusDetail():X2}h",
            _ => $"unknown status {(ushort)status:X4}h",
        },
    };
}

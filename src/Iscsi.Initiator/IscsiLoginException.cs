using Iscsi.Protocol;

namespace Iscsi.Initiator;

/// <summary>A login failed. The message says what to do about it.</summary>
public sealed class IscsiLoginException : IscsiException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="message">For a person.</param>
    /// <param name="status">What the target answered; Success when it was not the target that refused.</param>
    /// <param name="fault">What was wrong with the negotiation; None when the target refused.</param>
    public IscsiLoginException(string message, LoginStatus status, LoginFault fault)
        : base(message, ConnectionEndReason.LoginRefused)
    {
        Status = status;
        Fault = fault;
    }

    /// <summary>Status-Class and Status-Detail of the response (RFC 7143, 11.13.5).</summary>
    public LoginStatus Status { get; }

    /// <summary>What was wrong with the negotiation.</summary>
    public LoginFault Fault { get; }

    internal static IscsiLoginException Refused(string target, LoginStatus status) =>
        new($"{target} refused the login: {status.ToText()} (status class {status.StatusClass()}, detail {status.StatusDetail():X2}h). {Advice(status)}",
            status, LoginFault.None);

    internal static IscsiLoginException Failed(string target, LoginFault fault, string? detail) =>
        new($"The login to {target} failed: {fault}{(detail is null ? "" : $" ({detail})")}. {Advice(fault)}", LoginStatus.Success, fault);

    private static string Advice(LoginStatus status) => status switch
    {
        LoginStatus.AuthenticationFailure =>
            "Check the CHAP name and secret, and whether the target asks for CHAP; with an old target (tgt) allow the algorithm MD5 only.",
        LoginStatus.InitiatorError => "Look into the target's log; with CHAP and an old target (tgt) allow the algorithm MD5 only.",
        LoginStatus.AuthorizationFailure => "Allow this initiator name at the target.",
        LoginStatus.NotFound or LoginStatus.TargetRemoved => "Check the target name; discovery lists the names a portal serves.",
        LoginStatus.OutOfResources => "The target has no room for another session: close one, or give it more memory.",
        LoginStatus.ServiceUnavailable or LoginStatus.TargetError => "Try again later, or look into the target's log.",
        LoginStatus.UnsupportedVersion => "The target speaks no version of iSCSI that is known here.",
        _ when status.MayBeRetried() => "Try again later.",
        _ => "Look into the target's log.",
    };

    private static string Advice(LoginFault fault) => fault switch
    {
        LoginFault.AuthenticationFailed or LoginFault.ChallengeReflected or LoginFault.MutualAuthenticationUnavailable =>
            "The target did not prove who it is: check the mutual CHAP name and secret, or whether this is the right target.",
        LoginFault.AuthenticationRequired => "The target asks for authentication: give a CHAP name and secret.",
        LoginFault.AuthenticationAlgorithm => "Allow a CHAP algorithm that the target has.",
        LoginFault.NoAcceptableValue => "Allow a value of this key that the target has.",
        _ => "The target breaks a rule of the login.",
    };
}

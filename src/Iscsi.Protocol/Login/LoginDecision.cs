namespace Iscsi.Protocol;

/// <summary>What an <see cref="ITargetLoginPolicy"/> says to a <see cref="LoginIdentity"/>.</summary>
public sealed class LoginDecision
{
    private LoginDecision(LoginStatus status) => Status = status;

    /// <summary>Success to go on; a redirection or refusal ends the login with this status.</summary>
    public LoginStatus Status { get; }

    /// <summary>TargetAddress of a redirection, <c>host[:port][,tag]</c>; null otherwise.</summary>
    public string? RedirectAddress { get; private init; }

    /// <summary>TargetPortalGroupTag of the portal that was reached; sent in the first response of a normal session (13.9).</summary>
    public ushort TargetPortalGroupTag { get; private init; }

    /// <summary>TargetAlias to tell the initiator (13.6), or null.</summary>
    public string? TargetAlias { get; private init; }

    /// <summary>How the initiator must show who it is; null asks for nothing.</summary>
    public ChapRequirement? Authentication { get; private init; }

    /// <summary>What this target offers and allows.</summary>
    public OperationalOffer Offer { get; private init; } = new();

    /// <summary>For a connection that joins a session: what the leading login agreed on; null otherwise.</summary>
    public NegotiatedParameters? SessionParameters { get; private init; }

    /// <summary>Goes on with the login.</summary>
    /// <param name="targetPortalGroupTag">Tag of the portal group that was reached.</param>
    /// <param name="offer">What this target offers and allows.</param>
    /// <param name="authentication">Authentication that is asked for; null for none.</param>
    /// <param name="targetAlias">TargetAlias, at most 255 bytes of UTF-8, or null.</param>
    /// <param name="sessionParameters">For a connection that joins a session, what its leading login agreed on.</param>
    public static LoginDecision Accept(
        ushort targetPortalGroupTag,
        OperationalOffer offer,
        ChapRequirement? authentication = null,
        string? targetAlias = null,
        NegotiatedParameters? sessionParameters = null)
    {
        ArgumentNullException.ThrowIfNull(offer);
        offer.Validate();
        if (targetAlias is not null) CheckLength(targetAlias, nameof(targetAlias));
        return new(LoginStatus.Success)
        {
            TargetPortalGroupTag = targetPortalGroupTag,
            Offer = offer,
            Authentication = authentication,
            TargetAlias = targetAlias,
            SessionParameters = sessionParameters,
        };
    }

    /// <summary>Refuses.</summary>
    /// <param name="status">A status of class 2 or 3.</param>
    public static LoginDecision Refuse(LoginStatus status) => status.StatusClass() is 2 or 3
        ? new(status)
        : throw new ArgumentOutOfRangeException(nameof(status), status, "A refusal has status class 2 or 3.");

    /// <summary>Sends the initiator elsewhere (11.13.5, class 1).</summary>
    /// <param name="address">TargetAddress: <c>host[:port][,tag]</c>, at most 255 bytes (13.8).</param>
    /// <param name="permanently">True for "moved permanently".</param>
    public static LoginDecision Redirect(string address, bool permanently = false)
    {
        ArgumentException.ThrowIfNullOrEmpty(address);
        CheckLength(address, nameof(address));
        return new(permanently ? LoginStatus.TargetMovedPermanently : LoginStatus.TargetMovedTemporarily) { RedirectAddress = address };
    }

    private static void CheckLength(string value, string name)
    {
        if (System.Text.Encoding.UTF8.GetByteCount(value) > TextPairReader.MaxSimpleValueBytes || value.Contains('\0'))
            throw new ArgumentException($"At most {TextPairReader.MaxSimpleValueBytes} bytes of UTF-8, and no NUL.", name);
    }
}

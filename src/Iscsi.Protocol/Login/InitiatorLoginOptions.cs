namespace Iscsi.Protocol;

/// <summary>What an initiator logs in with.</summary>
public sealed record InitiatorLoginOptions
{
    /// <summary>InitiatorName: <c>iqn.</c>, <c>eui.</c> or <c>naa.</c>, at most 223 bytes (RFC 7143, 4.2.7).</summary>
    public required string InitiatorName { get; init; }

    /// <summary>InitiatorAlias, at most 255 bytes of UTF-8, or null.</summary>
    public string? InitiatorAlias { get; init; }

    /// <summary>TargetName; null logs into a discovery session.</summary>
    public string? TargetName { get; init; }

    /// <summary>Type of the session. Default: Normal when there is a <see cref="TargetName"/>, else Discovery.</summary>
    public SessionType SessionType => TargetName is null ? SessionType.Discovery : SessionType.Normal;

    /// <summary>ISID, 48 bits, its first byte on the wire most significant.</summary>
    public required ulong Isid { get; init; }

    /// <summary>TSIH: 0 for a new session, else the session to add or reinstate a connection in. Default 0.</summary>
    public ushort Tsih { get; init; }

    /// <summary>CID. Default 0.</summary>
    public ushort Cid { get; init; }

    /// <summary>Initiator Task Tag of the login. Default 0.</summary>
    public uint InitiatorTaskTag { get; init; }

    /// <summary>Initial CmdSN. Default 0.</summary>
    public uint CmdSN { get; init; }

    /// <summary>What this initiator offers and allows.</summary>
    public OperationalOffer Offer { get; init; } = new();

    /// <summary>Name and secret that show the target who this is; null offers AuthMethod=None.</summary>
    public ChapCredentials? Chap { get; init; }

    /// <summary>Name and secret the target must show (mutual CHAP); null does not ask. Needs <see cref="Chap"/>.</summary>
    public ChapCredentials? MutualChap { get; init; }

    /// <summary>
    /// Offers AuthMethod "CHAP,None" instead of "CHAP" when there are credentials: a target that asks for nothing is then accepted,
    /// unless <see cref="MutualChap"/> demands that it shows who it is. Default true.
    /// </summary>
    public bool AllowNoAuthentication { get; init; } = true;

    /// <summary>Algorithms, randomness, encodings of CHAP. Default: all algorithms the platform has, strongest first.</summary>
    public ChapOptions ChapOptions { get; init; } = ChapOptions.Default;

    /// <summary>
    /// Skips the security stage when there are no credentials. Default false: AuthMethod=None is offered, as most initiators do.
    /// </summary>
    public bool SkipSecurityStage { get; init; }

    /// <summary>Skips operational negotiation, so that the defaults of RFC 7143 hold. Default false.</summary>
    public bool SkipOperationalStage { get; init; }

    /// <summary>For a connection that joins a session (<see cref="Tsih"/> is not 0): what its leading login agreed on.</summary>
    public NegotiatedParameters? SessionParameters { get; init; }

    /// <summary>Throws when an option is not valid.</summary>
    /// <exception cref="ArgumentException">
    /// A name is empty or too long, the ISID has more than 48 bits, or the CHAP options contradict.
    /// </exception>
    public void Validate()
    {
        CheckText(InitiatorName, 223, nameof(InitiatorName));
        if (TargetName is not null) CheckText(TargetName, 223, nameof(TargetName));
        if (InitiatorAlias is not null) CheckText(InitiatorAlias, 255, nameof(InitiatorAlias));
        if (Isid >> 48 != 0) throw new ArgumentException("An ISID has 48 bits.", nameof(Isid));
        Offer.Validate();
        if (MutualChap is not null && Chap is null)
            throw new ArgumentException("Mutual CHAP needs this side's credentials, too.", nameof(MutualChap));
        if (MutualChap is not null && MutualChap.HasSameSecretAs(Chap!))
        {
            throw new ArgumentException(
                "Both directions of mutual CHAP have the same secret; RFC 7143, 12.1.3 forbids that.", nameof(MutualChap));
        }
        if (Chap is not null && !ChapOptions.Algorithms.Any(Protocol.ChapOptions.SupportedAlgorithms.Contains))
            throw new ArgumentException("No CHAP algorithm that this platform has is allowed.", nameof(ChapOptions));
    }

    private static void CheckText(string value, int maximum, string name)
    {
        var length = System.Text.Encoding.UTF8.GetByteCount(value);
        if (length == 0 || length > maximum || value.Contains('\0'))
            throw new ArgumentException($"{name} has 1 to {maximum} bytes of UTF-8 and no NUL.", name);
    }
}

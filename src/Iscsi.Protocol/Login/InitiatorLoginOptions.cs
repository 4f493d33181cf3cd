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
}

using Iscsi.Protocol;
using Iscsi.Transport;
using Microsoft.Extensions.Logging;

namespace Iscsi.Initiator;

/// <summary>How a session is set up and how much it may take.</summary>
public sealed record IscsiInitiatorOptions
{
    /// <summary>InitiatorName: <c>iqn.</c>, <c>eui.</c> or <c>naa.</c>, at most 223 bytes (RFC 7143, 4.2.7). Default <c>iqn.2026-11.net.iscsinet:</c> and the machine's name.</summary>
    public string InitiatorName { get; init; } = $"iqn.2026-11.net.iscsinet:{HostName()}";

    /// <summary>InitiatorAlias, a description for people; null for none.</summary>
    public string? InitiatorAlias { get; init; }

    /// <summary>CHAP name; null takes the one of the URL. Without a name and a secret no authentication is offered.</summary>
    public string? ChapUser { get; init; }

    /// <summary>CHAP secret, as UTF-8; null takes the one of the URL.</summary>
    public string? ChapSecret { get; init; }

    /// <summary>Name that the target must prove to be (mutual CHAP); null does not ask for it. Needs a CHAP name and secret too.</summary>
    public string? MutualChapUser { get; init; }

    /// <summary>Secret that the target must know; another one than <see cref="ChapSecret"/> (RFC 7143, 12.1.3).</summary>
    public string? MutualChapSecret { get; init; }

    /// <summary>
    /// CHAP algorithms that are allowed, most wanted first. Default: all that the platform has, strongest first. Two old targets need
    /// MD5 alone: tgt takes the number of SHA-256 for SHA-1, and some fail on a list.
    /// </summary>
    public IReadOnlyList<ChapAlgorithm> ChapAlgorithms { get; init; } = ChapOptions.SupportedAlgorithms;

    /// <summary>
    /// What is offered for the operational keys. Default: no digests unless the target wants them, InitialR2T=Yes, ImmediateData=Yes,
    /// FirstBurstLength 64 KiB, MaxBurstLength 1 MiB, MaxRecvDataSegmentLength 256 KiB, MaxOutstandingR2T 1, error recovery level 0.
    /// Both lengths cost the initiator no memory: data go to and from the caller's own.
    /// </summary>
    public OperationalOffer Offer { get; init; } = new()
    {
        MaxRecvDataSegmentLength = 256 * 1024,
        FirstBurstLength = 64 * 1024,
        MaxBurstLength = 1024 * 1024,
    };

    /// <summary>ISID, 48 bits (RFC 7143, 11.12.5); null (the default) makes a random one. A login with the name and ISID of a live session takes its place.</summary>
    public ulong? Isid { get; init; }

    /// <summary>
    /// Commands that are sent or being prepared at once, 1 to 4096; further calls wait at the submit gate. Each takes 512 bytes and a record of
    /// the session's memory. Default 64: enough to fill a 10 GbE link with 64 KiB commands at 0.5 ms.
    /// </summary>
    public int MaxOutstandingCommands { get; init; } = 64;

    /// <summary>Receive memory of the connection in bytes, 4 KiB to 1 MiB. Default 64 KiB. Data of 16 KiB and more bypass it.</summary>
    public int ReceiveBufferBytes { get; init; } = 64 * 1024;

    /// <summary>Time for connecting and logging in together, redirections included. Default 15 s.</summary>
    public TimeSpan LoginTimeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>
    /// Commands wait for an answer and nothing came for this long: the target is pinged. Default 10 s; <see cref="Timeout.InfiniteTimeSpan"/>
    /// never pings.
    /// </summary>
    public TimeSpan PingAfter { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Nothing came this long after the ping: the connection counts as lost. Default 10 s.</summary>
    public TimeSpan PingTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Time a logout may take before the connection is just closed. Default 5 s.</summary>
    public TimeSpan LogoutTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How often a disk request is repeated that met a unit attention. Default 8: a target may have several queued (reset, capacity, nexus loss).</summary>
    public int UnitAttentionRetries { get; init; } = 8;

    /// <summary>How long a disk request is repeated, with growing pauses of 10 ms to 1 s, that met BUSY or TASK SET FULL. Default 30 s.</summary>
    public TimeSpan BusyTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Redirections that are followed (login status 0101h and 0102h). Default 4.</summary>
    public int MaxRedirects { get; init; } = 4;

    /// <summary>Opens connections. Default TCP.</summary>
    public ITransportConnector Connector { get; init; } = new SocketTransport();

    /// <summary>The clock. Default the system's.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>Where to log; null (the default) logs nothing.</summary>
    public ILoggerFactory? LoggerFactory { get; init; }

    /// <summary>The initiator's name: secrets appear in no text form of this.</summary>
    public override string ToString() => InitiatorName;

    internal void Validate()
    {
        Check(MaxOutstandingCommands, 1, 4096, nameof(MaxOutstandingCommands));
        Check(ReceiveBufferBytes, 4096, 1 << 20, nameof(ReceiveBufferBytes));
        Check(UnitAttentionRetries, 0, 1000, nameof(UnitAttentionRetries));
        Check(MaxRedirects, 0, 100, nameof(MaxRedirects));
        Offer.Validate();
        if (Offer is not { DataPduInOrder: true, DataSequenceInOrder: true, ErrorRecoveryLevel: 0, MaxConnections: 1 })
            throw new ArgumentException("Data in order, error recovery level 0 and one connection are what this initiator has.", nameof(Offer));
    }

    private static void Check(int value, int minimum, int maximum, string name)
    {
        if (value < minimum || value > maximum) throw new ArgumentOutOfRangeException(name, value, $"{name} is {minimum} to {maximum}.");
    }

    // Names hold lower-case letters, digits, '-', '.' and ':' (RFC 3722).
    private static string HostName()
    {
        var name = Environment.MachineName.ToLowerInvariant();
        return string.Concat(name.Select(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' ? c : '-'));
    }
}

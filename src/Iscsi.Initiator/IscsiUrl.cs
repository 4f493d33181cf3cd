using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Text;

namespace Iscsi.Initiator;

// libiscsi's form, which QEMU and others share:
//
//   iscsi://[<user>[%<secret>]@]<host>[:<port>][/<target-iqn>[/<lun>]]
//
// As in libiscsi the first '%' of the user part separates name and secret, and both stand as they are: "alice%12345678" has a secret of
// eight digits, no escape. A secret that holds '/' comes by another way (an option, the environment). Elsewhere %XX is an escape.

/// <summary>
/// The address of a target or of a logical unit: <c>iscsi://[user[%secret]@]host[:port]/iqn[/lun]</c>, as libiscsi and QEMU write it. IPv6
/// addresses stand in brackets; host and target name may hold percent-escapes, name and secret stand as they are.
/// </summary>
public sealed record IscsiUrl
{
    /// <summary>The port of iSCSI (RFC 7143, 13.8).</summary>
    public const int DefaultPort = 3260;

    private const string Scheme = "iscsi://";

    /// <summary>Name or address of the host; an IPv6 address without brackets.</summary>
    public required string Host { get; init; }

    /// <summary>TCP port. Default 3260.</summary>
    public int Port { get; init; } = DefaultPort;

    /// <summary>Name of the target; null when the URL names a portal only.</summary>
    public string? TargetName { get; init; }

    /// <summary>Logical unit number, 0 to 16383; null when the URL names none.</summary>
    public int? Lun { get; init; }

    /// <summary>CHAP name; null for none.</summary>
    public string? User { get; init; }

    /// <summary>CHAP secret; null when it comes from elsewhere. <see cref="ToString"/> leaves it out.</summary>
    public string? Secret { get; init; }

    /// <summary>Where to connect to.</summary>
    public EndPoint EndPoint => IPAddress.TryParse(Host, out var address) ? new IPEndPoint(address, Port) : new DnsEndPoint(Host, Port);

    /// <summary>Parses a URL.</summary>
    /// <param name="text">The URL.</param>
    /// <exception cref="FormatException">It is none; the message says what is wrong with it.</exception>
    public static IscsiUrl Parse(string text) =>
        TryParse(text, out var url, out var error) ? url : throw new FormatException(error);

    /// <summary>Parses a URL.</summary>
    /// <param name="text">The URL.</param>
    /// <param name="url">What it says.</param>
    /// <param name="error">What is wrong with it, for a person; never holds a secret.</param>
    /// <returns>False when it is none.</returns>
    public static bool TryParse(string? text, [NotNullWhen(true)] out IscsiUrl? url, [NotNullWhen(false)] out string? error)
    {
        url = null;
        if (text is null || !text.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
            return Fail("An iSCSI URL begins with iscsi://, as in iscsi://host/iqn.2026-11.net.example:disk1/0.", out error);

        var rest = text[Scheme.Length..];
        var slash = rest.IndexOf('/', StringComparison.Ordinal);
        var authority = slash < 0 ? rest : rest[..slash];
        var path = slash < 0 ? "" : rest[(slash + 1)..];

        string? user = null, secret = null;
        var at = authority.LastIndexOf('@');
        if (at >= 0)
        {
            if (!TrySplitUser(authority[..at], out user, out secret, out error)) return false;
            authority = authority[(at + 1)..];
        }
        if (!TrySplitHost(authority, DefaultPort, out var host, out var port, out error)) return false;
        if (!TrySplitPath(path, out var target, out var lun, out error)) return false;
        url = new IscsiUrl { Host = host, Port = port, TargetName = target, Lun = lun, User = user, Secret = secret };
        return true;
    }

    /// <summary>Splits <c>host[:port]</c> or <c>[address][:port]</c>.</summary>
    internal static bool TrySplitHost(
        string text, int defaultPort, [NotNullWhen(true)] out string? host, out int port, [NotNullWhen(false)] out string? error)
    {
        host = null;
        port = defaultPort;
        string? portText = null;
        if (text.StartsWith('['))
        {
            var close = text.IndexOf(']', StringComparison.Ordinal);
            if (close < 0) return Fail($"The bracket of the address in '{text}' is not closed.", out error);
            host = text[1..close];
            if (!IPAddress.TryParse(host, out _)) return Fail($"'{host}' in brackets is no IPv6 address.", out error);
            var after = text[(close + 1)..];
            if (after.StartsWith(':')) portText = after[1..];
            else if (after.Length > 0) return Fail($"'{after}' after the bracket is no port.", out error);
        }
        else
        {
            var colon = text.IndexOf(':', StringComparison.Ordinal);
            if (colon >= 0 && text.IndexOf(':', colon + 1) >= 0)
                return Fail($"An IPv6 address stands in brackets: [{text}].", out error);
            host = colon < 0 ? text : text[..colon];
            if (colon >= 0) portText = text[(colon + 1)..];
            if (!TryUnescape(host, out host, out error)) return false;
        }
        if (host.Length == 0) return Fail("The host is missing.", out error);
        if (portText is not null && (!ushort.TryParse(portText, out var number) || (port = number) == 0))
            return Fail($"'{portText}' is no port: 1 to 65535.", out error);
        error = null;
        return true;
    }

    /// <summary>The URL without the secret.</summary>
    public override string ToString()
    {
        var text = new StringBuilder(Scheme);
        if (User is not null) text.Append(User).Append('@');
        text.Append(Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]" : Host);
        if (Port != DefaultPort) text.Append(':').Append(Port);
        if (TargetName is not null) text.Append('/').Append(TargetName);
        if (Lun is not null) text.Append('/').Append(Lun);
        return text.ToString();
    }

    private static bool TrySplitUser(string text, out string? user, out string? secret, [NotNullWhen(false)] out string? error)
    {
        var separator = text.IndexOf('%', StringComparison.Ordinal);
        user = separator < 0 ? text : text[..separator];
        secret = separator < 0 ? null : text[(separator + 1)..];
        if (user.Length == 0) return Fail("The user before '@' is empty.", out error);
        if (secret is { Length: 0 }) return Fail("The secret after '%' is empty.", out error);
        error = null;
        return true;
    }

    private static bool TrySplitPath(string path, out string? target, out int? lun, [NotNullWhen(false)] out string? error)
    {
        target = null;
        lun = null;
        error = null;
        if (path.EndsWith('/')) path = path[..^1];
        if (path.Length == 0) return true;
        var slash = path.IndexOf('/', StringComparison.Ordinal);
        if (!TryUnescape(slash < 0 ? path : path[..slash], out target, out error)) return false;
        if (!target.StartsWith("iqn.", StringComparison.OrdinalIgnoreCase) && !target.StartsWith("eui.", StringComparison.OrdinalIgnoreCase) &&
            !target.StartsWith("naa.", StringComparison.OrdinalIgnoreCase))
            return Fail($"'{target}' is no target name: it begins with iqn., eui. or naa.", out error);
        if (slash < 0) return true;
        var lunText = path[(slash + 1)..];
        if (!int.TryParse(lunText, System.Globalization.NumberStyles.None, null, out var number) || number > Protocol.Scsi.LogicalUnitNumber.Max)
            return Fail($"'{lunText}' is no LUN: 0 to {Protocol.Scsi.LogicalUnitNumber.Max}.", out error);
        lun = number;
        return true;
    }

    private static bool TryUnescape(string text, out string plain, [NotNullWhen(false)] out string? error)
    {
        plain = text;
        error = null;
        for (var i = text.IndexOf('%', StringComparison.Ordinal); i >= 0; i = text.IndexOf('%', i + 1))
        {
            if (i + 2 >= text.Length || !char.IsAsciiHexDigit(text[i + 1]) || !char.IsAsciiHexDigit(text[i + 2]))
                return Fail($"'%' at position {i + 1} of a part begins no escape (%XX).", out error);
        }
        plain = Uri.UnescapeDataString(text);
        return true;
    }

    private static bool Fail(string message, [NotNullWhen(false)] out string? error)
    {
        error = message;
        return false;
    }
}

using System.Diagnostics.CodeAnalysis;
using System.Net;

namespace IscsiNet.Cli.Parsing;

/// <summary>Where to listen, and what SendTargets says instead: <c>ADDR[:PORT][,announce=ADDR:PORT][,group=N]</c>.</summary>
/// <param name="Endpoint">Port 0 is any free one.</param>
/// <param name="Announce">The address under which clients reach it, if it is another one.</param>
/// <param name="Group">Portal group tag: the portals of one group are one SCSI target port (RFC 7143, 4.4).</param>
internal sealed record ListenSpec(IPEndPoint Endpoint, IPEndPoint? Announce, ushort Group = ListenSpec.MinGroup)
{
    /// <summary>The default group, and the least one: 0 is no relative target port identifier (SPC-4).</summary>
    public const int MinGroup = 1;

    public const int MaxGroup = 65535;

    /// <summary>The port that IANA registered for iSCSI targets (RFC 7143, 4.2.7.1 and 15).</summary>
    public const int DefaultPort = 3260;

    public const string Syntax = "ADDR[:PORT][,announce=ADDR:PORT][,group=N], such as 127.0.0.1:3260, [::1]:3260 or 0.0.0.0,announce=192.0.2.7:3260";

    private const string AnnouncePrefix = "announce=";
    private const string GroupPrefix = "group=";

    /// <summary>The default: this machine only.</summary>
    public static ListenSpec Default { get; } = new(new IPEndPoint(IPAddress.Loopback, DefaultPort), null);

    public static bool TryParse(string text, [NotNullWhen(true)] out ListenSpec? spec, [NotNullWhen(false)] out string? error)
    {
        spec = null;
        var parts = text.Split(',');
        if (!TryParseEndpoint(parts[0], out var endpoint, out error)) return false;
        IPEndPoint? announce = null;
        ushort? group = null;
        foreach (var option in parts.Skip(1))
        {
            if (option.StartsWith(GroupPrefix, StringComparison.Ordinal) && group is null)
            {
                if (ushort.TryParse(option[GroupPrefix.Length..], System.Globalization.NumberStyles.None, null, out var tag) && tag >= MinGroup)
                {
                    group = tag;
                    continue;
                }
                error = $"'{option}' is no portal group: it takes {MinGroup} to {MaxGroup}.";
                return false;
            }

            if (!option.StartsWith(AnnouncePrefix, StringComparison.Ordinal) || announce is not null)
            {
                error = $"'{option}' in '{text}' is not understood: it takes {Syntax}.";
                return false;
            }

            if (!TryParseAnnounced(option[AnnouncePrefix.Length..], out announce, out error)) return false;
        }

        spec = new ListenSpec(endpoint, announce, group ?? MinGroup);
        return true;
    }

    /// <summary>Parses an address that clients can connect to.</summary>
    public static bool TryParseAnnounced(string text, [NotNullWhen(true)] out IPEndPoint? announce, [NotNullWhen(false)] out string? error)
    {
        if (!TryParseEndpoint(text, out announce, out error)) return false;
        if (announce.Port != 0 && !announce.Address.Equals(IPAddress.Any) && !announce.Address.Equals(IPAddress.IPv6Any)) return true;
        error = $"'{text}' can't be announced: clients need an address and a port they can connect to.";
        return false;
    }

    /// <summary>Parses <c>ADDR[:PORT]</c>; an IPv6 address is in brackets, <c>localhost</c> is 127.0.0.1.</summary>
    public static bool TryParseEndpoint(string text, [NotNullWhen(true)] out IPEndPoint? endpoint, [NotNullWhen(false)] out string? error)
    {
        endpoint = null;
        error = null;
        string address, port;
        if (text.StartsWith('['))
        {
            var end = text.IndexOf(']', StringComparison.Ordinal);
            address = end < 0 ? text : text[1..end];
            port = end < 0 ? "" : text[(end + 1)..];
            if (end < 0 || (port.Length > 0 && port[0] != ':'))
            {
                error = $"'{text}' is not an address: an IPv6 one is written [::1] or [::1]:3260.";
                return false;
            }

            if (port.Length > 0) port = port[1..];
            else port = $"{DefaultPort}";
        }
        else
        {
            var colon = text.IndexOf(':', StringComparison.Ordinal);
            if (colon >= 0 && text.IndexOf(':', colon + 1) >= 0)
            {
                error = $"'{text}': put an IPv6 address into brackets, such as [::1]:3260.";
                return false;
            }

            address = colon < 0 ? text : text[..colon];
            port = colon < 0 ? $"{DefaultPort}" : text[(colon + 1)..];
        }

        var isLocalhost = string.Equals(address, "localhost", StringComparison.OrdinalIgnoreCase);
        // IPAddress takes 1 and 127.1 for addresses; nobody means them.
        var isAddress = IPAddress.TryParse(address, out var parsed) && (address.Contains(':') || address.Count(c => c == '.') == 3);
        if (!isLocalhost && !isAddress)
        {
            error = $"'{address}' is not an IP address of this machine: it takes {Syntax}.";
            return false;
        }

        if (!ushort.TryParse(port, System.Globalization.NumberStyles.None, null, out var number))
        {
            error = $"'{port}' in '{text}' is not a port: it takes 0 (any free one) to 65535.";
            return false;
        }

        endpoint = new IPEndPoint(isLocalhost ? IPAddress.Loopback : parsed!, number);
        return true;
    }
}

using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Iscsi.Initiator;

/// <summary>A target that a discovery found.</summary>
/// <param name="TargetName">Its name.</param>
/// <param name="Portals">Where it is served, in the target's order.</param>
public sealed record DiscoveredTarget(string TargetName, IReadOnlyList<TargetPortal> Portals);

/// <summary>An address at which a target is served: a TargetAddress (RFC 7143, 13.8).</summary>
/// <param name="Host">Name or address; an IPv6 address without brackets.</param>
/// <param name="Port">TCP port.</param>
/// <param name="PortalGroupTag">Target portal group tag, 0 to 65535; null when the target did not say it (a redirection).</param>
public sealed record TargetPortal(string Host, int Port, ushort? PortalGroupTag)
{
    /// <summary>Parses <c>host[:port][,tag]</c>.</summary>
    /// <param name="text">A TargetAddress.</param>
    /// <param name="portal">What it says.</param>
    /// <returns>False when it is malformed.</returns>
    public static bool TryParse(string text, [NotNullWhen(true)] out TargetPortal? portal)
    {
        ArgumentNullException.ThrowIfNull(text);
        portal = null;
        ushort? tag = null;
        var comma = text.LastIndexOf(',');
        if (comma >= 0)
        {
            if (!ushort.TryParse(text.AsSpan(comma + 1), NumberStyles.None, null, out var number)) return false;
            tag = number;
            text = text[..comma];
        }
        if (!IscsiUrl.TrySplitHost(text, IscsiUrl.DefaultPort, out var host, out var port, out _)) return false;
        portal = new TargetPortal(host, port, tag);
        return true;
    }

    /// <summary><c>host:port[,tag]</c>.</summary>
    public override string ToString() =>
        $"{(Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]" : Host)}:{Port}{(PortalGroupTag is { } tag ? $",{tag}" : "")}";
}

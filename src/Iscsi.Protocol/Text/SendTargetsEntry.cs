namespace Iscsi.Protocol;

/// <summary>A target in a SendTargets answer (RFC 7143, 13.3 and appendix C).</summary>
/// <param name="TargetName">Its name, at most 223 bytes.</param>
/// <param name="Portals">Where it is reached; empty means the address of the discovery session itself.</param>
public readonly record struct SendTargetsEntry(string TargetName, IReadOnlyList<SendTargetsPortal> Portals);

/// <summary>A portal of a target (RFC 7143, 13.8).</summary>
/// <param name="Address"><c>host[:port]</c>, an IPv6 address in brackets; at most 249 bytes.</param>
/// <param name="TargetPortalGroupTag">Tag of its portal group.</param>
public readonly record struct SendTargetsPortal(string Address, ushort TargetPortalGroupTag);

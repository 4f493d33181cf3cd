namespace Iscsi.Target.Scsi.AsymmetricAccess;

/// <summary>A target port group and its state.</summary>
/// <param name="Tag">TARGET PORT GROUP, and the RELATIVE TARGET PORT IDENTIFIER of its one port.</param>
/// <param name="State">ASYMMETRIC ACCESS STATE.</param>
/// <param name="IsPreferred">PREF.</param>
/// <param name="Reason">STATUS CODE.</param>
internal readonly record struct TargetPortGroup(ushort Tag, AsymmetricAccessState State, bool IsPreferred, AccessStateReason Reason);

/// <summary>STATUS CODE (SPC-4, target port group descriptor): why a group is in its state.</summary>
internal enum AccessStateReason : byte
{
    /// <summary>No status available: it began so.</summary>
    None = 0,

    /// <summary>Altered by SET TARGET PORT GROUPS.</summary>
    Explicit = 1,

    /// <summary>Altered by implicit behaviour: whoever serves the target.</summary>
    Implicit = 2,
}

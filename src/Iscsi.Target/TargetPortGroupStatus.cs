namespace Iscsi.Target;

/// <summary>A target port group of a target, as REPORT TARGET PORT GROUPS tells it.</summary>
/// <param name="Tag">Portal group tag, target port group and relative target port identifier in one.</param>
/// <param name="State">Its asymmetric access state.</param>
/// <param name="IsPreferred">Whether clients are told to prefer it (PREF).</param>
public readonly record struct TargetPortGroupStatus(int Tag, AsymmetricAccessState State, bool IsPreferred);

namespace Iscsi.Protocol;

/// <summary>Type of a session, from the key SessionType (RFC 7143, 13.21).</summary>
public enum SessionType : byte
{
    /// <summary>A session with one target; all functions. The default when the key is absent.</summary>
    Normal,

    /// <summary>A session that only asks for targets: SendTargets and Logout (RFC 7143, 4.3).</summary>
    Discovery,
}

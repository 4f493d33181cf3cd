namespace Iscsi.Protocol;

/// <summary>Values of Initiator Task Tags and Target Transfer Tags.</summary>
public static class TaskTag
{
    /// <summary>Names no task or transfer: 0xffffffff (RFC 7143, 11.2.1.8).</summary>
    public const uint Reserved = 0xFFFFFFFF;
}

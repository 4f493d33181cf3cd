namespace Iscsi.Protocol;

/// <summary>How a logout ended (RFC 7143, 11.15.1).</summary>
public enum LogoutResponse : byte
{
    /// <summary>Closed successfully.</summary>
    Success = 0,

    /// <summary>CID not found.</summary>
    CidNotFound = 1,

    /// <summary>Connection recovery is not supported.</summary>
    RecoveryNotSupported = 2,

    /// <summary>Cleanup failed.</summary>
    CleanupFailed = 3,
}

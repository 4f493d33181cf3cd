namespace Iscsi.Protocol;

/// <summary>What a logout closes (RFC 7143, 11.14.1).</summary>
public enum LogoutReason : byte
{
    /// <summary>All connections of the session.</summary>
    CloseSession = 0,

    /// <summary>One connection.</summary>
    CloseConnection = 1,

    /// <summary>One connection, whose tasks will be reassigned (ERL 2).</summary>
    RemoveConnectionForRecovery = 2,
}

namespace Iscsi.Protocol;

/// <summary>
/// Status-Class (high byte) and Status-Detail (low byte) of a Login Response (RFC 7143, 11.13.5). Values that a peer sends and that
/// are not named here keep their class; see <see cref="LoginStatusExtensions"/>.
/// </summary>
public enum LoginStatus : ushort
{
    /// <summary>0000h: login is proceeding, or done when T and NSG say so.</summary>
    Success = 0x0000,

    /// <summary>0101h: the target has moved for now; TargetAddress says where.</summary>
    TargetMovedTemporarily = 0x0101,

    /// <summary>0102h: the target has moved for good; TargetAddress says where.</summary>
    TargetMovedPermanently = 0x0102,

    /// <summary>0200h: miscellaneous initiator error.</summary>
    InitiatorError = 0x0200,

    /// <summary>0201h: the initiator could not be authenticated, or target authentication is not supported.</summary>
    AuthenticationFailure = 0x0201,

    /// <summary>0202h: the initiator is not allowed access to the given target.</summary>
    AuthorizationFailure = 0x0202,

    /// <summary>0203h: the requested target does not exist at this address.</summary>
    NotFound = 0x0203,

    /// <summary>0204h: the target was removed and no forwarding address is known.</summary>
    TargetRemoved = 0x0204,

    /// <summary>0205h: the requested range of iSCSI versions is not supported.</summary>
    UnsupportedVersion = 0x0205,

    /// <summary>0206h: too many connections on this SSID.</summary>
    TooManyConnections = 0x0206,

    /// <summary>0207h: a required parameter is missing (InitiatorName, TargetName).</summary>
    MissingParameter = 0x0207,

    /// <summary>0208h: the target does not support a session that spans this connection.</summary>
    CannotIncludeInSession = 0x0208,

    /// <summary>0209h: the target does not support this type of session.</summary>
    SessionTypeNotSupported = 0x0209,

    /// <summary>020Ah: a connection was to be added to a session that does not exist.</summary>
    SessionDoesNotExist = 0x020A,

    /// <summary>020Bh: a request that is not allowed during login.</summary>
    InvalidDuringLogin = 0x020B,

    /// <summary>0300h: target hardware or software error.</summary>
    TargetError = 0x0300,

    /// <summary>0301h: the service or target is not operational for now.</summary>
    ServiceUnavailable = 0x0301,

    /// <summary>0302h: the target has insufficient session, connection, or other resources.</summary>
    OutOfResources = 0x0302,
}

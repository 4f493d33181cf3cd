namespace Iscsi.Protocol;

/// <summary>Stages of the login phase (RFC 7143, 11.12.3).</summary>
public enum LoginStage : byte
{
    /// <summary>SecurityNegotiation.</summary>
    SecurityNegotiation = 0,

    /// <summary>LoginOperationalNegotiation.</summary>
    LoginOperationalNegotiation = 1,

    /// <summary>FullFeaturePhase.</summary>
    FullFeaturePhase = 3,
}

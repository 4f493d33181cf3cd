namespace Iscsi.Protocol;

/// <summary>Stages of the Login Phase, as CSG and NSG carry them (RFC 7143, 11.12.3).</summary>
public enum LoginStage : byte
{
    /// <summary>SecurityNegotiation: the parties authenticate each other.</summary>
    SecurityNegotiation = 0,

    /// <summary>LoginOperationalNegotiation: operational parameters.</summary>
    LoginOperationalNegotiation = 1,

    /// <summary>FullFeaturePhase: the Login Phase is over. Only ever the next stage of a Login PDU.</summary>
    FullFeaturePhase = 3,
}

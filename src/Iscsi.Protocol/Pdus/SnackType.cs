namespace Iscsi.Protocol;

/// <summary>Types of SNACK (RFC 7143, 11.16.1).</summary>
public enum SnackType : byte
{
    /// <summary>Data-In or R2T PDUs are asked for again.</summary>
    DataOrR2T = 0,

    /// <summary>Statuses are asked for again.</summary>
    Status = 1,

    /// <summary>Data-In PDUs are acknowledged.</summary>
    DataAck = 2,

    /// <summary>Data are asked for again, in other sizes.</summary>
    RData = 3,
}

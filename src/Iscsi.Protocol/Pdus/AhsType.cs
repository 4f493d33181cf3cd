namespace Iscsi.Protocol;

/// <summary>Types of Additional Header Segments (RFC 7143, 11.2.2.2).</summary>
public enum AhsType : byte
{
    /// <summary>Extended CDB: what follows its first 16 bytes.</summary>
    ExtendedCdb = 1,

    /// <summary>Bidirectional Read Expected Data Transfer Length.</summary>
    BidirectionalReadExpectedLength = 2,
}

namespace Iscsi.Protocol;

/// <summary>What one side allows for HeaderDigest or DataDigest, most wanted first (RFC 7143, 13.1).</summary>
public enum DigestOffer : byte
{
    /// <summary>None only.</summary>
    None,

    /// <summary>None, or CRC32C when the peer wants it.</summary>
    NoneThenCrc32C,

    /// <summary>CRC32C, or None when the peer does not have it.</summary>
    Crc32CThenNone,

    /// <summary>CRC32C only; a login that cannot agree on it fails.</summary>
    Crc32C,
}

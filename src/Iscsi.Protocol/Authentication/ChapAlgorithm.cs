namespace Iscsi.Protocol;

/// <summary>CHAP_A: hash algorithms of CHAP (RFC 7143, 12.1.3; 6 to 8 from the IANA registry of PPP authentication algorithms).</summary>
public enum ChapAlgorithm : byte
{
    /// <summary>MD5, which every implementation must support.</summary>
    Md5 = 5,

    /// <summary>SHA-1.</summary>
    Sha1 = 6,

    /// <summary>SHA-256.</summary>
    Sha256 = 7,

    /// <summary>SHA3-256; not on every platform.</summary>
    Sha3Bits256 = 8,
}

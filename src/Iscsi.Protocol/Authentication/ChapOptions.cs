using System.Security.Cryptography;

namespace Iscsi.Protocol;

/// <summary>Fills a span with unpredictable bytes.</summary>
/// <param name="destination">Filled completely.</param>
public delegate void ChapRandomSource(Span<byte> destination);

/// <summary>How binary values are written (RFC 7143, 6.1). Both are always read.</summary>
public enum BinaryTextEncoding : byte
{
    /// <summary><c>0x</c> and hexadecimal digits, which every peer reads.</summary>
    Hex,

    /// <summary><c>0b</c> and base64.</summary>
    Base64,
}

/// <summary>Algorithms, randomness and encodings of CHAP (RFC 7143, 12.1.3).</summary>
public sealed record ChapOptions
{
    /// <summary>Every algorithm this platform has, strongest first.</summary>
    public static IReadOnlyList<ChapAlgorithm> SupportedAlgorithms { get; } = SHA3_256.IsSupported
        ? [ChapAlgorithm.Sha3Bits256, ChapAlgorithm.Sha256, ChapAlgorithm.Sha1, ChapAlgorithm.Md5]
        : [ChapAlgorithm.Sha256, ChapAlgorithm.Sha1, ChapAlgorithm.Md5];

    /// <summary>All algorithms of the platform, strongest first; hexadecimal; no registry.</summary>
    public static ChapOptions Default { get; } = new(); // after the list it copies: statics are set in textual order

    /// <summary>
    /// Allowed algorithms, most wanted first. An initiator offers them in this order; one the platform lacks is left out.
    /// Default: <see cref="SupportedAlgorithms"/>.
    /// </summary>
    public IReadOnlyList<ChapAlgorithm> Algorithms { get; init; } = SupportedAlgorithms;

    /// <summary>
    /// A target chooses the first of <see cref="Algorithms"/> that the initiator offered, not the first of the initiator's list that is
    /// allowed. Default false, as RFC 7143, 6.2.1 has it for lists.
    /// </summary>
    public bool PreferOwnOrder { get; init; }

    /// <summary>How CHAP_C and CHAP_R are written. Default hexadecimal.</summary>
    public BinaryTextEncoding Encoding { get; init; }

    /// <summary>Source of challenges and identifiers. Default: the system's generator. Tests bring their own.</summary>
    public ChapRandomSource Random { get; init; } = RandomNumberGenerator.Fill;

    /// <summary>Challenges this node sent lately on any connection; null remembers only those of the connection itself.</summary>
    public ChapChallengeRegistry? Registry { get; init; }
}

using System.Security.Cryptography;

namespace Iscsi.Protocol;

/// <summary>The hash of CHAP (RFC 1994, 4.1): of identifier, secret and challenge, in this order.</summary>
internal static class ChapHash
{
    /// <summary>Longest hash in bytes.</summary>
    public const int MaxSizeBytes = 32;

    /// <summary>Longest challenge in bytes (RFC 7143, 12.1.3).</summary>
    public const int MaxChallengeBytes = 1024;

    /// <summary>Bytes of an algorithm's hash, which is also the length of the challenges this side sends.</summary>
    public static int SizeBytes(ChapAlgorithm algorithm) => algorithm switch
    {
        ChapAlgorithm.Md5 => MD5.HashSizeInBytes,
        ChapAlgorithm.Sha1 => SHA1.HashSizeInBytes,
        ChapAlgorithm.Sha256 => SHA256.HashSizeInBytes,
        ChapAlgorithm.Sha3Bits256 => SHA3_256.HashSizeInBytes,
        _ => throw new ArgumentOutOfRangeException(nameof(algorithm), algorithm, "Not a CHAP algorithm."),
    };

    /// <summary>Computes a response.</summary>
    /// <param name="algorithm">A supported algorithm.</param>
    /// <param name="identifier">CHAP_I.</param>
    /// <param name="secret">The secret.</param>
    /// <param name="challenge">CHAP_C, at most <see cref="MaxChallengeBytes"/>.</param>
    /// <param name="response">Receives the response.</param>
    /// <returns>Bytes of the response.</returns>
    public static int Compute(
        ChapAlgorithm algorithm, byte identifier, ReadOnlySpan<byte> secret, ReadOnlySpan<byte> challenge, Span<byte> response)
    {
        Span<byte> input = stackalloc byte[1 + ChapCredentials.MaxSecretBytes + MaxChallengeBytes];
        input = input[..(1 + secret.Length + challenge.Length)];
        input[0] = identifier;
        secret.CopyTo(input[1..]);
        challenge.CopyTo(input[(1 + secret.Length)..]);
        try
        {
#pragma warning disable CA5350, CA5351 // MD5 and SHA-1 are what the standard and the peers have.
            return algorithm switch
            {
                ChapAlgorithm.Md5 => MD5.HashData(input, response),
                ChapAlgorithm.Sha1 => SHA1.HashData(input, response),
                ChapAlgorithm.Sha256 => SHA256.HashData(input, response),
                ChapAlgorithm.Sha3Bits256 => SHA3_256.HashData(input, response),
                _ => throw new ArgumentOutOfRangeException(nameof(algorithm), algorithm, "Not a CHAP algorithm."),
            };
#pragma warning restore CA5350, CA5351
        }
        finally
        {
            CryptographicOperations.ZeroMemory(input);
        }
    }

    /// <summary>True when a received response is that of the secret; takes the same time wherever they differ.</summary>
    public static bool Verify(
        ChapAlgorithm algorithm, byte identifier, ReadOnlySpan<byte> secret, ReadOnlySpan<byte> challenge, ReadOnlySpan<byte> response)
    {
        Span<byte> expected = stackalloc byte[MaxSizeBytes];
        var length = Compute(algorithm, identifier, secret, challenge, expected);
        return CryptographicOperations.FixedTimeEquals(expected[..length], response);
    }
}

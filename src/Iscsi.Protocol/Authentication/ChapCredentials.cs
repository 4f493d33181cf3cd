using System.Security.Cryptography;

namespace Iscsi.Protocol;

/// <summary>A CHAP name and its secret. The secret appears in no text form of this.</summary>
public sealed class ChapCredentials
{
    /// <summary>Bytes RFC 7143, 12.1.3 (and 9.2.1) wants a secret to have at least: 96 bits.</summary>
    public const int RecommendedSecretBytes = 12;

    /// <summary>Longest secret in bytes: longer ones are mistyped files, and a bound keeps the hash input on the stack.</summary>
    public const int MaxSecretBytes = 255;

    /// <summary>Creates credentials.</summary>
    /// <param name="name">CHAP_N, 1 to 255 bytes of UTF-8.</param>
    /// <param name="secret">The secret, 1 to 255 bytes.</param>
    /// <exception cref="ArgumentException">Name or secret is empty or too long.</exception>
    public ChapCredentials(string name, ReadOnlyMemory<byte> secret)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        if (System.Text.Encoding.UTF8.GetByteCount(name) > 255 || name.Contains('\0'))
            throw new ArgumentException("A CHAP name has 1 to 255 bytes and no NUL.", nameof(name));
        if (secret.Length is 0 or > MaxSecretBytes)
            throw new ArgumentException($"A CHAP secret has 1 to {MaxSecretBytes} bytes.", nameof(secret));
        Name = name;
        Secret = secret;
    }

    /// <summary>CHAP_N.</summary>
    public string Name { get; }

    /// <summary>The secret.</summary>
    public ReadOnlyMemory<byte> Secret { get; }

    /// <summary>True when the secret is shorter than RFC 7143 recommends; worth a warning.</summary>
    public bool IsShort => Secret.Length < RecommendedSecretBytes;

    /// <summary>True when both have the same secret, which RFC 7143, 12.1.3 forbids for the two directions of mutual CHAP.</summary>
    /// <param name="other">The other credentials.</param>
    public bool HasSameSecretAs(ChapCredentials other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return CryptographicOperations.FixedTimeEquals(Secret.Span, other.Secret.Span);
    }

    /// <summary>The name only.</summary>
    public override string ToString() => Name;
}

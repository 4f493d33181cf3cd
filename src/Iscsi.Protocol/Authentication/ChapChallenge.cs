using System.Security.Cryptography;

namespace Iscsi.Protocol;

/// <summary>A challenge this side sent: it checks the response to it, and knows it when it comes back.</summary>
internal sealed class ChapChallenge
{
    private readonly ChapOptions _options;
    private readonly ChapAlgorithm _algorithm;
    private readonly byte[] _value;

    public ChapChallenge(ChapOptions options, ChapAlgorithm algorithm)
    {
        _options = options;
        _algorithm = algorithm;
        // As long as the hash, at least 16 bytes: a shorter one would be the weakest part.
        _value = new byte[ChapHash.SizeBytes(algorithm)];
        options.Random(_value);
        Span<byte> identifier = stackalloc byte[1];
        options.Random(identifier);
        Identifier = identifier[0];
        options.Registry?.Remember(_value);
    }

    public byte Identifier { get; }

    /// <summary>Writes CHAP_I and CHAP_C.</summary>
    public void Write(ref TextBuilder text)
    {
        text.Add(TextKey.ChapIdentifier, Identifier);
        text.AddBinary(TextKey.ChapChallenge, _value, _options.Encoding);
    }

    /// <summary>True when the response is that of the secret.</summary>
    public bool IsAnsweredBy(ReadOnlySpan<byte> response, ReadOnlySpan<byte> secret) =>
        ChapHash.Verify(_algorithm, Identifier, secret, _value, response);

    /// <summary>
    /// Answers a challenge of the peer: CHAP_N and CHAP_R. One of ours is refused, this one or one on another connection: answering it
    /// would give the peer the response that it owes us (RFC 7143, 12.1.3).
    /// </summary>
    public LoginFault Answer(in ChapKeys keys, ChapCredentials credentials, ref TextBuilder text) =>
        Answer(keys, _algorithm, credentials, _options, _value, ref text);

    /// <summary>Answers a challenge of the peer when this side has sent none.</summary>
    public static LoginFault Answer(
        in ChapKeys keys, ChapAlgorithm algorithm, ChapCredentials credentials, ChapOptions options, ReadOnlySpan<byte> ownChallenge,
        ref TextBuilder text)
    {
        if (TextValue.ReadNumber(keys.Identifier, 0, 255, out var identifier) != TextFault.None) return LoginFault.BadValue;
        Span<byte> challenge = stackalloc byte[ChapHash.MaxChallengeBytes];
        if (TextValue.ReadBinary(keys.Challenge, challenge, out var length) != TextFault.None) return LoginFault.BadValue;
        challenge = challenge[..length];
        if (CryptographicOperations.FixedTimeEquals(challenge, ownChallenge) || options.Registry?.IsOurs(challenge) == true)
            return LoginFault.ChallengeReflected;
        Span<byte> response = stackalloc byte[ChapHash.MaxSizeBytes];
        var size = ChapHash.Compute(algorithm, (byte)identifier, credentials.Secret.Span, challenge, response);
        text.Add(TextKey.ChapName, credentials.Name);
        text.AddBinary(TextKey.ChapResponse, response[..size], options.Encoding);
        return LoginFault.None;
    }
}

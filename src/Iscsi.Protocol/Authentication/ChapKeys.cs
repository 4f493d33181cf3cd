
namespace Iscsi.Protocol;

/// <summary>The CHAP keys of one login PDU sequence, as they lie in its text.</summary>
internal ref struct ChapKeys
{
    [Flags]
    private enum Present : byte
    {
        None = 0,
        Algorithm = 1,
        Identifier = 2,
        Challenge = 4,
        Name = 8,
        Response = 16,
    }

    private Present _present;

    public ReadOnlySpan<byte> Algorithm { get; private set; }

    public ReadOnlySpan<byte> Identifier { get; private set; }

    public ReadOnlySpan<byte> Challenge { get; private set; }

    public ReadOnlySpan<byte> Name { get; private set; }

    public ReadOnlySpan<byte> Response { get; private set; }

    public readonly bool IsEmpty => _present == Present.None;

    public readonly bool IsAlgorithmOnly => _present == Present.Algorithm;

    public readonly bool IsChallenge => _present == (Present.Algorithm | Present.Identifier | Present.Challenge);

    public readonly bool IsResponse => _present == (Present.Name | Present.Response);

    public readonly bool IsResponseWithChallenge =>
        _present == (Present.Name | Present.Response | Present.Identifier | Present.Challenge);

    /// <summary>Takes a key when it is one of CHAP's.</summary>
    public bool TryTake(in TextPair pair)
    {
        switch (pair.Key)
        {
            case TextKey.ChapAlgorithm:
                Algorithm = pair.Value;
                _present |= Present.Algorithm;
                return true;
            case TextKey.ChapIdentifier:
                Identifier = pair.Value;
                _present |= Present.Identifier;
                return true;
            case TextKey.ChapChallenge:
                Challenge = pair.Value;
                _present |= Present.Challenge;
                return true;
            case TextKey.ChapName:
                Name = pair.Value;
                _present |= Present.Name;
                return true;
            case TextKey.ChapResponse:
                Response = pair.Value;
                _present |= Present.Response;
                return true;
            default:
                return false;
        }
    }
}

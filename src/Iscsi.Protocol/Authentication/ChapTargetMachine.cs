using System.Text;

namespace Iscsi.Protocol;

// RFC 7143, 12.1.3, from the target's side
//
//                     CHAP_A list                          CHAP_N CHAP_R [CHAP_I CHAP_C]
//   AwaitAlgorithm ─────────────────▶ AwaitResponse ────────────────────────────────────▶ Done
//                   ◀ CHAP_A CHAP_I CHAP_C                   ◀ [CHAP_N CHAP_R]
//
// Every other set of keys is a fault, and ends it.

/// <summary>CHAP, one-way or mutual, from the side of the target.</summary>
internal sealed class ChapTargetMachine
{
    private enum State
    {
        AwaitAlgorithm,
        AwaitResponse,
        Done,
    }

    private readonly ChapRequirement _requirement;
    private State _state;
    private ChapChallenge? _challenge;

    public ChapTargetMachine(ChapRequirement requirement) => _requirement = requirement;

    /// <summary>True when the initiator has shown who it is.</summary>
    public bool IsDone => _state == State.Done;

    /// <summary>Whose secret it was.</summary>
    public ChapCredentials? Initiator { get; private set; }

    /// <summary>Takes the CHAP keys of a request and writes the answer.</summary>
    public LoginFault Receive(in ChapKeys keys, ref TextBuilder text)
    {
        if (keys.IsEmpty) return LoginFault.None;
        return _state switch
        {
            State.AwaitAlgorithm when keys.IsAlgorithmOnly => Challenge(keys, ref text),
            State.AwaitResponse when keys.IsResponse || keys.IsResponseWithChallenge => Verify(keys, ref text),
            _ => LoginFault.AuthenticationSequence,
        };
    }

    private LoginFault Challenge(in ChapKeys keys, ref TextBuilder text)
    {
        if (_requirement.Options.Choose(keys.Algorithm) is not { } algorithm) return LoginFault.AuthenticationAlgorithm;
        _challenge = new ChapChallenge(_requirement.Options, algorithm);
        text.Add(TextKey.ChapAlgorithm, (byte)algorithm);
        _challenge.Write(ref text);
        _state = State.AwaitResponse;
        return LoginFault.None;
    }

    private LoginFault Verify(in ChapKeys keys, ref TextBuilder text)
    {
        Span<byte> response = stackalloc byte[ChapHash.MaxSizeBytes];
        var fault = TextValue.ReadBinary(keys.Response, response, out var length);
        if (fault == TextFault.ValueTooLong) return LoginFault.AuthenticationFailed; // well formed, but no hash of ours
        if (fault != TextFault.None) return LoginFault.BadValue;
        // Every entry is computed, so that the time does not tell which names exist.
        ChapCredentials? match = null;
        var name = Encoding.UTF8.GetString(keys.Name);
        foreach (var candidate in _requirement.Initiators)
        {
            var isAnswered = _challenge!.IsAnsweredBy(response[..length], candidate.Secret.Span);
            if (isAnswered && string.Equals(candidate.Name, name, StringComparison.Ordinal)) match = candidate;
        }
        if (match is null) return LoginFault.AuthenticationFailed;
        if (keys.IsResponseWithChallenge)
        {
            if (_requirement.Target is not { } target) return LoginFault.MutualAuthenticationUnavailable;
            var answer = _challenge!.Answer(keys, target, ref text);
            if (answer != LoginFault.None) return answer;
        }
        Initiator = match;
        _state = State.Done;
        return LoginFault.None;
    }
}

using System.Text;

namespace Iscsi.Protocol;

// RFC 7143, 12.1.3, from the initiator's side
//
//           ▶ CHAP_A list                       ▶ CHAP_N CHAP_R [CHAP_I CHAP_C]
//   Start ──────────────▶ AwaitChallenge ─────────────────────────────────────▶ AwaitProof ──────────────▶ Done
//                          CHAP_A CHAP_I CHAP_C                                   CHAP_N CHAP_R (mutual)
//
// One-way goes from AwaitChallenge to Done: whether the response was right, the status of the next Login Response says.

/// <summary>CHAP, one-way or mutual, from the side of the initiator.</summary>
internal sealed class ChapInitiatorMachine
{
    private enum State
    {
        Start,
        AwaitChallenge,
        AwaitProof,
        Done,
    }

    private readonly ChapCredentials _own;
    private readonly ChapCredentials? _target;
    private readonly ChapOptions _options;
    private State _state;
    private ChapChallenge? _challenge;

    public ChapInitiatorMachine(ChapCredentials own, ChapCredentials? target, ChapOptions options)
    {
        _own = own;
        _target = target;
        _options = options;
    }

    /// <summary>True when this side has nothing more to send before the stage may end.</summary>
    public bool IsReadyToTransit => _state is State.AwaitProof or State.Done;

    /// <summary>True when the target, too, has shown who it is, or need not.</summary>
    public bool IsDone => _state == State.Done;

    /// <summary>Writes CHAP_A.</summary>
    public void Start(ref TextBuilder text)
    {
        _options.Offer(ref text);
        _state = State.AwaitChallenge;
    }

    /// <summary>Takes the CHAP keys of a response and writes what follows.</summary>
    public LoginFault Receive(in ChapKeys keys, ref TextBuilder text)
    {
        if (keys.IsEmpty) return LoginFault.None;
        return _state switch
        {
            State.AwaitChallenge when keys.IsChallenge => Respond(keys, ref text),
            State.AwaitChallenge when keys.IsAlgorithmOnly => LoginFault.AuthenticationAlgorithm, // CHAP_A=Reject
            State.AwaitProof when keys.IsResponse => Verify(keys),
            _ => LoginFault.AuthenticationSequence,
        };
    }

    private LoginFault Respond(in ChapKeys keys, ref TextBuilder text)
    {
        if (TextValue.ReadNumber(keys.Algorithm, out var number) != TextFault.None || !_options.IsAllowed(number))
            return LoginFault.AuthenticationAlgorithm;
        var algorithm = (ChapAlgorithm)number;
        // The answer comes first: a challenge made before it could be the one that is reflected.
        var fault = ChapChallenge.Answer(keys, algorithm, _own, _options, default, ref text);
        if (fault != LoginFault.None) return fault;
        if (_target is null)
        {
            _state = State.Done;
            return LoginFault.None;
        }
        _challenge = new ChapChallenge(_options, algorithm);
        _challenge.Write(ref text);
        _state = State.AwaitProof;
        return LoginFault.None;
    }

    private LoginFault Verify(in ChapKeys keys)
    {
        Span<byte> response = stackalloc byte[ChapHash.MaxSizeBytes];
        var fault = TextValue.ReadBinary(keys.Response, response, out var length);
        if (fault == TextFault.ValueTooLong) return LoginFault.AuthenticationFailed;
        if (fault != TextFault.None) return LoginFault.BadValue;
        var isAnswered = _challenge!.IsAnsweredBy(response[..length], _target!.Secret.Span);
        if (!isAnswered || !string.Equals(Encoding.UTF8.GetString(keys.Name), _target.Name, StringComparison.Ordinal))
            return LoginFault.AuthenticationFailed;
        _state = State.Done;
        return LoginFault.None;
    }
}

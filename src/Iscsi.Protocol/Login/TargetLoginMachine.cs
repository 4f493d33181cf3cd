namespace Iscsi.Protocol;

// RFC 7143, 6.3 and 11.12: the Login Phase of one connection, from the side of the target
//
//                        CSG=0                        T, NSG=1                             T, NSG=3
//   AwaitFirst ─────────────────▶ SecurityNegotiation ─────────▶ LoginOperationalNegotiation ─────────▶ FullFeaturePhase
//       │                            │                                    ▲                                    ▲
//       │ CSG=1                      └───────────── T, NSG=3 ─────────────┼────────────────────────────────────┘
//       └─────────────────────────────────────────────────────────────────┘
//
//   every state ──▶ Ended: a fault, a refusal or redirection of the policy, or the end of the login
//
// Within a stage a request with C=1 is collected and answered empty; an answer that is too long goes out with C=1, and each empty
// request asks for its next part. The target goes to the next stage only with its last part, when
//   SecurityNegotiation          the initiator has shown who it is, or need not;
//   LoginOperationalNegotiation  no offer of the target is left that waits for an answer.

/// <summary>
/// The target's side of the Login Phase (RFC 7143, 6.3, 11.12, 11.13): no clock, no socket. One request goes in, one response comes out.
/// Whatever the initiator sends, nothing here throws, and the login ends within <see cref="LoginLimits.MaxPdus"/> requests.
/// </summary>
public sealed partial class TargetLoginMachine
{
    private enum AuthMethod
    {
        Undecided,
        None,
        Chap,
    }

    private readonly ITargetLoginPolicy _policy;
    private readonly LoginText _text;
    private LoginRequestFields _request;
    private int _requestCount;
    private bool _isEnded;

    private ulong _seenKeys;
    private string? _initiatorName;
    private string? _initiatorAlias;
    private string? _targetName;
    private SessionType _sessionType;
    private LoginDecision? _decision;
    private AuthMethod _authMethod;
    private ChapTargetMachine? _chap;
    private OperationalNegotiator? _negotiator;
    private bool _hasOfferedWhereSilent;
    private bool _mayTransit;

    /// <summary>Creates the machine of one connection.</summary>
    /// <param name="policy">What the application decides.</param>
    /// <param name="textBuffer">
    /// Memory for text that spans PDUs, at least <see cref="LoginLimits.TextBufferBytes"/>; the machine's until the login has ended.
    /// </param>
    /// <exception cref="ArgumentException">The buffer is too small.</exception>
    public TargetLoginMachine(ITargetLoginPolicy policy, Memory<byte> textBuffer)
    {
        ArgumentNullException.ThrowIfNull(policy);
        _policy = policy;
        _text = new LoginText(textBuffer);
    }

    /// <summary>The stage the login is in; FullFeaturePhase when it is complete.</summary>
    public LoginStage Stage { get; private set; }

    /// <summary>Who logs in; null before the first complete request.</summary>
    public LoginIdentity? Identity { get; private set; }

    /// <summary>What was agreed on; null before the login is complete.</summary>
    public NegotiatedParameters? Parameters { get; private set; }

    /// <summary>TSIH that the policy gave; 0 before the login is complete.</summary>
    public ushort Tsih { get; private set; }

    /// <summary>CHAP name the initiator was authenticated by; null without authentication.</summary>
    public string? AuthenticatedName => _chap?.Initiator?.Name;

    /// <summary>True when the initiator used a secret shorter than RFC 7143, 12.1.3 recommends; worth a warning.</summary>
    public bool UsedShortSecret => _chap?.Initiator?.IsShort == true;

    /// <summary>The status the login was refused with; Success otherwise.</summary>
    public LoginStatus Status { get; private set; }

    /// <summary>What the fault is about: the name of a key, mostly; null when there is nothing more to say. Never a secret.</summary>
    public string? FaultDetail { get; private set; }

    /// <summary>Takes a request and gives the response.</summary>
    /// <param name="request">Its header.</param>
    /// <param name="text">Its data segment, without padding; not kept.</param>
    /// <param name="responseText">
    /// Receives the response's data segment; 8192 bytes. A shorter one makes the answers come in more parts.
    /// </param>
    /// <exception cref="ArgumentException"><paramref name="responseText"/> is empty.</exception>
    public TargetLoginStep Receive(in LoginRequestFields request, ReadOnlySpan<byte> text, Span<byte> responseText)
    {
        if (responseText.IsEmpty) throw new ArgumentException("There must be room for the response.", nameof(responseText));
        if (_isEnded) return new(LoginAction.Close, default, LoginFault.Ended);

        var fault = CheckHeader(request);
        var isFirst = _requestCount++ == 0;
        if (fault == LoginFault.None && _requestCount > LoginLimits.MaxPdus) fault = LoginFault.TooManyPdus;
        if (isFirst && fault == LoginFault.None) Stage = request.CurrentStage;
        _request = request;
        if (fault == LoginFault.None && text.Length > LoginLimits.MaxDataSegmentBytes) fault = LoginFault.DataSegmentTooLong;
        if (fault != LoginFault.None) return Refuse(fault, responseText);

        if (_text.IsSending)
        {
            return text.IsEmpty && !request.IsContinued ? SendPart(responseText) : Refuse(LoginFault.TextDuringContinuation, responseText);
        }
        if (request.IsContinued || !_text.Received.IsEmpty)
        {
            if (!_text.TryReceive(text)) return Refuse(LoginFault.TooMuchText, responseText);
            if (request.IsContinued) return new(LoginAction.Respond, Header(LoginStatus.Success, 0), LoginFault.None);
            text = _text.Received;
        }
        fault = Process(text);
        _text.ClearReceived();
        return fault == LoginFault.None ? SendPart(responseText) : Refuse(fault, responseText);
    }

    /// <summary>Ends the login from outside: another PDU than a Login Request came, the server stops, memory is gone.</summary>
    /// <param name="status">A status of class 2 or 3, for example <see cref="LoginStatus.InvalidDuringLogin"/>.</param>
    /// <returns>The refusal, or Close when there was no request to answer or the login has ended already.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The status does not refuse.</exception>
    public TargetLoginStep Refuse(LoginStatus status)
    {
        if (status.StatusClass() is not (2 or 3))
            throw new ArgumentOutOfRangeException(nameof(status), status, "A refusal has status class 2 or 3.");
        if (_isEnded || _requestCount == 0)
        {
            _isEnded = true;
            return new(LoginAction.Close, default, LoginFault.Ended);
        }
        return End(status, LoginFault.Refused, 0);
    }

    private LoginFault CheckHeader(in LoginRequestFields request)
    {
        if (_requestCount == 0)
        {
            if (request.VersionMin > 0) return LoginFault.Version;
        }
        else
        {
            if (request.Isid != _request.Isid || request.Tsih != _request.Tsih || request.Cid != _request.Cid
                || request.InitiatorTaskTag != _request.InitiatorTaskTag)
                return LoginFault.HeaderChanged;
            if (request.CurrentStage != Stage) return LoginFault.BadStage;
        }
        if (request.CurrentStage is not (LoginStage.SecurityNegotiation or LoginStage.LoginOperationalNegotiation))
            return LoginFault.BadStage;
        if (!request.IsTransit) return LoginFault.None;
        if (request.IsContinued) return LoginFault.TransitWithContinue;
        return request.NextStage > request.CurrentStage
            && request.NextStage is LoginStage.LoginOperationalNegotiation or LoginStage.FullFeaturePhase
            ? LoginFault.None
            : LoginFault.BadStage;
    }

    // Sends the next part of the answer; with the last one, goes to the stage that the initiator proposed.
    private TargetLoginStep SendPart(Span<byte> responseText)
    {
        var room = Math.Min(responseText.Length, LoginLimits.MaxDataSegmentBytes);
        if (_negotiator is not null) room = Math.Min(room, _negotiator.PeerMaxRecvDataSegmentLength);
        responseText = responseText[..room];
        if (_text.UnsentBytes > room)
        {
            var part = _text.Send(responseText);
            return new(LoginAction.Respond, Header(LoginStatus.Success, part) with { IsContinued = true }, LoginFault.None);
        }
        var isTransit = _mayTransit && _request.IsTransit;
        if (isTransit && _request.NextStage == LoginStage.FullFeaturePhase && Admit(out var refusal) != LoginFault.None) return refusal;
        var length = _text.Send(responseText);
        var header = Header(LoginStatus.Success, length);
        if (!isTransit) return new(LoginAction.Respond, header, LoginFault.None);

        _mayTransit = false;
        Stage = _request.NextStage;
        header = header with { IsTransit = true, NextStage = Stage };
        if (Stage != LoginStage.FullFeaturePhase) return new(LoginAction.Respond, header, LoginFault.None);
        _isEnded = true;
        return new(LoginAction.RespondAndComplete, header with { Tsih = Tsih }, LoginFault.None);
    }

    private LoginFault Admit(out TargetLoginStep refusal)
    {
        var fault = _negotiator!.Finish(isTarget: true, out var openKey);
        if (fault != LoginFault.None)
        {
            FaultDetail = TextKeyTable.Get(openKey).Name;
            refusal = End(fault.ToStatus(), fault, 0);
            return fault;
        }
        var parameters = _negotiator.Build();
        var status = _policy.Admit(Identity!.Value, parameters, out var tsih);
        if (status != LoginStatus.Success)
        {
            refusal = End(status, LoginFault.Refused, 0);
            return LoginFault.Refused;
        }
        if (tsih == 0) throw new InvalidOperationException("A policy that admits a login gives it a TSIH, which is not 0.");
        Parameters = parameters;
        Tsih = tsih;
        refusal = default;
        return LoginFault.None;
    }

    private TargetLoginStep Refuse(LoginFault fault, Span<byte> responseText)
    {
        var status = fault is LoginFault.Refused or LoginFault.Redirected ? _decision!.Status : fault.ToStatus();
        var text = new TextBuilder(responseText);
        if (fault == LoginFault.Redirected) text.Add(TextKey.TargetAddress, _decision!.RedirectAddress!);
        else if (fault == LoginFault.AuthenticationAlgorithm) text.Add(TextKey.ChapAlgorithm, TextValue.Reject);
        else if (fault == LoginFault.NoAcceptableValue) text.Add(_rejectedKey, TextValue.Reject);
        return End(status, fault, text.LengthBytes);
    }

    private TargetLoginStep End(LoginStatus status, LoginFault fault, int textLengthBytes)
    {
        _isEnded = true;
        Status = status;
        return new(LoginAction.RespondAndClose, Header(status, textLengthBytes), fault);
    }

    private LoginResponseFields Header(LoginStatus status, int textLengthBytes) => new()
    {
        CurrentStage = _request.CurrentStage,
        DataSegmentLength = textLengthBytes,
        Isid = _request.Isid,
        Tsih = _request.Tsih,
        InitiatorTaskTag = _request.InitiatorTaskTag,
        StatusClass = status.StatusClass(),
        StatusDetail = status.StatusDetail(),
    };
}

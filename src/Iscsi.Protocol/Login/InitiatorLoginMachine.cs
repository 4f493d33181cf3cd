namespace Iscsi.Protocol;

// RFC 7143, 6.3 and 11.12: the Login Phase of one connection, from the side of the initiator
//
//           Start                            T, NSG=1                             T, NSG=3
//   Idle ──────────▶ SecurityNegotiation ───────────────▶ LoginOperationalNegotiation ───────▶ FullFeaturePhase
//     │                     │        (authenticated)                ▲                                ▲
//     │ no security stage   └─────────────── T, NSG=3 ──────────────┼────────────────────────────────┘
//     └─────────────────────────────────────────────────────────────┘
//
//   every state ──▶ Ended: a status of class 1 to 3, or a fault of the target
//
// A request that is too long goes out with C=1, and the target asks for each next part with an empty response; a response with C=1 is
// collected and answered empty. T is set with the last part when this side has nothing more to say in the stage.

/// <summary>
/// The initiator's side of the Login Phase (RFC 7143, 6.3, 11.12, 11.13): no clock, no socket. <see cref="Start"/> gives the first
/// request; then each response goes in, and the next request or the end comes out. Whatever the target sends, nothing here throws, and
/// the login ends within <see cref="LoginLimits.MaxPdus"/> responses.
/// </summary>
public sealed partial class InitiatorLoginMachine
{
    private readonly InitiatorLoginOptions _options;
    private readonly LoginText _text;
    private readonly OperationalNegotiator _negotiator;
    private readonly ChapInitiatorMachine? _chap;
    private LoginRequestFields _request;
    private LoginStage _nextStage;
    private int _responseCount;
    private bool _isStarted;
    private bool _isEnded;
    private bool _wantsTransit;
    private bool _isAuthMethodSettled;
    private bool _isChapChosen;
    private ulong _seenKeys;

    /// <summary>Creates the machine of one connection.</summary>
    /// <param name="options">What to log in with.</param>
    /// <param name="textBuffer">
    /// Memory for text that spans PDUs, at least <see cref="LoginLimits.TextBufferBytes"/>; the machine's until the login has ended.
    /// </param>
    /// <exception cref="ArgumentException">An option is not valid, or the buffer is too small.</exception>
    public InitiatorLoginMachine(InitiatorLoginOptions options, Memory<byte> textBuffer)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        _options = options;
        _text = new LoginText(textBuffer);
        _negotiator = new OperationalNegotiator(
            options.Offer, options.SessionType, isLeading: options.Tsih == 0, options.SessionParameters ?? NegotiatedParameters.Default);
        if (options.Chap is { } credentials) _chap = new ChapInitiatorMachine(credentials, options.MutualChap, options.ChapOptions);
    }

    /// <summary>The stage the login is in; FullFeaturePhase when it is complete.</summary>
    public LoginStage Stage { get; private set; }

    /// <summary>Status of the last response.</summary>
    public LoginStatus Status { get; private set; }

    /// <summary>What was agreed on; null before the login is complete.</summary>
    public NegotiatedParameters? Parameters { get; private set; }

    /// <summary>TSIH of the session; 0 before the login is complete.</summary>
    public ushort Tsih { get; private set; }

    /// <summary>TargetPortalGroupTag, when the target said it.</summary>
    public ushort? TargetPortalGroupTag { get; private set; }

    /// <summary>TargetAlias, when the target said it.</summary>
    public string? TargetAlias { get; private set; }

    /// <summary>TargetAddress of a redirection, <c>host[:port][,tag]</c>; null otherwise.</summary>
    public string? RedirectAddress { get; private set; }

    /// <summary>True when this side showed who it is with CHAP.</summary>
    public bool IsAuthenticated => _isChapChosen && Stage == LoginStage.FullFeaturePhase;

    /// <summary>True when the target showed who it is (mutual CHAP).</summary>
    public bool IsTargetAuthenticated => _isChapChosen && _options.MutualChap is not null && _chap!.IsDone;

    /// <summary>What the fault is about: the name of a key, mostly; null when there is nothing more to say. Never a secret.</summary>
    public string? FaultDetail { get; private set; }

    /// <summary>Gives the first request. Called once.</summary>
    /// <param name="requestText">
    /// Receives the request's data segment; 8192 bytes. A shorter one makes the text go out in more parts.
    /// </param>
    /// <exception cref="InvalidOperationException">The login was started already.</exception>
    public InitiatorLoginStep Start(Span<byte> requestText)
    {
        if (_isStarted) throw new InvalidOperationException("A login is started once.");
        _isStarted = true;
        var text = _text.Append();
        Introduce(ref text);
        if (_options.SkipSecurityStage && _chap is null) EnterOperational(ref text);
        else EnterSecurity(ref text);
        if (!_text.Commit(text)) throw new InvalidOperationException("The login text does not fit; options are bounded so that it does.");
        return SendPart(requestText);
    }

    /// <summary>Takes a response and gives the next request, or the end.</summary>
    /// <param name="response">Its header.</param>
    /// <param name="text">Its data segment, without padding; not kept.</param>
    /// <param name="requestText">As for <see cref="Start"/>.</param>
    public InitiatorLoginStep Receive(in LoginResponseFields response, ReadOnlySpan<byte> text, Span<byte> requestText)
    {
        if (!_isStarted || _isEnded) return new(InitiatorLoginAction.Failed, default, LoginFault.Ended);
        if (++_responseCount > LoginLimits.MaxPdus) return Fail(LoginFault.TooManyPdus);
        if (text.Length > LoginLimits.MaxDataSegmentBytes) return Fail(LoginFault.DataSegmentTooLong);
        Status = LoginStatusExtensions.FromBytes(response.StatusClass, response.StatusDetail);
        if (response.StatusClass != 0) return Refused(text);
        var fault = CheckHeader(response);
        if (fault != LoginFault.None) return Fail(fault);

        if (_text.UnsentBytes > 0)
        {
            return text.IsEmpty && !response.IsContinued && !response.IsTransit
                ? SendPart(requestText)
                : Fail(LoginFault.TextDuringContinuation);
        }
        if (response.IsContinued || !_text.Received.IsEmpty)
        {
            if (!_text.TryReceive(text)) return Fail(LoginFault.TooMuchText);
            if (response.IsContinued) return AskForMore();
            text = _text.Received;
        }
        fault = Process(text, response, out var isComplete);
        _text.ClearReceived();
        if (fault != LoginFault.None) return Fail(fault);
        return isComplete ? Complete(response) : SendPart(requestText);
    }

    private LoginFault CheckHeader(in LoginResponseFields response)
    {
        if (response.VersionActive != 0) return LoginFault.Version;
        if (response.InitiatorTaskTag != _options.InitiatorTaskTag || response.Isid != _options.Isid) return LoginFault.HeaderChanged;
        if (response.CurrentStage != Stage) return LoginFault.BadStage;
        if (!response.IsTransit) return LoginFault.None;
        if (response.IsContinued) return LoginFault.TransitWithContinue;
        // A target goes only where, and at most as far as, it was asked to (6.3).
        return _request.IsTransit && response.NextStage > Stage && response.NextStage <= _request.NextStage
            && response.NextStage is LoginStage.LoginOperationalNegotiation or LoginStage.FullFeaturePhase
            ? LoginFault.None
            : LoginFault.BadStage;
    }

    private InitiatorLoginStep SendPart(Span<byte> requestText)
    {
        if (requestText.IsEmpty) throw new ArgumentException("There must be room for the request.", nameof(requestText));
        var room = Math.Min(requestText.Length, LoginLimits.MaxDataSegmentBytes);
        room = Math.Min(room, _negotiator.PeerMaxRecvDataSegmentLength);
        var isContinued = _text.UnsentBytes > room;
        var length = _text.Send(requestText[..room]);
        var isTransit = _wantsTransit && !isContinued;
        _request = Header() with
        {
            IsTransit = isTransit,
            IsContinued = isContinued,
            NextStage = isTransit ? _nextStage : default,
            DataSegmentLength = length,
        };
        return new(InitiatorLoginAction.Send, _request, LoginFault.None);
    }

    // The target's text goes on: an empty request asks for it (6.2). T stays as it was asked for, so that the last part may carry the
    // target's T.
    private InitiatorLoginStep AskForMore()
    {
        _request = Header() with { IsTransit = _request.IsTransit, NextStage = _request.NextStage };
        return new(InitiatorLoginAction.Send, _request, LoginFault.None);
    }

    private LoginRequestFields Header() => new()
    {
        CurrentStage = Stage,
        Isid = _options.Isid,
        Tsih = _options.Tsih,
        InitiatorTaskTag = _options.InitiatorTaskTag,
        Cid = _options.Cid,
        CmdSN = _options.CmdSN,
    };

    private InitiatorLoginStep Complete(in LoginResponseFields response)
    {
        if (response.Tsih == 0 || (_options.Tsih != 0 && response.Tsih != _options.Tsih)) return Fail(LoginFault.BadResponse);
        _isEnded = true;
        Stage = LoginStage.FullFeaturePhase;
        Tsih = response.Tsih;
        Parameters = _negotiator.Build();
        return new(InitiatorLoginAction.Complete, default, LoginFault.None);
    }

    private InitiatorLoginStep Refused(ReadOnlySpan<byte> text)
    {
        _isEnded = true;
        if (!Status.IsRedirection()) return new(InitiatorLoginAction.Refused, default, LoginFault.Refused);
        var reader = new TextPairReader(text);
        while (reader.TryRead(out var pair))
        {
            if (pair.Key != TextKey.TargetAddress || pair.Value.Length is 0 or > TextPairReader.MaxSimpleValueBytes) continue;
            RedirectAddress = System.Text.Encoding.UTF8.GetString(pair.Value);
            return new(InitiatorLoginAction.Redirected, default, LoginFault.Redirected);
        }
        FaultDetail = "TargetAddress";
        return Fail(LoginFault.BadResponse);
    }

    private InitiatorLoginStep Fail(LoginFault fault)
    {
        _isEnded = true;
        return new(InitiatorLoginAction.Failed, default, fault);
    }
}

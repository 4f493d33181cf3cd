using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Iscsi.Protocol;
using Iscsi.Target.Diagnostics;
using Iscsi.Target.Memory;
using Iscsi.Target.Sessions;
using Iscsi.Transport;
using Reservations;

namespace Iscsi.Target.Login;

/// <summary>
/// A connection in its Login Phase: it waits in a lane for the first PDU, takes its reserve (that of the session it would replace, or one of
/// the pool), and moves PDUs between the transport and the <see cref="TargetLoginMachine"/>, which decides everything.
/// </summary>
internal sealed class LoginConnection
{
    // The name is looked for in the first bytes of text: RFC 7143, 6.1 has it in the first request, and every initiator sends it first.
    private const int PeekBytes = 2048;

    private readonly TargetCore _core;
    private readonly ITransportConnection _transport;
    private readonly LoginLane _lane;
    private readonly PduParser _parser;
    private readonly LoginPolicy _policy;
    private readonly OutboundBatch _answer = new(2);
    private ConnectionReserve? _reserve;
    private TargetSession? _standbyOwner;
    private uint _statSN;
    private volatile ConnectionEndReason _abortReason;

    public LoginConnection(TargetCore core, ITransportConnection transport, LoginLane lane, ushort portalGroupTag)
    {
        _core = core;
        _transport = transport;
        _lane = lane;
        Since = lane.Since;
        _parser = new PduParser(new PduParserLimits
        {
            MaxAhsLengthBytes = core.Budget.Limits.MaxAhsLength,
            MaxDataSegmentLength = LoginLimits.MaxDataSegmentBytes,
        });
        _policy = new LoginPolicy(core, transport, portalGroupTag);
    }

    /// <summary>When it was accepted.</summary>
    public long Since { get; }

    /// <summary>Ends it from outside.</summary>
    public void Abort(ConnectionEndReason reason)
    {
        _abortReason = reason;
        _transport.Abort(reason);
    }

    /// <summary>Runs the Login Phase; on success the connection belongs to a session afterwards.</summary>
    public async Task RunAsync()
    {
        var reason = ConnectionEndReason.InternalError;
        try
        {
            reason = await LoginAsync().ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException)
        {
            reason = ConnectionEndReason.TransportError;
        }
        catch (Exception e)
        {
            TargetLog.LoginFault(_core.Logger, _transport.RemoteEndPoint, e);
        }
        if (reason == ConnectionEndReason.None) return;

        if (_lane.IsEvicted) reason = ConnectionEndReason.LoginEvicted;
        else if (_lane.IsTimedOut) reason = ConnectionEndReason.LoginTimeout;
        else if (_abortReason != ConnectionEndReason.None) reason = _abortReason;
        await _transport.DisposeAsync().ConfigureAwait(false);
        _policy.Session?.EndBeforeStart(reason);
        _lane.Leave();
        if (_reserve is not null && _policy.Session is null) _core.Sessions.ReturnReserve(_reserve, _standbyOwner);
        _core.ConnectionEnded(_transport.RemoteEndPoint, _policy.InitiatorName, reason, _policy.RefusedWith);
        _core.LoginFailed(this);
    }

    // Returns None when a session has taken the connection over.
    private async Task<ConnectionEndReason> LoginAsync()
    {
        // Nothing in a login blocks, and a hop to another thread and back costs more than all of it.
        var loop = _transport.Pin();
        loop?.ExpectInput();
        _transport.AttachReceiveMemory(_lane.Memory);
        // Input is awaited in this one method: each wait inside another one would be a continuation more, and memory.
        var input = _transport.Input;
        var reader = new PduReader(input, _parser);
        PduReadStatus status;
        while (!reader.TryTakeHeader(await input.ReadAsync().ConfigureAwait(false), out status)) { }
        if (status != PduReadStatus.Done) return Ended(status);
        if (_parser.Header.Opcode != Opcode.LoginRequest) return ConnectionEndReason.UnexpectedPdu;

        string? name = null;
        var peekedBytes = Math.Min(_parser.Header.DataSegmentLength, PeekBytes);
        while (peekedBytes > 0 && !TryPeekInitiatorName(await input.ReadAsync().ConfigureAwait(false), peekedBytes, out name)) { }
        _reserve = _core.Sessions.TakeReserve(name, new LoginRequestPdu(in _parser.Header).Isid, _policy.PortalGroupTag, out _standbyOwner);
        if (_reserve is null) return await RefuseAsync(LoginStatus.OutOfResources).ConfigureAwait(false);
        _policy.Reserve = _reserve;
        _policy.StandbyOwner = _standbyOwner;
        _transport.AttachReceiveMemory(_reserve.Receive);
        _lane.Leave();

        var machine = new TargetLoginMachine(_policy, _reserve.LoginText.Runs[0]);
        var firstCmdSN = new LoginRequestPdu(in _parser.Header).CmdSN;
        _policy.FirstCmdSN = firstCmdSN;
        while (true)
        {
            var isComplete = reader.TryStartPayload(_reserve.TextIn, out status);
            while (!isComplete) isComplete = reader.TryTakePayload(await input.ReadAsync().ConfigureAwait(false), out status);
            if (status != PduReadStatus.Done) return Ended(status);
            var step = Receive(machine, firstCmdSN);
            if (step.Action != LoginAction.Close) await SendAsync(_reserve.Entries, step.Response.DataSegmentLength).ConfigureAwait(false);
            loop?.ExpectInput();
            switch (step.Action)
            {
                case LoginAction.RespondAndComplete:
                    return Complete(machine);
                case LoginAction.RespondAndClose:
                    _policy.RefusedWith = step.Response.StatusClass == 1 ? LoginStatus.Success : machine.Status;
                    return step.Response.StatusClass == 1 ? ConnectionEndReason.Closed : ConnectionEndReason.LoginRefused;
                case LoginAction.Close:
                    return ConnectionEndReason.NegotiationError;
            }
            while (!reader.TryTakeHeader(await input.ReadAsync().ConfigureAwait(false), out status)) { }
            if (status != PduReadStatus.Done) return Ended(status);
            if (_parser.Header.Opcode != Opcode.LoginRequest) return ConnectionEndReason.UnexpectedPdu;
        }
    }

    private TargetLoginStep Receive(TargetLoginMachine machine, uint firstCmdSN)
    {
        var pdu = new LoginRequestPdu(in _parser.Header);
        var request = new LoginRequestFields
        {
            IsTransit = pdu.IsTransit,
            IsContinued = pdu.IsContinued,
            CurrentStage = pdu.CurrentStage,
            NextStage = pdu.NextStage,
            VersionMax = pdu.VersionMax,
            VersionMin = pdu.VersionMin,
            Isid = pdu.Isid,
            Tsih = pdu.Tsih,
            InitiatorTaskTag = pdu.InitiatorTaskTag,
            Cid = pdu.Cid,
            CmdSN = pdu.CmdSN,
            ExpStatSN = pdu.ExpStatSN,
            DataSegmentLength = pdu.DataSegmentLength,
        };
        var text = _reserve!.TextIn.Runs[0].Span[..request.DataSegmentLength];
        var step = machine.Receive(request, text, _reserve.TextOut.Runs[0].Span);
        var window = step.Action == LoginAction.RespondAndComplete ? _policy.Session!.FirstNumbers : 1;
        LoginResponsePdu.Write(_reserve.Entries.Runs[0].Span[..BasicHeaderSegment.Size], step.Response with
        {
            StatSN = _statSN++,
            ExpCmdSN = firstCmdSN,
            MaxCmdSN = firstCmdSN + (uint)window - 1,
        });
        return step;
    }

    // The header lies at the beginning of a list of pinned blocks, the text in the reserve: neither digest nor AHS is there before the
    // end of the Login Phase (RFC 7143, 13.1).
    private ValueTask SendAsync(BlockList header, int textBytes)
    {
        _answer.Clear();
        _answer.Add(header.Runs[0][..BasicHeaderSegment.Size]);
        if (textBytes > 0)
        {
            var text = _reserve!.TextOut.Runs[0][..((textBytes + 3) & ~3)];
            text.Span[textBytes..].Clear();
            _answer.Add(text);
        }
        return _transport.SendAsync(_answer);
    }

    // For lack of a reserve: the refusal needs none. Nothing more is received into the lane's memory, so the answer may lie there.
    private async Task<ConnectionEndReason> RefuseAsync(LoginStatus status)
    {
        var request = new LoginRequestPdu(in _parser.Header);
        LoginResponsePdu.Write(_lane.Memory.Runs[0].Span[..BasicHeaderSegment.Size], new LoginResponseFields
        {
            CurrentStage = request.CurrentStage,
            Isid = request.Isid,
            Tsih = request.Tsih,
            InitiatorTaskTag = request.InitiatorTaskTag,
            StatSN = _statSN++,
            ExpCmdSN = request.CmdSN,
            MaxCmdSN = request.CmdSN,
            StatusClass = status.StatusClass(),
            StatusDetail = status.StatusDetail(),
        });
        _policy.RefusedWith = status;
        await SendAsync(_lane.Memory, textBytes: 0).ConfigureAwait(false);
        return ConnectionEndReason.LoginRefused;
    }

    private ConnectionEndReason Complete(TargetLoginMachine machine)
    {
        var session = _policy.Session!;
        _core.LoginCompleted(this);
        session.Start(_parser, _statSN, machine.Parameters!);
        return ConnectionEndReason.None;
    }

    // Consumes nothing. False: more input is needed.
    private bool TryPeekInitiatorName(in ReadResult read, int wantedBytes, out string? name)
    {
        var isEnough = read.Buffer.Length >= wantedBytes || read.IsCompleted;
        name = isEnough ? FindInitiatorName(read.Buffer.Slice(0, Math.Min(wantedBytes, read.Buffer.Length))) : null;
        _transport.Input.AdvanceTo(read.Buffer.Start, isEnough ? read.Buffer.Start : read.Buffer.End);
        return isEnough;
    }

    [SkipLocalsInit]
    private static string? FindInitiatorName(ReadOnlySequence<byte> text)
    {
        Span<byte> copy = stackalloc byte[PeekBytes];
        text.CopyTo(copy);
        ReadOnlySpan<byte> bytes = copy[..(int)text.Length];
        var key = "InitiatorName="u8;
        while (!bytes.IsEmpty)
        {
            var end = bytes.IndexOf((byte)0);
            if (end < 0) return null;
            if (bytes.StartsWith(key)) return System.Text.Encoding.UTF8.GetString(bytes[key.Length..end]);
            bytes = bytes[(end + 1)..];
        }
        return null;
    }

    private ConnectionEndReason Ended(PduReadStatus status) => status switch
    {
        PduReadStatus.Failed => _parser.Fault.ToEndReason(),
        PduReadStatus.Closed => ConnectionEndReason.PeerClosed,
        _ => ConnectionEndReason.PeerClosedUnexpectedly,
    };
}

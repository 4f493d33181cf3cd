using System.Buffers.Binary;
using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;
using Iscsi.Transport;
using Reservations;

namespace Iscsi.Initiator.Tests;

/// <summary>A PDU as the target received it.</summary>
internal sealed class ReceivedPdu(BasicHeaderSegment header, byte[] data)
{
    public readonly BasicHeaderSegment Header = header;

    public byte[] Data => data;

    public Opcode Opcode => Header.Opcode;

    public uint Tag => Header.InitiatorTaskTag;

    public ReadOnlySpan<byte> Cdb => new ScsiCommandPdu(in Header).Cdb;

    public uint CmdSN => new ScsiCommandPdu(in Header).CmdSN;
}

/// <summary>
/// A target that logs initiators in by the book and then does, PDU by PDU, what the test says. Over the in-memory transport.
/// </summary>
internal sealed class ScriptedTarget : ITargetLoginPolicy, IAsyncDisposable
{
    public const string Name = "iqn.2026-11.net.example:scripted";

    private readonly BlockList _data = BlockList.Over(GC.AllocateArray<byte>(1 << 20, pinned: true));
    private ITransportConnection _transport = null!;
    private PduReader _reader = null!;
    private PduWriter _writer = null!;

    public InMemoryTransportListener Listener { get; } = new();

    /// <summary>What the target allows.</summary>
    public OperationalOffer Offer { get; init; } = new() { MaxBurstLength = 1 << 20, FirstBurstLength = 65536, MaxRecvDataSegmentLength = 65536 };

    /// <summary>What it says to the next login; null accepts.</summary>
    public Func<LoginIdentity, LoginDecision>? Decide { get; init; }

    /// <summary>Commands that may be sent at once.</summary>
    public uint Window { get; set; } = 32;

    public uint StatSN { get; set; } = 100;

    public uint ExpCmdSN { get; private set; }

    public NegotiatedParameters Parameters { get; private set; } = NegotiatedParameters.Default;

    public ITransportConnection Transport => _transport;

    public IscsiInitiatorOptions Options => new() { Connector = Listener };

    public static IscsiUrl Url => new() { Host = "scripted", TargetName = Name };

    /// <summary>A session with this target.</summary>
    public async Task<IscsiSession> ConnectAsync(IscsiInitiatorOptions? options = null, IscsiUrl? url = null)
    {
        var connecting = IscsiInitiator.ConnectAsync(url ?? Url, (options ?? new IscsiInitiatorOptions()) with { Connector = Listener });
        await AcceptAsync();
        return await connecting;
    }

    /// <summary>Accepts a connection and logs it in.</summary>
    /// <returns>False when it refused, or the initiator left.</returns>
    public async Task<bool> AcceptAsync()
    {
        _transport = (await Listener.AcceptAsync())!;
        _transport.AttachReceiveMemory(BlockList.Over(GC.AllocateArray<byte>(65536, pinned: true)));
        var limits = new PduParserLimits();
        _reader = new PduReader(_transport.Input, new PduParser(limits));
        _writer = new PduWriter(_transport.Output);
        var machine = new TargetLoginMachine(this, new byte[LoginLimits.TextBufferBytes]);
        var text = new byte[LoginLimits.MaxDataSegmentBytes];
        while (true)
        {
            var request = await TryReceiveAsync();
            if (request is null) return false;
            ExpCmdSN = request.CmdSN;
            var step = machine.Receive(Fields(request), request.Data, text);
            if (step.Action == LoginAction.Close) return false;
            var response = step.Response with { StatSN = StatSN++, ExpCmdSN = ExpCmdSN, MaxCmdSN = ExpCmdSN + Window - 1 };
            await SendAsync(header => LoginResponsePdu.Write(header, response), text[..response.DataSegmentLength]);
            switch (step.Action)
            {
                case LoginAction.RespondAndClose:
                    await _transport.DisposeAsync();
                    return false;
                case LoginAction.RespondAndComplete:
                    Parameters = machine.Parameters!;
                    limits.MaxDataSegmentLength = Parameters.OwnMaxRecvDataSegmentLength;
                    _writer.HeaderDigest = _reader.Parser.HeaderDigest = Parameters.HeaderDigestCrc32C;
                    _writer.DataDigest = _reader.Parser.DataDigest = Parameters.DataDigestCrc32C;
                    return true;
            }
        }
    }

    LoginDecision ITargetLoginPolicy.Identify(in LoginIdentity identity) =>
        Decide?.Invoke(identity) ?? LoginDecision.Accept(7, Offer, targetAlias: "a script");

    LoginStatus ITargetLoginPolicy.Admit(in LoginIdentity identity, NegotiatedParameters parameters, out ushort tsih)
    {
        tsih = 1;
        return LoginStatus.Success;
    }

    /// <summary>The next PDU, which must be one of this opcode.</summary>
    public async Task<ReceivedPdu> ReceiveAsync(Opcode opcode)
    {
        var pdu = await ReceiveAsync();
        Assert.Equal(opcode, pdu.Opcode);
        return pdu;
    }

    public async Task<ReceivedPdu> ReceiveAsync() => await TryReceiveAsync() ?? throw new EndOfStreamException("The initiator closed.");

    /// <summary>The next PDU; null when the initiator closed.</summary>
    public async Task<ReceivedPdu?> TryReceiveAsync()
    {
        var status = await _reader.ReadHeaderAsync();
        if (status == PduReadStatus.Closed) return null;
        Assert.Equal(PduReadStatus.Done, status);
        var header = _reader.Parser.Header;
        status = header.DataSegmentLength == 0 ? await _reader.SkipPayloadAsync() : await _reader.ReadPayloadAsync(_data);
        Assert.Equal(PduReadStatus.Done, status);
        var data = new byte[header.DataSegmentLength];
        _data.CopyTo(0, data);
        if (!header.IsImmediate && header.Opcode is Opcode.ScsiCommand or Opcode.NopOut or Opcode.TextRequest or Opcode.TaskManagementRequest)
        {
            Assert.Equal(ExpCmdSN, new ScsiCommandPdu(in header).CmdSN);
            ExpCmdSN++;
        }
        return new ReceivedPdu(header, data);
    }

    public delegate void HeaderWriter(Span<byte> header);

    public async Task SendAsync(HeaderWriter write, byte[]? data = null)
    {
        WriteNow(write, data);
        await _writer.FlushAsync();
    }

    public Task SendResponseAsync(
        ReceivedPdu command, ScsiStatus status = ScsiStatus.Good, SenseData? sense = null, Residual residual = default)
    {
        byte[]? data = null;
        if (sense is { } value)
        {
            data = new byte[2 + SenseData.FixedSize];
            BinaryPrimitives.WriteUInt16BigEndian(data, SenseData.FixedSize);
            value.WriteFixed(data.AsSpan(2));
        }
        return SendAsync(header => ScsiResponsePdu.Write(header, new ScsiResponseFields
        {
            Status = status,
            InitiatorTaskTag = command.Tag,
            StatSN = StatSN++,
            ExpCmdSN = ExpCmdSN,
            MaxCmdSN = ExpCmdSN + Window - 1,
            Overflow = residual.Overflow,
            Underflow = residual.Underflow,
            ResidualCount = residual.Count,
        }), data);
    }

    public Task SendDataInAsync(
        ReceivedPdu command, uint dataSN, int offset, byte[] data, bool isFinal = false, bool hasStatus = false, Residual residual = default) =>
        SendAsync(header => DataInPdu.Write(header, new DataInFields
        {
            IsFinal = isFinal || hasStatus,
            HasStatus = hasStatus,
            InitiatorTaskTag = command.Tag,
            TargetTransferTag = TaskTag.Reserved,
            StatSN = hasStatus ? StatSN++ : 0,
            ExpCmdSN = ExpCmdSN,
            MaxCmdSN = ExpCmdSN + Window - 1,
            DataSN = dataSN,
            BufferOffset = (uint)offset,
            Overflow = residual.Overflow,
            Underflow = residual.Underflow,
            ResidualCount = residual.Count,
        }), data);

    public Task SendR2TAsync(ReceivedPdu command, uint tag, uint r2tSN, int offset, int length) =>
        SendAsync(header => ReadyToTransferPdu.Write(header, new ReadyToTransferFields
        {
            InitiatorTaskTag = command.Tag,
            TargetTransferTag = tag,
            StatSN = StatSN,
            ExpCmdSN = ExpCmdSN,
            MaxCmdSN = ExpCmdSN + Window - 1,
            R2TSN = r2tSN,
            BufferOffset = (uint)offset,
            DesiredDataTransferLength = (uint)length,
        }));

    public Task SendNopInAsync(uint initiatorTaskTag = TaskTag.Reserved, uint targetTransferTag = TaskTag.Reserved) =>
        SendAsync(header => NopInPdu.Write(header, new NopInFields
        {
            InitiatorTaskTag = initiatorTaskTag,
            TargetTransferTag = targetTransferTag,
            StatSN = initiatorTaskTag == TaskTag.Reserved ? StatSN : StatSN++,
            ExpCmdSN = ExpCmdSN,
            MaxCmdSN = ExpCmdSN + Window - 1,
        }));

    public Task SendTaskManagementResponseAsync(ReceivedPdu request, TaskManagementResponse response = TaskManagementResponse.FunctionComplete) =>
        SendAsync(header => TaskManagementResponsePdu.Write(header, new TaskManagementResponseFields
        {
            Response = response,
            InitiatorTaskTag = request.Tag,
            StatSN = StatSN++,
            ExpCmdSN = ExpCmdSN,
            MaxCmdSN = ExpCmdSN + Window - 1,
        }));

    public Task SendAsyncMessageAsync(AsyncEvent asyncEvent, ushort parameter3 = 0) =>
        SendAsync(header => AsyncMessagePdu.Write(header, new AsyncMessageFields
        {
            AsyncEvent = asyncEvent,
            Parameter3 = parameter3,
            StatSN = StatSN++,
            ExpCmdSN = ExpCmdSN,
            MaxCmdSN = ExpCmdSN + Window - 1,
        }));

    public Task SendRejectAsync(ReceivedPdu rejected, RejectReason reason) =>
        SendAsync(header => RejectPdu.Write(header, new RejectFields
        {
            Reason = reason,
            StatSN = StatSN++,
            ExpCmdSN = ExpCmdSN,
            MaxCmdSN = ExpCmdSN + Window - 1,
        }), rejected.Header.ReadOnlyBytes.ToArray());

    public Task SendLogoutResponseAsync(ReceivedPdu request) =>
        SendAsync(header => LogoutResponsePdu.Write(header, new LogoutResponseFields
        {
            InitiatorTaskTag = request.Tag,
            StatSN = StatSN++,
            ExpCmdSN = ExpCmdSN,
            MaxCmdSN = ExpCmdSN + Window - 1,
        }));

    /// <summary>Answers every command by a function of its CDB, until the initiator logs out or leaves.</summary>
    public async Task ServeAsync(Func<ReceivedPdu, (ScsiStatus Status, SenseData? Sense, byte[] Data)> answer)
    {
        while (await TryReceiveAsync() is { } pdu)
        {
            switch (pdu.Opcode)
            {
                case Opcode.LogoutRequest:
                    await SendLogoutResponseAsync(pdu);
                    break;
                case Opcode.ScsiCommand:
                    var (status, sense, data) = answer(pdu);
                    var expected = (int)new ScsiCommandPdu(in pdu.Header).ExpectedDataTransferLength;
                    if (new ScsiCommandPdu(in pdu.Header).IsWrite) data = new byte[expected];
                    var residual = Residual.Of((uint)expected, data.Length);
                    if (data.Length > expected) data = data[..expected];
                    if (status != ScsiStatus.Good || data.Length == 0 || new ScsiCommandPdu(in pdu.Header).IsWrite) await SendResponseAsync(pdu, status, sense, residual);
                    else await SendDataInAsync(pdu, 0, 0, data, hasStatus: true, residual: residual);
                    break;
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_transport is not null) await _transport.DisposeAsync();
        await Listener.DisposeAsync();
    }

    private void WriteNow(HeaderWriter write, byte[]? data)
    {
        Span<byte> header = stackalloc byte[BasicHeaderSegment.Size];
        write(header);
        _writer.Write(header, default, data);
    }

    private static LoginRequestFields Fields(ReceivedPdu pdu)
    {
        var request = new LoginRequestPdu(in pdu.Header);
        return new LoginRequestFields
        {
            IsTransit = request.IsTransit,
            IsContinued = request.IsContinued,
            CurrentStage = request.CurrentStage,
            NextStage = request.NextStage,
            VersionMax = request.VersionMax,
            VersionMin = request.VersionMin,
            DataSegmentLength = request.DataSegmentLength,
            Isid = request.Isid,
            Tsih = request.Tsih,
            InitiatorTaskTag = request.InitiatorTaskTag,
            Cid = request.Cid,
            CmdSN = request.CmdSN,
            ExpStatSN = request.ExpStatSN,
        };
    }
}

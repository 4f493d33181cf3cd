using System.Buffers.Binary;
using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using Iscsi.Protocol;
using Reservations;

namespace Iscsi.Target.Tests.Raw;

/// <summary>
/// An initiator without manners: sends the bytes it is told to, over a real socket, and shows every PDU that comes back. It keeps
/// the numbers a well-behaved one would use; a test takes them or its own.
/// </summary>
internal sealed partial class RawClient : IAsyncDisposable
{
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private readonly Socket _socket;
    private readonly NetworkStream _stream;
    private readonly PduParser _parser;
    private readonly PduReader _reader;
    private uint _nextItt = 0x100;

    private RawClient(Socket socket)
    {
        _socket = socket;
        socket.NoDelay = true;
        LocalEndPoint = (IPEndPoint)socket.LocalEndPoint!;
        _stream = new NetworkStream(socket, ownsSocket: true);
        _parser = new PduParser(new PduParserLimits { MaxDataSegmentLength = 1 << 20 });
        _reader = new PduReader(PipeReader.Create(_stream), _parser);
    }

    public IPEndPoint LocalEndPoint { get; }

    /// <summary>The next number.</summary>
    public uint CmdSN { get; set; } = 1;

    public uint ExpStatSN { get; set; }

    /// <summary>What the target said last.</summary>
    public uint MaxCmdSN { get; private set; }

    public uint ExpCmdSN { get; private set; }

    public ushort Tsih { get; private set; }

    public bool Digests { get; private set; }

    public static async Task<RawClient> ConnectAsync(IPEndPoint target, Action<Socket>? configure = null)
    {
        var socket = new Socket(target.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        configure?.Invoke(socket);
        await socket.ConnectAsync(target);
        return new RawClient(socket);
    }

    public uint NextItt() => _nextItt++;

    /// <summary>Sends bytes. That the target has closed is no failure of the test: what it said before is still to be read.</summary>
    public async Task<bool> SendAsync(ReadOnlyMemory<byte> bytes)
    {
        using var limit = new CancellationTokenSource(Limit);
        try
        {
            await _stream.WriteAsync(bytes, limit.Token);
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }

    /// <summary>A whole PDU: header, data, padding, and the digests that were negotiated.</summary>
    public byte[] Frame(byte[] header, ReadOnlySpan<byte> data = default, byte[]? ahs = null)
    {
        var pdu = new List<byte>(header.Length + data.Length + 16);
        pdu.AddRange(header);
        if (ahs is not null) pdu.AddRange(ahs);
        if (Digests) AddDigest(pdu, 0);
        if (data.IsEmpty) return [.. pdu];
        var start = pdu.Count;
        pdu.AddRange(data);
        while ((pdu.Count - start) % 4 != 0) pdu.Add(0);
        if (Digests) AddDigest(pdu, start);
        return [.. pdu];
    }

    public Task<bool> SendPduAsync(byte[] header, ReadOnlySpan<byte> data = default) => SendAsync(Frame(header, data));

    /// <summary>The next PDU; the test fails when the connection ends first.</summary>
    public async Task<RawPdu> ReceiveAsync() =>
        await TryReceiveAsync() ?? throw new InvalidOperationException("The target closed the connection.");

    public async Task<RawPdu> ReceiveAsync(Opcode opcode)
    {
        var pdu = await ReceiveAsync();
        Assert.True(pdu.Opcode == opcode, $"{opcode} was expected, not {pdu}");
        return pdu;
    }

    /// <summary>The next PDU, or null when the target has closed. A NOP-In that only tells of a wider window is left out.</summary>
    public async Task<RawPdu?> TryReceiveAsync()
    {
        while (true)
        {
            var pdu = await TryReceiveAnyAsync();
            if (pdu is { Opcode: Opcode.NopIn, Itt: TaskTag.Reserved, Ttt: TaskTag.Reserved }) continue;
            return pdu;
        }
    }

    /// <summary>The next PDU whatever it is, or null when the target has closed.</summary>
    public async Task<RawPdu?> TryReceiveAnyAsync()
    {
        using var limit = new CancellationTokenSource(Limit);
        try
        {
            var status = await _reader.ReadHeaderAsync(limit.Token);
            if (status != PduReadStatus.Done) return status == PduReadStatus.Failed ? throw Bad() : null;
            var data = GC.AllocateUninitializedArray<byte>(_parser.Header.DataSegmentLength, pinned: true);
            status = await _reader.ReadPayloadAsync(BlockList.Over(data), 0, limit.Token);
            if (status != PduReadStatus.Done) return status == PduReadStatus.Failed ? throw Bad() : null;
            var pdu = new RawPdu(_parser.Header, data);
            TakeNumbers(pdu);
            return pdu;
        }
        catch (IOException)
        {
            return null;
        }
        catch (OperationCanceledException e)
        {
            throw new TimeoutException($"Nothing came for {Limit.TotalSeconds} s.", e);
        }
    }

    /// <summary>The target closes, and says nothing more before.</summary>
    public async Task ExpectCloseAsync()
    {
        var pdu = await TryReceiveAsync();
        Assert.True(pdu is null, $"The connection should have ended, but there came {pdu}");
        await DisposeAsync();
    }

    /// <summary>Everything until the target closes.</summary>
    public async Task<List<RawPdu>> ReceiveToEndAsync()
    {
        var all = new List<RawPdu>();
        while (await TryReceiveAsync() is { } pdu) all.Add(pdu);
        await DisposeAsync();
        return all;
    }

    /// <summary>A Reject with this reason, which carries the rejected header.</summary>
    public async Task ExpectRejectAsync(RejectReason reason, ReadOnlyMemory<byte> rejectedHeader)
    {
        var reject = await ReceiveAsync(Opcode.Reject);
        Assert.Equal(reason, (RejectReason)reject.Response);
        Assert.Equal(TaskTag.Reserved, reject.Itt);
        Assert.Equal(rejectedHeader[..BasicHeaderSegment.Size].ToArray(), reject.Data);
    }

    /// <summary>The connection lives, and nothing else came before the answer to this ping.</summary>
    public async Task ExpectAliveAsync()
    {
        var nop = NopOut(immediate: true);
        await SendPduAsync(nop);
        var answer = await ReceiveAsync(Opcode.NopIn);
        Assert.Equal(BinaryPrimitives.ReadUInt32BigEndian(nop.AsSpan(16)), answer.Itt);
    }

    public ValueTask DisposeAsync() => _stream.DisposeAsync();

    /// <summary>Closes with a reset.</summary>
    public void Reset()
    {
        _socket.LingerState = new LingerOption(true, 0);
        _socket.Dispose();
    }

    public void ShutdownSend() => _socket.Shutdown(SocketShutdown.Send);

    public void UseDigests()
    {
        Digests = true;
        _parser.HeaderDigest = true;
        _parser.DataDigest = true;
    }

    private static void AddDigest(List<byte> pdu, int start)
    {
        var bytes = pdu.Skip(start).ToArray();
        var digest = new byte[4];
        Crc32C.WriteDigest(Crc32C.Append(Crc32C.Initial, bytes), digest);
        pdu.AddRange(digest);
    }

    private void TakeNumbers(RawPdu pdu)
    {
        ExpCmdSN = pdu.ExpCmdSN;
        MaxCmdSN = pdu.MaxCmdSN;
        var hasStatus = pdu.Opcode switch
        {
            Opcode.DataIn => pdu.HasStatus,
            Opcode.ReadyToTransfer => false,
            Opcode.NopIn => pdu.Itt != TaskTag.Reserved,
            _ => true,
        };
        if (hasStatus) ExpStatSN = pdu.StatSN + 1;
    }

    private InvalidOperationException Bad() => new($"The target sent something wrong: {_parser.Fault}.");
}

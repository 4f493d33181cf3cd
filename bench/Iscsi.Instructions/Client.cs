using System.Buffers.Binary;
using System.Text;
using Iscsi.Protocol;
using Iscsi.Transport;
using Reservations;

namespace Iscsi.Instructions;

/// <summary>
/// An initiator that costs little: it writes PDUs and looks at what it must. It never waits: when it has sent something the loop runs, and
/// then the answer is there.
/// </summary>
internal sealed class Client
{
    private const int DigestBytes = 4;

    // One for all: only one client is busy at a time, and what is counted is not the making of buffers.
    private static readonly byte[] _out = GC.AllocateArray<byte>(128 * 1024, pinned: true);
    private static readonly byte[] _data = GC.AllocateArray<byte>(64 * 1024, pinned: true);
    private static readonly BlockList _in = BlockList.Over(GC.AllocateArray<byte>(512 * 1024, pinned: true));

    private readonly InMemoryConnection _connection;
    private readonly SteppedLoop _loop;
    private readonly OutboundBatch _batch = new();
    private uint _cmdSN = 1;
    private uint _maxCmdSN;
    private uint _expStatSN;
    private readonly bool _hasDigests;
    private int _outUsed;
    private int _done;

    /// <summary>Logs in.</summary>
    public Client(InMemoryConnection connection, SteppedLoop loop, string target, int number, bool digests)
    {
        _connection = connection;
        _loop = loop;
        _connection.AttachReceiveMemory(_in);
        var digest = digests ? "CRC32C" : "None";
        var text = Encoding.ASCII.GetBytes(string.Join('\0',
            $"InitiatorName=iqn.2026-11.net.example:client-{number}", $"TargetName={target}", "SessionType=Normal",
            $"HeaderDigest={digest}", $"DataDigest={digest}", "InitialR2T=No", "ImmediateData=Yes", "MaxBurstLength=262144",
            "FirstBurstLength=65536", "MaxRecvDataSegmentLength=262144", "DefaultTime2Wait=0", "DefaultTime2Retain=0", "ErrorRecoveryLevel=0", ""));
        var header = Add();
        LoginRequestPdu.Write(header, new LoginRequestFields
        {
            IsTransit = true,
            CurrentStage = LoginStage.LoginOperationalNegotiation,
            NextStage = LoginStage.FullFeaturePhase,
            Isid = 0x8000_0000_0000ul + (uint)number,
            Cid = 1,
            CmdSN = _cmdSN,
            DataSegmentLength = text.Length,
        });
        Seal(header, text);
        Exchange(1);
        _hasDigests = digests;
    }

    /// <summary>Logs out and waits until the target has closed.</summary>
    public void LogOut()
    {
        var header = Add();
        LogoutRequestPdu.Write(header, new LogoutRequestFields { InitiatorTaskTag = 1, CmdSN = _cmdSN++, ExpStatSN = _expStatSN });
        Seal(header, default);
        Exchange(1);
        _connection.Output.Complete();
        _loop.Run();
        _connection.Abort(ConnectionEndReason.Closed);
        _loop.Run();
    }

    /// <summary>Reads or writes, so many commands at once as the window allows, at places that are spread over 8 MiB.</summary>
    public void Run(int commands, bool isWrite, int bytes, int depth)
    {
        var issued = 0;
        for (var completed = 0; completed < commands;)
        {
            var batch = 0;
            while (batch < depth && issued < commands && (int)(_maxCmdSN - _cmdSN) >= 0)
            {
                var place = issued * 7919 % ((8 << 20) / bytes);
                Issue((uint)issued, (uint)(place * (bytes / 512)), isWrite, bytes);
                issued++;
                batch++;
                if (_out.Length - _outUsed < bytes + 128) break;
            }
            if (batch == 0) throw new InvalidOperationException("The window is closed.");
            Exchange(batch);
            completed += batch;
        }
    }

    private void Issue(uint tag, uint lba, bool isWrite, int bytes)
    {
        // Immediate data within the 8 KiB that the target takes unasked; R2Ts ask for the rest.
        var immediate = isWrite ? Math.Min(bytes, 8 * 1024) : 0;
        var header = Add();
        ScsiCommandPdu.Write(header, new ScsiCommandFields
        {
            IsFinal = true,
            IsRead = !isWrite,
            IsWrite = isWrite,
            Attribute = TaskAttribute.Simple,
            InitiatorTaskTag = tag,
            ExpectedDataTransferLength = (uint)bytes,
            CmdSN = _cmdSN++,
            ExpStatSN = _expStatSN,
            DataSegmentLength = immediate,
        });
        // READ (16) and WRITE (16): operation code, flags, LBA of 8 bytes, length of 4 in blocks.
        var cdb = header.Slice(32, 16);
        cdb.Clear();
        cdb[0] = (byte)(isWrite ? 0x8a : 0x88);
        BinaryPrimitives.WriteUInt64BigEndian(cdb[2..], lba);
        BinaryPrimitives.WriteUInt32BigEndian(cdb[10..], (uint)(bytes / 512));
        Seal(header, _data.AsSpan(0, immediate));
    }

    private Span<byte> Add() => _out.AsSpan(_outUsed, BasicHeaderSegment.Size);

    // Digests and data after a header that Add gave; lengths here are multiples of 4 but in the login, which has no digests.
    private void Seal(Span<byte> header, ReadOnlySpan<byte> data)
    {
        _outUsed += BasicHeaderSegment.Size;
        if (_hasDigests)
        {
            HeaderDigest.Write(header, default, _out.AsSpan(_outUsed));
            _outUsed += DigestBytes;
        }
        if (data.IsEmpty) return;
        data.CopyTo(_out.AsSpan(_outUsed));
        _outUsed += data.Length;
        _outUsed += PduTrailer.Write(data, _hasDigests, _out.AsSpan(_outUsed));
    }

    // Sends what was written, and takes in what comes until so many requests have ended.
    private void Exchange(int requests)
    {
        _done = 0;
        Flush();
        while (_done < requests)
        {
            var read = _connection.Input.ReadAsync();
            if (!read.IsCompleted) throw new InvalidOperationException("The target has not answered.");
            var buffer = read.GetAwaiter().GetResult().Buffer;
            if (buffer.IsEmpty) throw new InvalidOperationException("The target has closed.");
            var taken = Parse(buffer.FirstSpan);
            var consumed = buffer.GetPosition(taken);
            _connection.Input.AdvanceTo(consumed, buffer.End);
            if (_outUsed > 0) Flush();
            else _loop.Run();
        }
    }

    private void Flush()
    {
        _batch.Clear();
        _batch.Add(_out.AsMemory(0, _outUsed));
        var send = _connection.SendAsync(_batch);
        _loop.Run();
        if (!send.IsCompleted) throw new InvalidOperationException("The target has not taken everything.");
        send.GetAwaiter().GetResult();
        _outUsed = 0;
    }

    private int Parse(ReadOnlySpan<byte> bytes)
    {
        var used = 0;
        while (bytes.Length - used >= BasicHeaderSegment.Size)
        {
            var header = bytes[used..];
            var data = (header[5] << 16) | (header[6] << 8) | header[7];
            var length = BasicHeaderSegment.Size + ((data + 3) & ~3) + (_hasDigests ? DigestBytes + (data > 0 ? DigestBytes : 0) : 0);
            if (bytes.Length - used < length) break;
            Take(header);
            used += length;
        }
        return used;
    }

    private void Take(ReadOnlySpan<byte> header)
    {
        var maxCmdSN = BinaryPrimitives.ReadUInt32BigEndian(header[32..]);
        if ((int)(maxCmdSN - _maxCmdSN) > 0) _maxCmdSN = maxCmdSN;
        var opcode = (Opcode)(header[0] & 0x3f);
        switch (opcode)
        {
            case Opcode.LoginResponse when header[36] != 0:
                throw new InvalidOperationException($"The login was refused: {header[36]:x2}{header[37]:x2}.");
            case Opcode.LoginResponse:
            case Opcode.LogoutResponse:
                End(header);
                break;
            case Opcode.ScsiResponse when header[3] == 2:
            case Opcode.DataIn when (header[1] & 1) == 0:
            case Opcode.NopIn:
                // A unit attention ends the first command of a session, which is not repeated; more data follow; or a wider window is told.
                if (opcode == Opcode.ScsiResponse) End(header);
                break;
            case Opcode.ScsiResponse when header[2] != 0 || header[3] != 0:
                throw new InvalidOperationException($"A command failed: response {header[2]:x2}, status {header[3]:x2}.");
            case Opcode.ScsiResponse:
            case Opcode.DataIn:
                End(header);
                break;
            case Opcode.ReadyToTransfer:
                Answer(header);
                break;
            default:
                throw new InvalidOperationException($"Unexpected: {opcode}.");
        }
    }

    private void End(ReadOnlySpan<byte> header)
    {
        _expStatSN = BinaryPrimitives.ReadUInt32BigEndian(header[24..]) + 1;
        _done++;
    }

    private void Answer(ReadOnlySpan<byte> request)
    {
        var offset = BinaryPrimitives.ReadUInt32BigEndian(request[40..]);
        var length = (int)BinaryPrimitives.ReadUInt32BigEndian(request[44..]);
        if (_out.Length - _outUsed < length + 128) Flush();
        var header = Add();
        DataOutPdu.Write(header, new DataOutFields
        {
            IsFinal = true,
            DataSegmentLength = length,
            InitiatorTaskTag = BinaryPrimitives.ReadUInt32BigEndian(request[16..]),
            TargetTransferTag = BinaryPrimitives.ReadUInt32BigEndian(request[20..]),
            ExpStatSN = _expStatSN,
            BufferOffset = offset,
        });
        Seal(header, _data.AsSpan((int)offset, length));
    }
}

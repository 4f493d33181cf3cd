using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;
using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;

namespace Iscsi.Target.Tests.Memory;

/// <summary>An initiator on a bare socket: it logs in as it should, and then sends whatever it likes.</summary>
internal sealed class RudeClient : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveBufferSize = 4096, NoDelay = true };
    private uint _cmdSN = 1;

    private RudeClient(string name) => Name = name;

    public string Name { get; }

    public static async Task<RudeClient> LoginAsync(MemoryServer server, string name, ulong isid)
    {
        var client = new RudeClient(name);
        await client._socket.ConnectAsync(server.EndPoint);
        var text = Encoding.ASCII.GetBytes($"InitiatorName={name}\0TargetName={MemoryServer.TargetName}\0SessionType=Normal\0" +
            "InitialR2T=Yes\0ImmediateData=Yes\0FirstBurstLength=8192\0MaxBurstLength=262144\0MaxRecvDataSegmentLength=65536\0");
        var pdu = new byte[BasicHeaderSegment.Size + (text.Length + 3) / 4 * 4];
        LoginRequestPdu.Write(pdu, new LoginRequestFields
        {
            IsTransit = true,
            CurrentStage = LoginStage.LoginOperationalNegotiation,
            NextStage = LoginStage.FullFeaturePhase,
            DataSegmentLength = text.Length,
            Isid = isid,
            CmdSN = client._cmdSN,
        });
        text.CopyTo(pdu, BasicHeaderSegment.Size);
        await client._socket.SendAsync(pdu);
        var answer = new byte[BasicHeaderSegment.Size];
        await client.ReceiveAsync(answer);
        await client.ReceiveAsync(new byte[((answer[6] << 8 | answer[7]) + 3) / 4 * 4]);
        Assert.Equal(0, BinaryPrimitives.ReadUInt16BigEndian(answer.AsSpan(36)));
        return client;
    }

    /// <summary>Sends READ (16) commands with CmdSN counting up, whatever the window is, and reads nothing.</summary>
    public async Task SendReadsAsync(int count, int lengthBytes)
    {
        var pdus = new byte[count * BasicHeaderSegment.Size];
        Span<byte> cdb = stackalloc byte[16];
        cdb.Clear();
        cdb[0] = OperationCode.Read16;
        BinaryPrimitives.WriteInt32BigEndian(cdb[10..], lengthBytes / 512);
        for (var i = 0; i < count; i++)
        {
            ScsiCommandPdu.Write(pdus.AsSpan(i * BasicHeaderSegment.Size), new ScsiCommandFields
            {
                IsFinal = true,
                IsRead = true,
                Attribute = TaskAttribute.Simple,
                InitiatorTaskTag = _cmdSN,
                ExpectedDataTransferLength = (uint)lengthBytes,
                CmdSN = _cmdSN++,
                Cdb = cdb,
            });
        }
        await _socket.SendAsync(pdus);
    }

    /// <summary>Closes without a word.</summary>
    public void Dispose() => _socket.Dispose();

    private async Task ReceiveAsync(Memory<byte> into)
    {
        while (!into.IsEmpty)
        {
            var count = await _socket.ReceiveAsync(into);
            Assert.NotEqual(0, count);
            into = into[count..];
        }
    }
}

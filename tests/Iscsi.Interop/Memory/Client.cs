using System.Buffers.Binary;
using Iscsi.Initiator;
using Iscsi.Protocol.Scsi;

namespace Iscsi.Interop.Memory;

/// <summary>One initiator port with at most one session: its name and ISID stay the same over all its logins.</summary>
internal sealed class Client(Daemon daemon, int number) : IAsyncDisposable
{
    public const int BlockSize = 512;

    // What is stuck fails the test instead of stopping it.
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private readonly CuttableConnector _connector = new();
    private readonly List<IscsiSession> _sessions = [];

    public IscsiSession Session => _sessions[^1];

    /// <summary>Logs in; a session of this client that is still open is replaced by that.</summary>
    public async Task LoginAsync()
    {
        _sessions.Add(await IscsiInitiator.ConnectAsync(daemon.Url, new IscsiInitiatorOptions
        {
            InitiatorName = $"iqn.2026-11.net.example:memory-{number}",
            Isid = (2ul << 46) | (uint)number,
            Connector = _connector,
            LogoutTimeout = TimeSpan.FromSeconds(1),
        }));
    }

    /// <summary>Ends the connection without a logout.</summary>
    public void Cut() => _connector.Cut();

    public Task LogoutAsync() => Session.LogoutAsync();

    /// <summary>One small read of the disk, past the unit attention that a new session begins with.</summary>
    public async Task ReadAsync()
    {
        var data = new byte[4096];
        while (true)
        {
            var result = await Session.ExecuteAsync(0, Cdb(OperationCode.Read16, 0, data.Length), dataIn: data).AsTask().WaitAsync(Limit);
            if (result.IsGood) return;
            Assert.Equal(SenseKey.UnitAttention, result.Sense?.Key);
        }
    }

    /// <summary>One WRITE(16), all in one command.</summary>
    public async Task WriteAsync(long offsetBytes, ReadOnlyMemory<byte> data)
    {
        var result = await Session.ExecuteAsync(0, Cdb(OperationCode.Write16, offsetBytes, data.Length), dataOut: data);
        result.ThrowIfFailed("WRITE(16)");
    }

    /// <summary>One READ(16), all in one command.</summary>
    public async Task ReadAsync(long offsetBytes, Memory<byte> data)
    {
        var result = await Session.ExecuteAsync(0, Cdb(OperationCode.Read16, offsetBytes, data.Length), dataIn: data);
        result.ThrowIfFailed("READ(16)");
        Assert.Equal(data.Length, result.TransferredBytes);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var session in _sessions) await session.DisposeAsync();
    }

    private static byte[] Cdb(byte code, long offsetBytes, int lengthBytes)
    {
        var cdb = new byte[16];
        cdb[0] = code;
        BinaryPrimitives.WriteInt64BigEndian(cdb.AsSpan(2), offsetBytes / BlockSize);
        BinaryPrimitives.WriteInt32BigEndian(cdb.AsSpan(10), lengthBytes / BlockSize);
        return cdb;
    }
}

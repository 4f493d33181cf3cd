using Iscsi.Protocol;
using Microsoft.Win32.SafeHandles;

namespace Iscsi.Transport.Tests;

/// <summary>Parts of files in a batch: sent by the system from the file, in the order of the batch.</summary>
public sealed class FileSendTests : IDisposable
{
    private const int Limit = 60_000;
    private const int FileBytes = 4 << 20;

    private readonly string _path = Path.Combine(Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath(), $"iscsi-send-{Guid.NewGuid():N}");
    private readonly byte[] _content = new byte[FileBytes];
    private readonly SafeFileHandle _file;

    public FileSendTests()
    {
        Assert.SkipUnless(EventLoops.IsSupported, "event loops need 64-bit Linux");
        new Random(1).NextBytes(_content);
        File.WriteAllBytes(_path, _content);
        _file = File.OpenHandle(_path, FileMode.Open, FileAccess.ReadWrite);
    }

    [Fact(Timeout = Limit)]
    public async Task Headers_and_parts_of_a_file_arrive_in_order_byte_for_byte()
    {
        var seed = Random.Shared.Next();
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var random = new Random(seed);
        var (client, server) = await SocketTransportTests.PairAsync(new());
        server.AttachReceiveMemory(TransportContract.Runs(4096, 1));
        for (var round = 0; round < 20; round++)
        {
            var batch = new OutboundBatch(1); // so that it has to grow
            var expected = new List<byte>();
            for (var i = random.Next(1, 40); i > 0; i--)
            {
                if (random.Next(2) == 0)
                {
                    var header = GC.AllocateArray<byte>(random.Next(1, 100), pinned: true);
                    random.NextBytes(header);
                    batch.Add(header);
                    expected.AddRange(header);
                    continue;
                }
                var length = random.Next(4) == 0 ? random.Next(1, 5) : random.Next(1, 300_000);
                var offset = random.Next(FileBytes - length);
                batch.Add(new OutboundFile(_file, offset, length));
                expected.AddRange(_content.AsSpan(offset, length));
            }
            Assert.Equal(expected.Count, batch.Length);
            var send = client.SendAsync(batch).AsTask();
            Assert.Equal(expected, await TransportContract.ReadAsync(server, expected.Count));
            await send;
        }
        await client.DisposeAsync();
        await server.DisposeAsync();
    }

    [Fact(Timeout = Limit)]
    public async Task A_cleared_batch_knows_no_file_any_more()
    {
        var batch = new OutboundBatch();
        batch.Add(new OutboundFile(_file, 0, 100));
        Assert.True(batch.HasFiles);
        batch.Clear();
        Assert.False(batch.HasFiles);
        Assert.True(batch.IsEmpty);
        Assert.Null(batch.FileOf(0).Handle);
        var (client, server) = await SocketTransportTests.PairAsync(new());
        server.AttachReceiveMemory(TransportContract.Runs(4096, 1));
        batch.Add(GC.AllocateArray<byte>(3, pinned: true));
        await client.SendAsync(batch);
        Assert.Equal(new byte[3], await TransportContract.ReadAsync(server, 3));
        await client.DisposeAsync();
        await server.DisposeAsync();
    }

    [Fact(Timeout = Limit)]
    public async Task A_file_that_ends_inside_its_part_fails_the_send_and_nothing_is_made_up()
    {
        var (client, server) = await SocketTransportTests.PairAsync(new());
        server.AttachReceiveMemory(TransportContract.Runs(4096, 1));
        var batch = new OutboundBatch();
        batch.Add(new OutboundFile(_file, FileBytes - 1000, 2000));
        await Assert.ThrowsAsync<IOException>(async () => await client.SendAsync(batch));
        client.Abort(ConnectionEndReason.TransportError);
        var received = await TransportContract.ReadToEndAsync(server);
        Assert.Equal(_content[^1000..], received);
        await client.DisposeAsync();
        await server.DisposeAsync();
    }

    [Fact(Timeout = Limit)]
    public async Task A_file_that_is_made_shorter_while_it_is_sent_fails_the_send()
    {
        var (client, server) = await SocketTransportTests.PairAsync(new());
        server.AttachReceiveMemory(TransportContract.Runs(4096, 1));
        var batch = new OutboundBatch();
        for (var i = 0; i < 32; i++) batch.Add(new OutboundFile(_file, 0, FileBytes)); // more than the socket takes
        var send = client.SendAsync(batch).AsTask();
        Assert.False(send.IsCompleted);
        RandomAccess.SetLength(_file, 4096);
        var drained = TransportContract.ReadToEndAsync(server);
        await Assert.ThrowsAsync<IOException>(() => send);
        client.Abort(ConnectionEndReason.TransportError);
        await drained;
        await client.DisposeAsync();
        await server.DisposeAsync();
    }

    [Fact(Timeout = Limit)]
    public async Task An_abort_fails_a_send_that_waits_in_the_middle_of_a_file()
    {
        var (client, server) = await SocketTransportTests.PairAsync(new());
        var batch = new OutboundBatch();
        for (var i = 0; i < 32; i++) batch.Add(new OutboundFile(_file, 0, FileBytes));
        var send = client.SendAsync(batch).AsTask();
        Assert.False(send.IsCompleted);
        client.Abort(ConnectionEndReason.Closed);
        await Assert.ThrowsAsync<IOException>(() => send);
        await client.DisposeAsync();
        await server.DisposeAsync();
    }

    [Fact(Timeout = Limit)]
    public async Task What_the_peer_has_not_acknowledged_is_counted()
    {
        var (client, server) = await SocketTransportTests.PairAsync(new());
        server.AttachReceiveMemory(TransportContract.Runs(4096, 1));
        Assert.Equal(0, client.UnacknowledgedBytes);
        var batch = new OutboundBatch();
        for (var i = 0; i < 32; i++) batch.Add(new OutboundFile(_file, 0, FileBytes));
        var send = client.SendAsync(batch).AsTask();
        Assert.True(client.UnacknowledgedBytes > 0);
        await TransportContract.ReadAsync(server, 32 * FileBytes);
        await send;
        while (client.UnacknowledgedBytes > 0) await Task.Yield(); // the last acknowledgement
        await client.DisposeAsync();
        Assert.Equal(0, client.UnacknowledgedBytes);
        await server.DisposeAsync();
    }

    [Fact(Timeout = Limit)]
    public async Task Other_transports_send_no_files_and_say_so()
    {
        var (client, server) = await SocketTransportTests.PairAsync(new() { Portable = true });
        Assert.False(client.SendsFiles);
        Assert.Equal(0, client.UnacknowledgedBytes);
        var batch = new OutboundBatch();
        batch.Add(new OutboundFile(_file, 0, 100));
        await Assert.ThrowsAsync<NotSupportedException>(async () => await client.SendAsync(batch));
        await client.DisposeAsync();
        await server.DisposeAsync();
    }

    public void Dispose()
    {
        _file?.Dispose();
        File.Delete(_path);
    }
}

using System.Net;
using System.Net.Sockets;

namespace Iscsi.Transport.Tests;

/// <summary>A listener that accepts on the thread of a loop.</summary>
public sealed class PinnedListenerTests
{
    [Fact]
    public async Task A_pinned_listener_accepts_every_connection_of_a_burst_on_a_loop()
    {
        Assert.SkipUnless(EventLoops.IsSupported, "there are no event loops on this system");
        const int count = 40;
        await using var listener = SocketTransportListener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Pin();
        var clients = Enumerable.Range(0, count).Select(_ => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)).ToArray();
        // All are there before the first is accepted: one edge tells of them.
        foreach (var client in clients) client.Connect(listener.LocalEndPoint);
        var accepted = new HashSet<EndPoint>();
        for (var i = 0; i < count; i++)
        {
            await using var connection = await AcceptAsync(listener);
            Assert.True(accepted.Add(connection!.RemoteEndPoint!));
        }
        Assert.Equal(clients.Select(client => client.LocalEndPoint!).ToHashSet(), accepted);
        foreach (var client in clients) client.Dispose();
    }

    [Fact]
    public async Task A_pinned_listener_accepts_one_after_the_other_as_they_come()
    {
        Assert.SkipUnless(EventLoops.IsSupported, "there are no event loops on this system");
        await using var listener = SocketTransportListener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Pin();
        for (var i = 0; i < 20; i++)
        {
            var accept = AcceptAsync(listener);
            using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            client.Connect(listener.LocalEndPoint);
            await using var connection = await accept;
            Assert.Equal(client.LocalEndPoint, connection!.RemoteEndPoint);
        }
    }

    [Fact]
    public async Task Disposing_a_pinned_listener_ends_the_accept_that_waits()
    {
        Assert.SkipUnless(EventLoops.IsSupported, "there are no event loops on this system");
        var listener = SocketTransportListener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Pin();
        var accept = AcceptAsync(listener);
        await listener.DisposeAsync();
        Assert.Null(await accept);
    }

    [Fact]
    public async Task A_stepped_loop_runs_nothing_until_it_is_told_and_then_everything_in_order()
    {
        var loop = new SteppedLoop();
        var (client, server) = InMemoryTransport.CreatePair(new InMemoryTransportOptions { Scheduler = loop.Scheduler });
        Assert.Same(loop, server.Pin());
        var batch = new OutboundBatch();
        var bytes = GC.AllocateArray<byte>(512, pinned: true);
        server.AttachReceiveMemory(Reservations.BlockList.Over(GC.AllocateArray<byte>(512, pinned: true)));
        var isOnLoop = false;
        var read = ReadAsync();
        batch.Add(bytes);
        await client.SendAsync(batch);
        Assert.False(read.IsCompleted);
        Assert.True(loop.Run() > 0);
        Assert.True(isOnLoop);
        Assert.Equal(512, await read);
        Assert.Equal(0, loop.Run());

        async Task<long> ReadAsync()
        {
            var result = await server.Input.ReadAsync();
            isOnLoop = loop.IsCurrent;
            return result.Buffer.Length;
        }
    }

    // Nothing of a test goes on on the loop's thread.
    private static async Task<ITransportConnection?> AcceptAsync(SocketTransportListener listener)
    {
        var connection = await listener.AcceptAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(60));
        await Task.Yield();
        return connection;
    }
}

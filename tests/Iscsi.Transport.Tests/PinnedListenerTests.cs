using System.Net;
using System.Net.Sockets;

namespace Iscsi.Transport.Tests;

/// <summary>A listener that accepts on the thread of a loop.</summary>
public sealed partial class PinnedListenerTests
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
    public async Task Connections_that_come_while_nobody_accepts_are_there_when_somebody_does()
    {
        Assert.SkipUnless(EventLoops.IsSupported, "there are no event loops on this system");
        await using var listener = SocketTransportListener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Pin();
        for (var round = 0; round < 3; round++)
        {
            var clients = Enumerable.Range(0, 3).Select(_ => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)).ToArray();
            foreach (var client in clients) client.Connect(listener.LocalEndPoint);
            // A turn of the loop in which it is told of them and has nobody to tell.
            await using var other = SocketTransportListener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            other.Pin();
            using var visitor = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            visitor.Connect(other.LocalEndPoint);
            await using var visited = await AcceptAsync(other);
            foreach (var client in clients)
            {
                await using var connection = await AcceptAsync(listener);
                Assert.Equal(client.LocalEndPoint, connection!.RemoteEndPoint);
                client.Dispose();
            }
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_accepted_socket_is_non_blocking_closed_on_exec_and_has_what_was_set_on_the_listener(bool noDelay)
    {
        Assert.SkipUnless(EventLoops.IsSupported, "there are no event loops on this system");
        if (!EventLoops.IsSupported) return; // what the analyzer understands
        await using var listener = SocketTransportListener.Bind(new IPEndPoint(IPAddress.Loopback, 0), new SocketTransportOptions { NoDelay = noDelay });
        listener.Pin();
        using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        client.Connect(listener.LocalEndPoint);
        await using var connection = (EpollConnection)(await AcceptAsync(listener))!;
        var descriptor = (int)connection.Handle.DangerousGetHandle();

        const int getDescriptorFlags = 1, closeOnExec = 1, getStatusFlags = 3, nonBlocking = 0x800, tcp = 6, tcpNoDelay = 1;
        Assert.Equal(closeOnExec, Control(descriptor, getDescriptorFlags, 0));
        Assert.Equal(nonBlocking, Control(descriptor, getStatusFlags, 0) & nonBlocking);
        uint length = sizeof(int);
        Assert.Equal(0, GetSocketOption(descriptor, tcp, tcpNoDelay, out var isOn, ref length));
        Assert.Equal(noDelay, isOn != 0);
    }

    [Fact]
    public async Task An_accepted_connection_knows_both_its_addresses_in_both_families()
    {
        Assert.SkipUnless(EventLoops.IsSupported, "there are no event loops on this system");
        Assert.SkipUnless(Socket.OSSupportsIPv6, "there is no IPv6 on this system");
        await using var listener = SocketTransportListener.Bind(new IPEndPoint(IPAddress.IPv6Any, 0));
        listener.Pin();
        var port = ((IPEndPoint)listener.LocalEndPoint).Port;
        foreach (var address in new[] { IPAddress.Loopback, IPAddress.IPv6Loopback })
        {
            using var client = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            client.Connect(address, port);
            await using var connection = (await AcceptAsync(listener))!;
            Assert.Equal(Mapped(client.LocalEndPoint!), connection.RemoteEndPoint);
            Assert.Equal(Mapped(client.RemoteEndPoint!), connection.LocalEndPoint);
        }

        static IPEndPoint Mapped(EndPoint endPoint) => new(((IPEndPoint)endPoint).Address.MapToIPv6(), ((IPEndPoint)endPoint).Port);
    }

    [Fact]
    public async Task A_cancelled_accept_loses_no_connection()
    {
        Assert.SkipUnless(EventLoops.IsSupported, "there are no event loops on this system");
        await using var listener = SocketTransportListener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        using var cancellation = new CancellationTokenSource();
        var accept = listener.AcceptAsync(cancellation.Token).AsTask();
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => accept);
        using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        client.Connect(listener.LocalEndPoint);
        await using var connection = await AcceptAsync(listener);
        Assert.Equal(client.LocalEndPoint, connection!.RemoteEndPoint);
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

    [System.Runtime.InteropServices.LibraryImport("libc", EntryPoint = "fcntl")]
    private static partial int Control(int descriptor, int command, int argument);

    [System.Runtime.InteropServices.LibraryImport("libc", EntryPoint = "getsockopt")]
    private static partial int GetSocketOption(int descriptor, int level, int option, out int value, ref uint length);

    // Nothing of a test goes on on the loop's thread.
    private static async Task<ITransportConnection?> AcceptAsync(SocketTransportListener listener)
    {
        var connection = await listener.AcceptAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(60));
        await Task.Yield();
        return connection;
    }
}

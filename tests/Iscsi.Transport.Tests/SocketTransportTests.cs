using System.Net;
using System.Net.Sockets;

namespace Iscsi.Transport.Tests;

/// <summary>TCP, with the system calls of the platform.</summary>
public sealed class SocketTransportTests : TransportContract
{
    [Fact]
    public async Task A_peer_that_only_stops_sending_still_gets_our_bytes()
    {
        await using var listener = SocketTransportListener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        using var client = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await client.ConnectAsync(listener.LocalEndPoint);
        await using var server = await listener.AcceptAsync();
        server!.AttachReceiveMemory(Runs(512, 1));
        await client.SendAsync(new byte[3]);
        client.Shutdown(SocketShutdown.Send);
        Assert.Equal(new byte[3], await ReadExactlyAsync(server, 3));
        Assert.True((await server.Input.ReadAsync()).IsCompleted);
        await server.SendAsync(Batch(Pattern(100, 1)));
        var received = new byte[100];
        for (var count = 0; count < 100;) count += await client.ReceiveAsync(received.AsMemory(count));
        Assert.Equal(Pattern(100, 1), received);
    }

    [Fact]
    public async Task A_reset_reads_as_closed_and_fails_a_send()
    {
        await using var listener = SocketTransportListener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        var client = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await client.ConnectAsync(listener.LocalEndPoint);
        await using var server = await listener.AcceptAsync();
        server!.AttachReceiveMemory(Runs(512, 1));
        var read = server.Input.ReadAsync().AsTask();
        client.LingerState = new LingerOption(true, 0);
        client.Dispose();
        Assert.True((await read).IsCompleted);
        await Assert.ThrowsAsync<IOException>(async () => await server.SendAsync(Batch(Pattern(1, 1))));
    }

    [Fact]
    public async Task Disposing_the_listener_ends_a_pending_accept_with_null()
    {
        var listener = SocketTransportListener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        var accept = listener.AcceptAsync().AsTask();
        await listener.DisposeAsync();
        Assert.Null(await accept);
        Assert.Null(await listener.AcceptAsync());
    }

    [Fact]
    public async Task A_taken_address_is_an_error_that_names_it()
    {
        await using var listener = SocketTransportListener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        var error = Assert.Throws<IOException>(() => SocketTransportListener.Bind((IPEndPoint)listener.LocalEndPoint));
        Assert.Contains(listener.LocalEndPoint.ToString()!, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_refused_connection_is_an_error_that_names_the_address()
    {
        // Nobody listens there, and the system gives it to nobody, not to this connection either.
        var endPoint = new IPEndPoint(IPAddress.Loopback, 1);
        var error = await Assert.ThrowsAsync<IOException>(async () => await SocketTransport.ConnectAsync(endPoint));
        Assert.Contains(endPoint.ToString()!, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_name_is_resolved_and_a_dual_listener_takes_both_families()
    {
        Assert.SkipUnless(Socket.OSSupportsIPv6, "no IPv6 here");
        await using var listener = SocketTransportListener.Bind(new IPEndPoint(IPAddress.IPv6Any, 0));
        var port = ((IPEndPoint)listener.LocalEndPoint).Port;
        foreach (var endPoint in new EndPoint[] { new DnsEndPoint("localhost", port), new IPEndPoint(IPAddress.Loopback, port) })
        {
            await using var client = await SocketTransport.ConnectAsync(endPoint);
            await using var server = await listener.AcceptAsync();
            Assert.NotNull(client.RemoteEndPoint);
            Assert.NotNull(server!.LocalEndPoint);
        }
    }

    protected override ValueTask<(ITransportConnection Client, ITransportConnection Server)> ConnectAsync() => PairAsync(new());

    internal static async ValueTask<(ITransportConnection Client, ITransportConnection Server)> PairAsync(SocketTransportOptions options)
    {
        await using var listener = SocketTransportListener.Bind(new IPEndPoint(IPAddress.Loopback, 0), options);
        var client = await ((ITransportConnector)new SocketTransport(options)).ConnectAsync(listener.LocalEndPoint);
        return (client, (await listener.AcceptAsync())!);
    }
}

/// <summary>TCP, with the framework's calls that other platforms use.</summary>
public sealed class PortableSocketTransportTests : TransportContract
{
    protected override ValueTask<(ITransportConnection Client, ITransportConnection Server)> ConnectAsync() =>
        SocketTransportTests.PairAsync(new() { Portable = true });
}

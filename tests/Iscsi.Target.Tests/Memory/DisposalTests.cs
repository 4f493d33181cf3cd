using Iscsi.Initiator;
using Iscsi.Storage;
using Iscsi.Transport;

namespace Iscsi.Target.Tests.Memory;

public sealed class DisposalTests
{
    private const string Name = "iqn.2026-11.net.example:disk";

    // The logout is answered before the session has given its memory back: the server must wait for that too.
    [Fact]
    public async Task A_server_that_is_disposed_while_its_sessions_end_has_all_memory_back()
    {
        const int rounds = 100;
        await using var device = new MemoryBlockDevice(1 << 20);
        for (var round = 0; round < rounds; round++)
        {
            var listener = new InMemoryTransportListener();
            await using var server = new IscsiTargetBuilder().Listen(listener).UseMemory(4 << 20).AddTarget(Name, target => target.AddLun(0, device)).Build();
            await server.StartAsync();
            var sessions = await Task.WhenAll(Enumerable.Range(0, 3).Select(i => IscsiInitiator.ConnectAsync(
                $"iscsi://local/{Name}", new() { Connector = listener, Isid = 0x4000_0000_0000UL + (uint)i })));
            await Task.WhenAll(sessions.Select(session => session.DisposeAsync().AsTask()));
        } // the disposal throws when a grant is open
    }

    // Out of open files, for instance: what else goes on must not be lost, and neither the portal.
    [Fact]
    public async Task A_portal_that_could_not_accept_takes_connections_again()
    {
        await using var device = new MemoryBlockDevice(1 << 20);
        var listener = new InMemoryTransportListener();
        var failing = new FailingListener(listener, failures: 1);
        await using var server = new IscsiTargetBuilder().Listen(failing).UseMemory(4 << 20).AddTarget(Name, target => target.AddLun(0, device)).Build();
        await server.StartAsync();
        await using var session = await IscsiInitiator.ConnectAsync($"iscsi://local/{Name}", new() { Connector = listener });
        Assert.Equal(0, failing.FailuresLeft);
    }

    [Fact]
    public async Task A_server_whose_portal_can_not_accept_stops_all_the_same()
    {
        var failing = new FailingListener(new InMemoryTransportListener(), int.MaxValue);
        var server = new IscsiTargetBuilder().Listen(failing).UseMemory(4 << 20).AddTarget(Name, _ => { }).Build();
        await server.StartAsync();
        await server.DisposeAsync();
        Assert.NotEqual(int.MaxValue, failing.FailuresLeft);
    }

    private sealed class FailingListener(InMemoryTransportListener inner, int failures) : ITransportListener
    {
        public int FailuresLeft { get; private set; } = failures;

        public System.Net.EndPoint LocalEndPoint => inner.LocalEndPoint;

        public ValueTask<ITransportConnection?> AcceptAsync(CancellationToken cancellationToken = default) =>
            FailuresLeft > 0 && FailuresLeft-- > 0
                ? ValueTask.FromException<ITransportConnection?>(new IOException("Too many open files"))
                : inner.AcceptAsync(cancellationToken);

        public ValueTask DisposeAsync() => inner.DisposeAsync();
    }
}

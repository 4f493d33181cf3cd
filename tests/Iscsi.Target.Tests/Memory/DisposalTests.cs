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
}

using System.Net;
using Iscsi.Initiator;
using Iscsi.Storage;
using Iscsi.Transport;

namespace Iscsi.Target.Tests.Allocation;

/// <summary>A target with one LUN and a session with it, in one process.</summary>
internal sealed class TargetPair : IAsyncDisposable
{
    private const string TargetName = "iqn.2026-11.net.example:disk";

    private TargetPair(IscsiTargetServer server, IscsiSession session, IscsiBlockDevice disk)
    {
        Server = server;
        Session = session;
        Disk = disk;
    }

    public IscsiTargetServer Server { get; }

    public IscsiSession Session { get; }

    /// <summary>The LUN, seen from the initiator.</summary>
    public IscsiBlockDevice Disk { get; }

    /// <summary>Serves a device, which stays the caller's, as LUN 0.</summary>
    /// <param name="device">The device.</param>
    /// <param name="memoryBytes">The target's memory budget.</param>
    /// <param name="overTcp">Whether they talk over loopback; else within the process.</param>
    public static async Task<TargetPair> StartAsync(
        IBlockDevice device, long memoryBytes = IscsiTargetBuilder.DefaultMemoryBytes, bool overTcp = false)
    {
        var listener = overTcp ? null : new InMemoryTransportListener();
        var builder = new IscsiTargetBuilder().UseMemory(memoryBytes).AddTarget(TargetName, target => target.AddLun(0, device));
        if (listener is null) builder.Listen(new IPEndPoint(IPAddress.Loopback, 0));
        else builder.Listen(listener);
        var server = builder.Build();
        await server.StartAsync();
        try
        {
            var host = listener is null ? server.Endpoints[0].ToString() : "local";
            var session = await IscsiInitiator.ConnectAsync($"iscsi://{host}/{TargetName}", new() { Connector = listener is null ? new SocketTransport() : listener });
            return new TargetPair(server, session, await session.OpenDiskAsync(0));
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Disk.DisposeAsync();
        await Session.DisposeAsync();
        await Server.DisposeAsync();
    }
}

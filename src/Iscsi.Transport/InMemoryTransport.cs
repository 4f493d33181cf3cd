namespace Iscsi.Transport;

/// <summary>Connections inside one process, for tests, simulations and embedding a target beside its initiator.</summary>
public static class InMemoryTransport
{
    /// <summary>Two connected ends.</summary>
    /// <param name="options">Ring size and scheduler; null for the defaults.</param>
    public static (InMemoryConnection Client, InMemoryConnection Server) CreatePair(InMemoryTransportOptions? options = null)
    {
        options ??= new InMemoryTransportOptions();
        ArgumentOutOfRangeException.ThrowIfLessThan(options.RingBytes, 1);
        var toServer = new InMemoryPipe(options.RingBytes, options.Scheduler);
        var toClient = new InMemoryPipe(options.RingBytes, options.Scheduler);
        var client = new InMemoryConnection(toClient, toServer, options.Scheduler?.Loop);
        var server = new InMemoryConnection(toServer, toClient, options.Scheduler?.Loop);
        toServer.Connect(writer: client, reader: server);
        toClient.Connect(writer: server, reader: client);
        return (client, server);
    }
}

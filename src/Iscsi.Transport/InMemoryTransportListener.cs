using System.Net;
using System.Threading.Channels;
using Iscsi.Protocol;

namespace Iscsi.Transport;

/// <summary>Accepts connections from the same process; it is their connector too.</summary>
public sealed class InMemoryTransportListener : ITransportListener, ITransportConnector
{
    // As the socket's backlog: connects wait, or rather fail here, when nobody accepts.
    private const int Backlog = 512;

    private readonly Channel<InMemoryConnection> _accepted = Channel.CreateBounded<InMemoryConnection>(Backlog);
    private readonly InMemoryTransportOptions _options;

    /// <summary>Creates a listener.</summary>
    /// <param name="name">A name for logs.</param>
    /// <param name="options">Options of each connection; null for the defaults.</param>
    public InMemoryTransportListener(string name = "local", InMemoryTransportOptions? options = null)
    {
        LocalEndPoint = new InMemoryEndPoint(name);
        _options = options ?? new InMemoryTransportOptions();
    }

    /// <inheritdoc/>
    public EndPoint LocalEndPoint { get; }

    /// <summary>Connects to this listener.</summary>
    /// <returns>The client's end.</returns>
    /// <exception cref="IOException">The listener is disposed, or 512 connections wait to be accepted.</exception>
    public InMemoryConnection Connect()
    {
        var (client, server) = InMemoryTransport.CreatePair(_options);
        if (!_accepted.Writer.TryWrite(server)) throw new IOException($"Can't connect to {LocalEndPoint}: nobody accepts.");
        return client;
    }

    /// <inheritdoc/>
    ValueTask<ITransportConnection> ITransportConnector.ConnectAsync(EndPoint endPoint, CancellationToken cancellationToken) =>
        cancellationToken.IsCancellationRequested
            ? ValueTask.FromCanceled<ITransportConnection>(cancellationToken)
            : new ValueTask<ITransportConnection>(Connect());

    /// <inheritdoc/>
    public async ValueTask<ITransportConnection?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        while (await _accepted.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false))
        {
            if (_accepted.Reader.TryRead(out var connection)) return connection;
        }
        return null;
    }

    /// <summary>Stops accepting; connections that were not accepted are closed, the others live on.</summary>
    public ValueTask DisposeAsync()
    {
        _accepted.Writer.TryComplete();
        while (_accepted.Reader.TryRead(out var connection)) connection.Abort(ConnectionEndReason.ServerStopping);
        return ValueTask.CompletedTask;
    }
}

using System.Net;

namespace Iscsi.Transport;

/// <summary>Opens connections: the counterpart of <see cref="ITransportListener"/>.</summary>
public interface ITransportConnector
{
    /// <summary>Connects.</summary>
    /// <param name="endPoint">Where to; transports say which kinds they take.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="IOException">It could not be reached; the message says why.</exception>
    ValueTask<ITransportConnection> ConnectAsync(EndPoint endPoint, CancellationToken cancellationToken = default);
}

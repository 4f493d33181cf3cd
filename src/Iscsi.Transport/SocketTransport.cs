using System.Net;
using System.Net.Sockets;

namespace Iscsi.Transport;

/// <summary>TCP connections to a target.</summary>
/// <param name="options">How sockets are set up; null for the defaults.</param>
public sealed class SocketTransport(SocketTransportOptions? options = null) : ITransportConnector
{
    private readonly SocketTransportOptions _options = options ?? new SocketTransportOptions();

    /// <summary>Connects with default options.</summary>
    /// <param name="endPoint">An <see cref="IPEndPoint"/>, or a <see cref="DnsEndPoint"/> whose addresses are tried in turn.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="IOException">It could not be reached; the message says why.</exception>
    public static ValueTask<ITransportConnection> ConnectAsync(EndPoint endPoint, CancellationToken cancellationToken = default) =>
        ((ITransportConnector)new SocketTransport()).ConnectAsync(endPoint, cancellationToken);

    async ValueTask<ITransportConnection> ITransportConnector.ConnectAsync(EndPoint endPoint, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(endPoint);
        // Without a family the socket is dual-mode where IPv6 exists, which is what a name needs.
        var socket = endPoint is IPEndPoint ip
            ? new Socket(ip.AddressFamily, SocketType.Stream, ProtocolType.Tcp)
            : new Socket(SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.NoDelay = _options.NoDelay;
            await socket.ConnectAsync(endPoint, cancellationToken).ConfigureAwait(false);
            return new SocketConnection(socket, _options);
        }
        catch (SocketException exception)
        {
            socket.Dispose();
            throw new IOException($"Can't connect to {Name(endPoint)}: {exception.Message}.", exception);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static string Name(EndPoint endPoint) =>
        endPoint is DnsEndPoint dns ? $"{dns.Host}:{dns.Port}" : endPoint.ToString() ?? "";
}

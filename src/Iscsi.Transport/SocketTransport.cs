using System.Net;
using System.Net.Sockets;
using System.Runtime.Versioning;

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
        if (UsesLoops(_options)) return await ConnectOnLoopAsync(endPoint, cancellationToken).ConfigureAwait(false);
        // Without a family the socket is dual-mode where IPv6 exists, which is what a name needs.
        var socket = endPoint is IPEndPoint ip
            ? new Socket(ip.AddressFamily, SocketType.Stream, ProtocolType.Tcp)
            : new Socket(SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.NoDelay = _options.NoDelay;
            await socket.ConnectAsync(endPoint, cancellationToken).ConfigureAwait(false);
            return new SocketConnection(socket);
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

    [SupportedOSPlatformGuard("linux")]
    internal static bool UsesLoops(SocketTransportOptions options) => EventLoops.IsSupported && !options.Portable;

    [SupportedOSPlatform("linux")]
    private async ValueTask<ITransportConnection> ConnectOnLoopAsync(EndPoint endPoint, CancellationToken cancellationToken)
    {
        var loops = _options.Loops ?? EventLoops.Shared;
        IOException? failure = null;
        foreach (var address in await ResolveAsync(endPoint, cancellationToken).ConfigureAwait(false))
        {
            try
            {
                var loop = loops.Assign();
                return await EpollConnector.ConnectAsync(address, loop, _options.NoDelay, cancellationToken).ConfigureAwait(false);
            }
            catch (IOException exception)
            {
                failure = exception;
            }
        }
        throw new IOException($"Can't connect to {Name(endPoint)}: {(failure?.Message ?? "the name has no address").TrimEnd('.')}.", failure);
    }

    private static async ValueTask<IReadOnlyList<IPEndPoint>> ResolveAsync(EndPoint endPoint, CancellationToken cancellationToken)
    {
        switch (endPoint)
        {
            case IPEndPoint ip:
                return [ip];
            case DnsEndPoint dns:
                try
                {
                    var addresses = await Dns.GetHostAddressesAsync(dns.Host, dns.AddressFamily, cancellationToken).ConfigureAwait(false);
                    return [.. addresses.Select(address => new IPEndPoint(address, dns.Port))];
                }
                catch (SocketException exception)
                {
                    throw new IOException($"Can't connect to {Name(endPoint)}: {exception.Message.TrimEnd('.')}.", exception);
                }
            default:
                throw new ArgumentException($"{endPoint.GetType().Name} is not an address of TCP.", nameof(endPoint));
        }
    }

    private static string Name(EndPoint endPoint) =>
        endPoint is DnsEndPoint dns ? $"{dns.Host}:{dns.Port}" : endPoint.ToString() ?? "";
}

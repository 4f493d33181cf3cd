using System.Net;
using System.Net.Sockets;
using System.Runtime.Versioning;

namespace Iscsi.Transport;

/// <summary>Accepts TCP connections on one address.</summary>
public sealed class SocketTransportListener : ITransportListener
{
    private readonly Socket _socket;
    private readonly SocketTransportOptions _options;
    private volatile bool _disposed;
    private EpollAcceptor? _acceptor;

    private SocketTransportListener(Socket socket, SocketTransportOptions options)
    {
        _socket = socket;
        _options = options;
        LocalEndPoint = socket.LocalEndPoint!;
    }

    /// <inheritdoc/>
    public EndPoint LocalEndPoint { get; }

    /// <summary>Binds and listens.</summary>
    /// <param name="endPoint">The address; <see cref="IPAddress.IPv6Any"/> takes IPv4 connections too; port 0 chooses a free one.</param>
    /// <param name="options">How sockets are set up; null for the defaults.</param>
    /// <exception cref="IOException">The address can't be listened on; the message says why.</exception>
    public static SocketTransportListener Bind(IPEndPoint endPoint, SocketTransportOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(endPoint);
        options ??= new SocketTransportOptions();
        var socket = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (endPoint.Address.Equals(IPAddress.IPv6Any)) socket.DualMode = true;
            socket.Bind(endPoint); // the framework sets SO_REUSEADDR on Unix, so that a restart does not meet TIME_WAIT
            socket.Listen(options.Backlog);
            return new SocketTransportListener(socket, options);
        }
        catch (SocketException exception)
        {
            socket.Dispose();
            throw new IOException($"Can't listen on {endPoint}: {exception.Message}.", exception);
        }
    }

    /// <inheritdoc/>
    /// <exception cref="IOException">The system refuses.</exception>
    public void Pin()
    {
        if (EventLoops.IsSupported && SocketTransport.UsesLoops(_options)) _acceptor ??= CreateAcceptor(isPinned: true);
    }

    /// <inheritdoc/>
    /// <exception cref="IOException">The system lacks what a connection takes.</exception>
    public ValueTask<ITransportConnection?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        if (!EventLoops.IsSupported || !SocketTransport.UsesLoops(_options)) return AcceptPortableAsync(cancellationToken);
        if (_disposed) return default;
        _acceptor ??= CreateAcceptor(isPinned: false);
        return _acceptor.AcceptAsync(cancellationToken);
    }

    /// <summary>Stops listening; a pending accept returns null. Accepted connections live on.</summary>
    public ValueTask DisposeAsync()
    {
        _disposed = true;
        if (EventLoops.IsSupported && _acceptor is not null) _acceptor.Close();
        else _socket.Dispose();
        return ValueTask.CompletedTask;
    }

    [SupportedOSPlatform("linux")]
    private EpollAcceptor CreateAcceptor(bool isPinned)
    {
        _socket.NoDelay = _options.NoDelay; // what is accepted inherits it
        return new EpollAcceptor(_socket, _options.Loops ?? EventLoops.Shared, isPinned);
    }

    private async ValueTask<ITransportConnection?> AcceptPortableAsync(CancellationToken cancellationToken)
    {
        while (!_disposed)
        {
            Socket? socket = null;
            try
            {
                socket = await _socket.AcceptAsync(cancellationToken).ConfigureAwait(false);
                socket.NoDelay = _options.NoDelay;
                return new SocketConnection(socket);
            }
            catch (ObjectDisposedException) when (_disposed)
            {
            }
            catch (SocketException exception) when (_disposed || IsPeersFault(exception.SocketErrorCode))
            {
                // The peer was gone before it was accepted, or the listener is: look again.
                socket?.Dispose();
            }
            catch (SocketException exception)
            {
                socket?.Dispose();
                throw new IOException($"Can't accept on {LocalEndPoint}: {exception.Message}.", exception);
            }
        }
        return null;
    }

    private static bool IsPeersFault(SocketError error) => error is
        SocketError.ConnectionAborted or SocketError.ConnectionReset or SocketError.NotConnected or SocketError.InvalidArgument or
        SocketError.WouldBlock or SocketError.HostUnreachable or SocketError.NetworkUnreachable or SocketError.HostDown or SocketError.NetworkDown;
}

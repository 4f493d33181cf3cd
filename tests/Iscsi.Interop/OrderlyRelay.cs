using System.Net;
using System.Net.Sockets;

namespace Iscsi.Interop;

/// <summary>
/// Stands between a client and a portal, for one connection at a time: the next one gets through when the target has ended the last one. Two TCP
/// connections have no order between them, so a client that closes one and asserts on the loss of its nexus through another needs this.
/// </summary>
internal sealed class OrderlyRelay : IAsyncDisposable
{
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _loop;

    /// <param name="url">Of a LUN behind a portal on 127.0.0.1.</param>
    public OrderlyRelay(string url)
    {
        var targetPort = new Uri(url).Port;
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen();
        Url = url.Replace($":{targetPort}/", $":{((IPEndPoint)_listener.LocalEndPoint!).Port}/", StringComparison.Ordinal);
        _loop = RunAsync(targetPort);
    }

    /// <summary>The same LUN through the relay.</summary>
    public string Url { get; }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _loop;
        _listener.Dispose();
        _stop.Dispose();
    }

    private async Task RunAsync(int targetPort)
    {
        try
        {
            while (true)
            {
                using var client = await _listener.AcceptAsync(_stop.Token);
                using var target = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
                client.NoDelay = true;
                await target.ConnectAsync(new IPEndPoint(IPAddress.Loopback, targetPort), _stop.Token);
                // The end of each side is told to the other one, and both have ended when both are through.
                await Task.WhenAll(CopyAsync(client, target), CopyAsync(target, client));
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or SocketException)
        {
            // Disposed, or the daemon is gone: the client is told by the end of its connection.
        }
    }

    private async Task CopyAsync(Socket from, Socket to)
    {
        var buffer = new byte[64 << 10];
        try
        {
            while (await from.ReceiveAsync(buffer, SocketFlags.None, _stop.Token) is > 0 and var count)
                for (var sent = 0; sent < count;) sent += await to.SendAsync(buffer.AsMemory(sent, count - sent), SocketFlags.None, _stop.Token);
            to.Shutdown(SocketShutdown.Send);
        }
        catch (SocketException)
        {
            // A reset by either is an end for the other.
            to.Close(timeout: 0);
        }
        catch (ObjectDisposedException)
        {
            // It was reset by the other direction.
        }
    }
}

using System.Net;
using System.Net.Sockets;
using System.Runtime.Versioning;

namespace Iscsi.Transport;

/// <summary>
/// Connects without the framework's socket engine, which would go on watching the socket beside our loop.
/// </summary>
[SupportedOSPlatform("linux")]
internal static class EpollConnector
{
    /// <summary>Connects to one address.</summary>
    /// <exception cref="IOException">It could not be reached; the message is the system's.</exception>
    public static async ValueTask<EpollConnection> ConnectAsync(
        IPEndPoint endPoint, EpollLoop loop, bool noDelay, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var handle = LinuxSocket.Connect(endPoint.Serialize(), out var isPending);
        try
        {
            if (isPending) await new Wait(loop, handle).CompleteAsync(cancellationToken).ConfigureAwait(false);
            LinuxSocket.SetNoDelay(handle, noDelay);
            return new EpollConnection(handle, endPoint, loop);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    // Until the socket is connected or has failed.
    private sealed class Wait(EpollLoop loop, SocketDescriptor handle) : EpollSource
    {
        private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public async Task CompleteAsync(CancellationToken cancellationToken)
        {
            var fd = (int)handle.DangerousGetHandle();
            loop.Add(fd, this, EpollCalls.Out | EpollCalls.EdgeTriggered);
            try
            {
                await _done.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
            }
            finally
            {
                loop.Remove(fd, this);
            }
            if (LinuxSocket.TakeError(handle) is { } error) throw error;
        }

        public override void OnEvents(uint events)
        {
            if ((events & (EpollCalls.Out | EpollCalls.Error | EpollCalls.HangUp)) != 0) _done.TrySetResult();
        }
    }
}

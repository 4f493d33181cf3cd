using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Iscsi.Transport;

/// <summary>
/// Connects without the framework's socket engine, which would go on watching the socket beside our loop.
/// </summary>
[SupportedOSPlatform("linux")]
internal static partial class EpollConnector
{
    private const int StreamType = 1;
    private const int CloseOnExec = 0x80000;
    private const int NonBlocking = 0x800;
    private const int SocketLevel = 1;
    private const int ErrorOption = 4;
    private const int Eintr = 4;
    private const int Einprogress = 115;

    /// <summary>Connects to one address.</summary>
    /// <exception cref="IOException">It could not be reached; the message is the system's.</exception>
    public static async ValueTask<Socket> ConnectAsync(IPEndPoint endPoint, EpollLoop loop, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var handle = Open(endPoint.Serialize(), out var isPending);
        try
        {
            if (isPending) await new Wait(loop, handle).CompleteAsync(cancellationToken).ConfigureAwait(false);
            return new Socket(handle);
        }
        catch (SocketException exception)
        {
            // It was connected, and the peer has gone again.
            handle.Dispose();
            throw new IOException(exception.Message, exception);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    private static unsafe SafeSocketHandle Open(SocketAddress address, out bool isPending)
    {
        // AF_INET or AF_INET6 as the system numbers them: the first two bytes of the address.
        var bytes = address.Buffer.Span;
        var fd = CreateSocket(MemoryMarshal.Read<ushort>(bytes), StreamType | CloseOnExec | NonBlocking, 0);
        if (fd < 0) throw Failed(Marshal.GetLastPInvokeError());
        var handle = new SafeSocketHandle(fd, ownsHandle: true);
        int result, error = 0;
        fixed (byte* pointer = bytes) result = Connect(handle, pointer, (uint)address.Size);
        if (result < 0) error = Marshal.GetLastPInvokeError();
        isPending = error is Einprogress or Eintr;
        if (error == 0 || isPending) return handle;
        handle.Dispose();
        throw Failed(error);
    }

    private static IOException Failed(int error) => new(Marshal.GetPInvokeErrorMessage(error));

    [LibraryImport("libc", EntryPoint = "socket", SetLastError = true)]
    private static partial int CreateSocket(int family, int type, int protocol);

    [LibraryImport("libc", EntryPoint = "connect", SetLastError = true)]
    private static unsafe partial int Connect(SafeSocketHandle socket, byte* address, uint length);

    [LibraryImport("libc", EntryPoint = "getsockopt", SetLastError = true)]
    private static unsafe partial int GetSocketOption(SafeSocketHandle socket, int level, int option, int* value, uint* length);

    // Until the socket is connected or has failed.
    private sealed class Wait(EpollLoop loop, SafeSocketHandle handle) : EpollSource
    {
        private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public async Task CompleteAsync(CancellationToken cancellationToken)
        {
            var fd = (int)handle.DangerousGetHandle();
            loop.Add(fd, this);
            try
            {
                await _done.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
            }
            finally
            {
                loop.Remove(fd, this);
            }
            if (ErrorOf() is not 0 and var error) throw Failed(error);
        }

        public override void OnEvents(uint events)
        {
            if ((events & (EpollCalls.Out | EpollCalls.Error | EpollCalls.HangUp)) != 0) _done.TrySetResult();
        }

        private unsafe int ErrorOf()
        {
            int value;
            uint length = sizeof(int);
            return GetSocketOption(handle, SocketLevel, ErrorOption, &value, &length) < 0 ? Marshal.GetLastPInvokeError() : value;
        }
    }
}

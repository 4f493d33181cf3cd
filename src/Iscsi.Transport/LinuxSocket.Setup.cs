using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Iscsi.Transport;

// What happens once a connection: the framework's Socket costs it three more system calls, and objects that an event loop has no use for.
internal static unsafe partial class LinuxSocket
{
    private const int StreamType = 1;
    private const int CloseOnExec = 0x80000;
    private const int NonBlocking = 0x800;
    private const int SocketLevel = 1;
    private const int TcpLevel = 6;
    private const int NoDelayOption = 1;
    private const int ErrorOption = 4;
    private const int LingerOption = 13;
    private const int ShutdownWrite = 1;
    private const ushort InternetFamily = 2;
    private const ushort InternetFamily6 = 10;

    // struct sockaddr_storage is larger; this is the largest address of TCP, sockaddr_in6:
    //
    //      0| sin6_family (16, host's order) | sin6_port (16)          4| sin6_flowinfo (32)
    //      8| sin6_addr (128)                                         24| sin6_scope_id (32, host's order)
    //
    // sockaddr_in:  0| sin_family | sin_port    4| sin_addr (32)    8| zeroes
    private const int MaxAddressBytes = 28;

    private const int Enfile = 23;
    private const int Emfile = 24;
    private const int Enobufs = 105;
    private const int Enomem = 12;
    private const int Einprogress = 115;

    /// <summary>
    /// Accepts a connection: non-blocking, not inherited by programs that are started. What was set on the listening socket, such as
    /// TCP_NODELAY, holds for it too (tcp(7)).
    /// </summary>
    /// <param name="listener">The listening socket, non-blocking.</param>
    /// <param name="remote">The peer.</param>
    /// <returns>Null: there is none, or it was gone before it was accepted.</returns>
    /// <exception cref="IOException">The system lacks what a connection takes.</exception>
    public static SocketDescriptor? Accept(SafeHandle listener, out IPEndPoint? remote)
    {
        var address = stackalloc byte[MaxAddressBytes];
        uint length = MaxAddressBytes;
        var fd = Accept4(listener, address, &length, CloseOnExec | NonBlocking);
        if (fd >= 0)
        {
            remote = EndPointOf(new ReadOnlySpan<byte>(address, (int)Math.Min(length, MaxAddressBytes)));
            return new SocketDescriptor(fd);
        }
        remote = null;
        // accept(2): anything else is an error of the connection that would have been accepted, and there may be others.
        return Marshal.GetLastPInvokeError() is Enfile or Emfile or Enobufs or Enomem ? throw Failed(Marshal.GetLastPInvokeError()) : null;
    }

    /// <summary>Begins to connect a new socket, which is non-blocking and not inherited by programs that are started.</summary>
    /// <param name="address">Where to.</param>
    /// <param name="isPending">Whether it takes longer: then the socket becomes writable when it has ended, and <see cref="TakeError"/> says how.</param>
    /// <exception cref="IOException">It failed; the message is the system's.</exception>
    public static SocketDescriptor Connect(SocketAddress address, out bool isPending)
    {
        // AF_INET or AF_INET6 as the system numbers them: the first two bytes of the address.
        var bytes = address.Buffer.Span;
        var fd = CreateSocket(MemoryMarshal.Read<ushort>(bytes), StreamType | CloseOnExec | NonBlocking, 0);
        if (fd < 0) throw Failed(Marshal.GetLastPInvokeError());
        var handle = new SocketDescriptor(fd);
        int result, error = 0;
        fixed (byte* pointer = bytes) result = Connect(handle, pointer, (uint)address.Size);
        if (result < 0) error = Marshal.GetLastPInvokeError();
        isPending = error is Einprogress or Eintr;
        if (error == 0 || isPending) return handle;
        handle.Dispose();
        throw Failed(error);
    }

    /// <summary>The error that the socket holds, as an exception; null when it holds none.</summary>
    public static IOException? TakeError(SocketDescriptor socket)
    {
        int error;
        uint length = sizeof(int);
        if (GetSocketOption(socket, SocketLevel, ErrorOption, &error, &length) < 0) error = Marshal.GetLastPInvokeError();
        return error == 0 ? null : Failed(error);
    }

    /// <summary>Sends small segments at once. A connection that has failed already is left as it is.</summary>
    public static void SetNoDelay(SocketDescriptor socket, bool isOn)
    {
        var value = isOn ? 1 : 0;
        _ = SetSocketOption(socket, TcpLevel, NoDelayOption, &value, sizeof(int));
    }

    /// <summary>Makes the close a reset, which drops what the peer has not taken yet.</summary>
    public static void ResetOnClose(SocketDescriptor socket)
    {
        var linger = stackalloc int[2] { 1, 0 }; // struct linger: on, seconds
        _ = SetSocketOption(socket, SocketLevel, LingerOption, linger, 2 * sizeof(int));
    }

    /// <summary>Tells the peer that nothing more will come.</summary>
    public static void ShutdownSend(SocketDescriptor socket) => _ = Shutdown(socket, ShutdownWrite);

    /// <summary>Its own address; null for a socket that has failed.</summary>
    public static IPEndPoint? LocalEndPoint(SocketDescriptor socket)
    {
        var address = stackalloc byte[MaxAddressBytes];
        uint length = MaxAddressBytes;
        return GetSocketName(socket, address, &length) < 0
            ? null
            : EndPointOf(new ReadOnlySpan<byte>(address, (int)Math.Min(length, MaxAddressBytes)));
    }

    private static IPEndPoint? EndPointOf(ReadOnlySpan<byte> address)
    {
        if (address.Length < 8) return null;
        var port = System.Buffers.Binary.BinaryPrimitives.ReadUInt16BigEndian(address[2..]);
        return MemoryMarshal.Read<ushort>(address) switch
        {
            InternetFamily => new IPEndPoint(new IPAddress(address.Slice(4, 4)), port),
            InternetFamily6 when address.Length == MaxAddressBytes =>
                new IPEndPoint(new IPAddress(address.Slice(8, 16), MemoryMarshal.Read<uint>(address[24..])), port),
            _ => null,
        };
    }

    private static IOException Failed(int error) => new(Marshal.GetPInvokeErrorMessage(error));

    [LibraryImport("libc", EntryPoint = "accept4", SetLastError = true)]
    private static partial int Accept4(SafeHandle listener, byte* address, uint* length, int flags);

    [LibraryImport("libc", EntryPoint = "socket", SetLastError = true)]
    private static partial int CreateSocket(int family, int type, int protocol);

    [LibraryImport("libc", EntryPoint = "connect", SetLastError = true)]
    private static partial int Connect(SocketDescriptor socket, byte* address, uint length);

    [LibraryImport("libc", EntryPoint = "getsockopt", SetLastError = true)]
    private static partial int GetSocketOption(SocketDescriptor socket, int level, int option, int* value, uint* length);

    [LibraryImport("libc", EntryPoint = "setsockopt", SetLastError = true)]
    private static partial int SetSocketOption(SocketDescriptor socket, int level, int option, int* value, uint length);

    [LibraryImport("libc", EntryPoint = "shutdown", SetLastError = true)]
    private static partial int Shutdown(SocketDescriptor socket, int how);

    [LibraryImport("libc", EntryPoint = "getsockname", SetLastError = true)]
    private static partial int GetSocketName(SocketDescriptor socket, byte* address, uint* length);
}

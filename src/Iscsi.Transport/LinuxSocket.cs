using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;

namespace Iscsi.Transport;

/// <summary>
/// Non-blocking gather-send and scatter-receive on Linux. The framework's own vectored calls allocate from 16 segments up (432 B, and
/// 1,584 B at 64); these allocate nothing, because every address is of pinned memory.
/// </summary>
[SupportedOSPlatform("linux")]
internal static unsafe partial class LinuxSocket
{
    // POSIX promises at least 16 and Linux takes 1024 (IOV_MAX); 256 keeps the stack frame at 4 KiB and still covers 1 MiB of 4 KiB blocks.
    private const int MaxVectors = 256;

    private const int MsgTruncate = 0x20;
    private const int MsgDontWait = 0x40;
    private const int MsgNoSignal = 0x4000;
    private const int MsgMore = 0x8000;

    private const nuint SendQueueBytes = 0x5411; // SIOCOUTQ, tcp(7); the same on x86-64 and arm64

    private const int Eintr = 4;
    private const int Eagain = 11;

    /// <summary>Receives what is there.</summary>
    /// <param name="socket">The socket.</param>
    /// <param name="runs">Where to; pinned.</param>
    /// <param name="offsetBytes">Where it begins in the first run.</param>
    /// <param name="isDrained">Nothing is left for now: fewer bytes came than there was room for.</param>
    /// <returns>Bytes, 0 at the end or after an error, <see cref="TransportConnection.WouldBlock"/>.</returns>
    [SkipLocalsInit]
    public static int Receive(SocketDescriptor socket, ReadOnlySpan<Memory<byte>> runs, int offsetBytes, out bool isDrained)
    {
        var vectors = stackalloc IoVector[Math.Min(runs.Length, MaxVectors)];
        var count = 0;
        nint room = 0;
        foreach (var run in runs)
        {
            if (count == MaxVectors) break;
            vectors[count] = Vector(run.Span[offsetBytes..]);
            room += (nint)vectors[count++].Length;
            offsetBytes = 0;
        }
        var message = new MessageHeader { Vectors = vectors, VectorCount = (nuint)count };
        for (; ; )
        {
            var received = count == 1
                ? Recv(socket, vectors[0].Base, vectors[0].Length, MsgDontWait)
                : RecvMsg(socket, &message, MsgDontWait);
            isDrained = received < room;
            if (received >= 0) return (int)received;
            switch (Marshal.GetLastPInvokeError())
            {
                case Eagain: return TransportConnection.WouldBlock;
                case Eintr: continue;
                default: return 0;
            }
        }
    }

    /// <summary>Sends what the socket takes.</summary>
    /// <returns>Bytes, or <see cref="TransportConnection.WouldBlock"/>.</returns>
    /// <exception cref="IOException">The connection failed.</exception>
    [SkipLocalsInit]
    public static int Send(SocketDescriptor socket, ReadOnlySpan<ReadOnlyMemory<byte>> segments, int offsetBytes, bool moreFollows)
    {
        var vectors = stackalloc IoVector[Math.Min(segments.Length, MaxVectors)];
        var count = 0;
        foreach (var segment in segments)
        {
            if (count == MaxVectors) break;
            vectors[count++] = Vector(segment.Span[offsetBytes..]);
            offsetBytes = 0;
        }
        var message = new MessageHeader { Vectors = vectors, VectorCount = (nuint)count };
        for (; ; )
        {
            var sent = SendMsg(socket, &message, moreFollows ? MsgDontWait | MsgNoSignal | MsgMore : MsgDontWait | MsgNoSignal);
            if (sent > 0) return (int)sent;
            switch (Marshal.GetLastPInvokeError())
            {
                case Eagain: return TransportConnection.WouldBlock;
                case Eintr: continue;
                case var error: throw new IOException($"The connection failed: {Marshal.GetPInvokeErrorMessage(error)}.");
            }
        }
    }

    /// <summary>Sends what the socket, which is non-blocking, takes of a part of a file. A peer that is gone raises SIGPIPE, which .NET ignores.</summary>
    /// <returns>Bytes, or <see cref="TransportConnection.WouldBlock"/>.</returns>
    /// <exception cref="IOException">The connection failed, or the file ends here.</exception>
    public static int SendFile(SocketDescriptor socket, in OutboundFile file)
    {
        var offset = file.OffsetBytes;
        for (; ; )
        {
            var sent = SendFile(socket, file.Handle, &offset, (nuint)file.LengthBytes);
            if (sent > 0) return (int)sent;
            if (sent == 0) throw new IOException($"The file ends at or before byte {offset}, inside what was to be sent.");
            switch (Marshal.GetLastPInvokeError())
            {
                case Eagain: return TransportConnection.WouldBlock;
                case Eintr: continue;
                case var error: throw new IOException($"A part of a file can't be sent: {Marshal.GetPInvokeErrorMessage(error)}.");
            }
        }
    }

    /// <summary>Bytes that were sent and the peer has not acknowledged; 0 for a connection that has ended.</summary>
    public static int UnacknowledgedBytes(SocketDescriptor socket)
    {
        int bytes;
        return IoControl(socket, SendQueueBytes, &bytes) == 0 ? bytes : 0;
    }

    /// <summary>Throws away what is there, at most so many bytes.</summary>
    public static void Discard(SocketDescriptor socket, int maxBytes) =>
        _ = Recv(socket, null, (nuint)maxBytes, MsgDontWait | MsgTruncate); // tcp(7): with MSG_TRUNC nothing is copied

    private static IoVector Vector(ReadOnlySpan<byte> pinned) =>
        new() { Base = (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(pinned)), Length = (nuint)pinned.Length };

    [LibraryImport("libc", EntryPoint = "recv", SetLastError = true)]
    private static partial nint Recv(SocketDescriptor socket, byte* buffer, nuint length, int flags);

    [LibraryImport("libc", EntryPoint = "recvmsg", SetLastError = true)]
    private static partial nint RecvMsg(SocketDescriptor socket, MessageHeader* message, int flags);

    [LibraryImport("libc", EntryPoint = "sendmsg", SetLastError = true)]
    private static partial nint SendMsg(SocketDescriptor socket, MessageHeader* message, int flags);

    [LibraryImport("libc", EntryPoint = "sendfile", SetLastError = true)]
    private static partial nint SendFile(SocketDescriptor socket, SafeFileHandle file, long* offset, nuint count);

    // Variadic in C; on the Linux ABIs of .NET a pointer is passed the same way.
    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static partial int IoControl(SocketDescriptor socket, nuint request, int* value);

    // struct iovec
    [StructLayout(LayoutKind.Sequential)]
    private struct IoVector
    {
        public byte* Base;
        public nuint Length;
    }

    // struct msghdr; the C compiler pads after NameLength as the runtime does.
    [StructLayout(LayoutKind.Sequential)]
    private struct MessageHeader
    {
        public void* Name;
        public uint NameLength;
        public IoVector* Vectors;
        public nuint VectorCount;
        public void* Control;
        public nuint ControlLength;
        public int Flags;
    }
}

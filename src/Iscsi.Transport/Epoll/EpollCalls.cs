using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Iscsi.Transport;

/// <summary>The system calls of an event loop.</summary>
[SupportedOSPlatform("linux")]
internal static unsafe partial class EpollCalls
{
    public const uint In = 0x001;
    public const uint Out = 0x004;
    public const uint Error = 0x008;
    public const uint HangUp = 0x010;
    public const uint ReadHangUp = 0x2000;
    public const uint EdgeTriggered = 1u << 31;

    // struct epoll_event is packed on x86-64 only.
    public static readonly int EventSize = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 12 : 16;

    private static readonly int DataOffset = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 4 : 8;

    private const int CloseOnExec = 0x80000;
    private const int NonBlocking = 0x800;
    private const int ControlAdd = 1;
    private const int ControlDelete = 2;
    private const int ControlModify = 3;
    private const int Eintr = 4;

    public static int Create() => Check(EpollCreate1(CloseOnExec), "epoll_create1");

    public static int CreateEventCounter() => Check(EventFd(0, CloseOnExec | NonBlocking), "eventfd");

    public static void Add(int epoll, int fd, uint events, ulong data) => Set(epoll, ControlAdd, fd, events, data);

    public static void Change(int epoll, int fd, uint events, ulong data) => Set(epoll, ControlModify, fd, events, data);

    /// <summary>Removes what may have been removed already.</summary>
    public static void Remove(int epoll, int fd)
    {
        var record = stackalloc byte[16];
        _ = EpollCtl(epoll, ControlDelete, fd, record);
    }

    /// <summary>Waits.</summary>
    /// <param name="epoll">The descriptor.</param>
    /// <param name="events">Room for <paramref name="maxEvents"/> records of <see cref="EventSize"/>.</param>
    /// <param name="maxEvents">Most records.</param>
    /// <param name="timeoutMilliseconds">0: looks only; -1: without end.</param>
    /// <returns>Records; 0 also when a signal came.</returns>
    public static int Wait(int epoll, byte* events, int maxEvents, int timeoutMilliseconds)
    {
        var count = EpollWait(epoll, events, maxEvents, timeoutMilliseconds);
        if (count >= 0) return count;
        return Marshal.GetLastPInvokeError() == Eintr ? 0 : Check(-1, "epoll_wait");
    }

    public static uint EventsOf(byte* record) => Unsafe.ReadUnaligned<uint>(record);

    public static ulong DataOf(byte* record) => Unsafe.ReadUnaligned<ulong>(record + DataOffset);

    /// <summary>Wakes who waits for the counter.</summary>
    public static void Signal(int eventCounter)
    {
        var one = 1ul;
        _ = Write(eventCounter, &one, sizeof(ulong));
    }

    public static void CloseDescriptor(int fd) => _ = Close(fd);

    private static void Set(int epoll, int operation, int fd, uint events, ulong data)
    {
        var record = stackalloc byte[16];
        Unsafe.WriteUnaligned(record, events);
        Unsafe.WriteUnaligned(record + DataOffset, data);
        Check(EpollCtl(epoll, operation, fd, record), "epoll_ctl");
    }

    private static int Check(int result, string call) =>
        result >= 0 ? result : throw new IOException($"{call} failed: {Marshal.GetLastPInvokeErrorMessage()}.");

    [LibraryImport("libc", EntryPoint = "epoll_create1", SetLastError = true)]
    private static partial int EpollCreate1(int flags);

    [LibraryImport("libc", EntryPoint = "epoll_ctl", SetLastError = true)]
    private static partial int EpollCtl(int epoll, int operation, int fd, byte* record);

    [LibraryImport("libc", EntryPoint = "epoll_wait", SetLastError = true)]
    private static partial int EpollWait(int epoll, byte* records, int maxRecords, int timeout);

    [LibraryImport("libc", EntryPoint = "eventfd", SetLastError = true)]
    private static partial int EventFd(uint initial, int flags);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static partial nint Write(int fd, void* buffer, nuint length);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int fd);
}

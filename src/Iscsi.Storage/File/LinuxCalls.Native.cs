using System.Runtime.InteropServices;

namespace Iscsi.Storage;

/// <content>The imports.</content>
internal unsafe partial class LinuxCalls
{
    // musl has had preadv2 and pwritev2 only since 1.2.5.
    private static readonly bool HasVersion2 =
        NativeLibrary.TryLoad("libc", typeof(LinuxCalls).Assembly, null, out var libc) && NativeLibrary.TryGetExport(libc, "pwritev2", out _);

    private static long Result(nint result) => result >= 0 ? result : -Marshal.GetLastPInvokeError();

    private static nint FutexNumber => RuntimeInformation.ProcessArchitecture switch
    {
        Architecture.X64 => 202,
        Architecture.Arm64 => 98,
        _ => 0,
    };

    private static partial class Native
    {
        private const string LibC = "libc";

        [LibraryImport(LibC, EntryPoint = "syscall")]
        internal static partial nint Futex(nint number, int* word, nint operation, nint value, nint timeout, nint word2, nint value3);

        [LibraryImport(LibC, EntryPoint = "pread", SetLastError = true)]
        internal static partial nint PRead(int fd, void* buffer, nuint length, long offset);

        [LibraryImport(LibC, EntryPoint = "pwrite", SetLastError = true)]
        internal static partial nint PWrite(int fd, void* buffer, nuint length, long offset);

        [LibraryImport(LibC, EntryPoint = "preadv2", SetLastError = true)]
        internal static partial nint PReadV2(int fd, IoVector* vectors, int count, long offset, int flags);

        [LibraryImport(LibC, EntryPoint = "pwritev2", SetLastError = true)]
        internal static partial nint PWriteV2(int fd, IoVector* vectors, int count, long offset, int flags);

        [LibraryImport(LibC, EntryPoint = "preadv", SetLastError = true)]
        internal static partial nint PReadV(int fd, IoVector* vectors, int count, long offset);

        [LibraryImport(LibC, EntryPoint = "pwritev", SetLastError = true)]
        internal static partial nint PWriteV(int fd, IoVector* vectors, int count, long offset);

        [LibraryImport(LibC, EntryPoint = "fdatasync", SetLastError = true)]
        internal static partial int FDataSync(int fd);

        [LibraryImport(LibC, EntryPoint = "fsync", SetLastError = true)]
        internal static partial int FSync(int fd);

        [LibraryImport(LibC, EntryPoint = "fallocate", SetLastError = true)]
        internal static partial int FAllocate(int fd, int mode, long offset, long length);

        [LibraryImport(LibC, EntryPoint = "lseek", SetLastError = true)]
        internal static partial nint LSeek(int fd, long offset, int whence);

        [LibraryImport(LibC, EntryPoint = "ftruncate", SetLastError = true)]
        internal static partial int FTruncate(int fd, long length);

        [LibraryImport(LibC, EntryPoint = "mmap", SetLastError = true)]
        internal static partial nint MMap(nint address, nuint length, int protection, int flags, int fd, long offset);

        [LibraryImport(LibC, EntryPoint = "munmap", SetLastError = true)]
        internal static partial int MUnmap(nint address, nuint length);

        [LibraryImport(LibC, EntryPoint = "mprotect", SetLastError = true)]
        internal static partial int MProtect(nint address, nuint length, int protection);

        [LibraryImport(LibC, EntryPoint = "mincore", SetLastError = true)]
        internal static partial int MInCore(nint address, nuint length, byte* pages);

        [LibraryImport(LibC, EntryPoint = "madvise", SetLastError = true)]
        internal static partial int MAdvise(nint address, nuint length, int advice);

        [LibraryImport(LibC, EntryPoint = "futimens", SetLastError = true)]
        internal static partial int FUTimeNs(int fd, nint times);

        // Variadic in C; on the Linux ABIs of .NET an integer or pointer is passed the same way.
        [LibraryImport(LibC, EntryPoint = "fcntl", SetLastError = true)]
        internal static partial int FCntl(int fd, int command, nint argument);

        [LibraryImport(LibC, EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
        internal static partial int StatX(int directoryFd, string path, int flags, uint mask, FileStatus* status);

        [LibraryImport(LibC, EntryPoint = "fstatfs", SetLastError = true)]
        internal static partial int FStatFs(int fd, FileSystemStatus* status);

        [LibraryImport(LibC, EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
        internal static partial int Open(string path, int flags);

        [LibraryImport(LibC, EntryPoint = "close", SetLastError = true)]
        internal static partial int Close(int fd);
    }
}

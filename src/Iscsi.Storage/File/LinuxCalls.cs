namespace Iscsi.Storage;

/// <summary>
/// The system calls of the file device on 64-bit Linux. Each returns its result, or the negative errno. Virtual, so that tests
/// can count them and let them fail.
/// </summary>
internal unsafe partial class LinuxCalls
{
    public const int MostInCoreBytes = 256 * 1024;

    public static LinuxCalls Instance { get; } = new();

    /// <summary>preadv2(2); with <see cref="Linux.RwfNoWait"/> -EAGAIN stands for "this would block".</summary>
    public virtual long Read(int fd, IoVector* vectors, int count, long offsetBytes, int flags)
    {
        // Without the vector's copy into the kernel a cached 4 KiB read costs some 50 ns less.
        if (count == 1 && flags == 0) return Result(Native.PRead(fd, vectors->Base, (nuint)vectors->Length, offsetBytes));
        if (HasVersion2) return Result(Native.PReadV2(fd, vectors, count, offsetBytes, flags));
        return flags != 0 ? -Linux.EOpNotSupp : Result(Native.PReadV(fd, vectors, count, offsetBytes));
    }

    /// <summary>pwritev2(2).</summary>
    public virtual long Write(int fd, IoVector* vectors, int count, long offsetBytes, int flags)
    {
        if (count == 1 && flags == 0) return Result(Native.PWrite(fd, vectors->Base, (nuint)vectors->Length, offsetBytes));
        if (HasVersion2) return Result(Native.PWriteV2(fd, vectors, count, offsetBytes, flags));
        return flags != 0 ? -Linux.EOpNotSupp : Result(Native.PWriteV(fd, vectors, count, offsetBytes));
    }

    /// <summary>fdatasync(2): data, and the metadata that are needed to find them.</summary>
    public virtual long SyncData(int fd) => Result(Native.FDataSync(fd));

    /// <summary>fallocate(2).</summary>
    public virtual long Allocate(int fd, int mode, long offsetBytes, long lengthBytes) => Result(Native.FAllocate(fd, mode, offsetBytes, lengthBytes));

    /// <summary>lseek(2).</summary>
    public virtual long Seek(int fd, long offsetBytes, int whence) => Result(Native.LSeek(fd, offsetBytes, whence));

    /// <summary>ftruncate(2).</summary>
    public virtual long SetLength(int fd, long lengthBytes) => Result(Native.FTruncate(fd, lengthBytes));

    /// <summary>fcntl(2) with a lock.</summary>
    public virtual long Lock(int fd, int command, ref FileLock fileLock)
    {
        fixed (FileLock* pointer = &fileLock) return Result(Native.FCntl(fd, command, (nint)pointer));
    }

    /// <summary>fcntl(F_SETFL): adds O_DIRECT.</summary>
    public virtual long SetDirect(int fd)
    {
        var flags = Result(Native.FCntl(fd, Linux.FGetFl, 0));
        return flags < 0 ? flags : Result(Native.FCntl(fd, Linux.FSetFl, (nint)flags | Linux.ODirect));
    }

    /// <summary>statx(2) of an open file.</summary>
    public virtual long Stat(int fd, out FileStatus status)
    {
        fixed (FileStatus* pointer = &status)
            return Result(Native.StatX(fd, "", Linux.AtEmptyPath, Linux.StatXBasic | Linux.StatXDirectAlignment, pointer));
    }

    /// <summary>statx(2) of a path; follows links.</summary>
    public virtual long Stat(string path, out FileStatus status)
    {
        fixed (FileStatus* pointer = &status) return Result(Native.StatX(Linux.AtFdCwd, path, 0, Linux.StatXBasic, pointer));
    }

    /// <summary>fstatfs(2).</summary>
    public virtual long FileSystem(int fd, out FileSystemStatus status)
    {
        fixed (FileSystemStatus* pointer = &status) return Result(Native.FStatFs(fd, pointer));
    }

    /// <summary>mmap(2) of a file from its first byte on, shared, to be read and written.</summary>
    /// <returns>The address.</returns>
    public virtual long Map(int fd, long lengthBytes) =>
        Result(Native.MMap(0, (nuint)lengthBytes, Linux.ProtRead | Linux.ProtWrite, Linux.MapShared, fd, 0));

    /// <summary>mmap(2) of a file from its first byte on, of which nothing can be touched: only to be asked about.</summary>
    /// <returns>The address.</returns>
    public virtual long MapUntouchable(int fd, long lengthBytes) => Result(Native.MMap(0, (nuint)lengthBytes, Linux.ProtNone, Linux.MapPrivate, fd, 0));

    /// <summary>munmap(2).</summary>
    public virtual long Unmap(nint address, long lengthBytes) => Result(Native.MUnmap(address, (nuint)lengthBytes));

    /// <summary>
    /// mincore(2): whether all pages of a part of a mapping, at most <see cref="MostInCoreBytes"/> from a page's first byte on, are in memory.
    /// </summary>
    public virtual bool IsInCore(nint address, long lengthBytes)
    {
        var pages = stackalloc byte[MostInCoreBytes / 4096];
        var count = (int)((lengthBytes + Environment.SystemPageSize - 1) / Environment.SystemPageSize);
        if (Result(Native.MInCore(address, (nuint)lengthBytes, pages)) != 0) return false;
        for (var i = 0; i < count; i++)
            if ((pages[i] & 1) == 0) return false;
        return true;
    }

    /// <summary>mmap(2) of memory of nobody's file, in place of what is there.</summary>
    public virtual long MapEmpty(nint address, long lengthBytes) => Result(Native.MMap(address, (nuint)lengthBytes,
        Linux.ProtRead | Linux.ProtWrite, Linux.MapPrivate | Linux.MapAnonymous | Linux.MapFixed, -1, 0));

    /// <summary>Machine code in memory of its own, for the rest of the process.</summary>
    /// <returns>Its address; 0 where the system refuses.</returns>
    public static nint LoadCode(ReadOnlySpan<byte> code)
    {
        var length = (nuint)code.Length;
        var address = Native.MMap(0, length, Linux.ProtRead | Linux.ProtWrite, Linux.MapPrivate | Linux.MapAnonymous, -1, 0);
        if (address <= 0) return 0;
        code.CopyTo(new Span<byte>((void*)address, code.Length));
        if (Native.MProtect(address, length, Linux.ProtRead | Linux.ProtExecute) == 0) return address;
        _ = Native.MUnmap(address, length);
        return 0;
    }

    /// <summary>Whether futex(2) can be called, which the C library has no function for.</summary>
    public static bool HasFutex { get; } = OperatingSystem.IsLinux() && FutexNumber != 0;

    /// <summary>futex(2): waits while a word has a value; or returns at any time.</summary>
    public static void FutexWait(int* word, int value) => _ = Native.Futex(FutexNumber, word, Linux.FutexWaitPrivate, value, 0, 0, 0);

    /// <summary>futex(2): wakes one who waits at a word.</summary>
    public static void FutexWake(int* word) => _ = Native.Futex(FutexNumber, word, Linux.FutexWakePrivate, 1, 0, 0, 0);

    /// <summary>madvise(2): what is in memory can be touched without a fault afterwards. A hint; Linux 5.14 and later.</summary>
    public virtual void Populate(nint address, long lengthBytes) => _ = Native.MAdvise(address, (nuint)lengthBytes, Linux.MAdvPopulateRead);

    /// <summary>futimens(2): the file was changed now.</summary>
    public virtual long SetTimes(int fd) => Result(Native.FUTimeNs(fd, 0));

    /// <summary>Makes the name of a new file durable.</summary>
    public virtual long SyncDirectory(string path)
    {
        var fd = (int)Result(Native.Open(path, Linux.OCloExec));
        if (fd < 0) return fd;
        var result = Result(Native.FSync(fd));
        _ = Native.Close(fd);
        return result;
    }
}

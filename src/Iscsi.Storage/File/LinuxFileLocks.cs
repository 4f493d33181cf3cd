namespace Iscsi.Storage;

/// <summary>
/// Locks of the open file description (fcntl), on top of the flock that .NET takes: they are what QEMU looks at, and they also
/// work on NFS.
/// </summary>
/// <remarks>
/// A writer locks the whole file exclusively. A reader takes the shared locks of QEMU's protocol (block/file-posix.c): byte 100 +
/// p says "I use permission p", byte 200 + p says "nobody else may use permission p"; p is 0 for reading, 1 for writing, 3 for
/// resizing. So several readers, QEMU among them, get along with each other and with no writer.
/// </remarks>
internal static class LinuxFileLocks
{
    private const int UsesRead = 100;
    private const int UsesWrite = 101;
    private const int UsesResize = 103;
    private const int ForbidsRead = 200;
    private const int ForbidsWrite = 201;
    private const int ForbidsResize = 203;

    public static void Take(LinuxCalls calls, int fd, string path, bool isReadOnly)
    {
        if (!isReadOnly)
        {
            Set(calls, fd, path, Linux.FWrLck, 0, 0);
            return;
        }
        foreach (var start in (ReadOnlySpan<int>)[UsesRead, ForbidsWrite, ForbidsResize]) Set(calls, fd, path, Linux.FRdLck, start, 1);
        foreach (var start in (ReadOnlySpan<int>)[UsesWrite, UsesResize, ForbidsRead])
        {
            var probe = new FileLock { Type = Linux.FWrLck, Start = start, Length = 1 };
            if (calls.Lock(fd, Linux.FOfdGetLk, ref probe) >= 0 && probe.Type != Linux.FUnLck) throw FileErrors.InUse(path, isReadOnly);
        }
    }

    /// <summary>Gives the locks back before the descriptor is closed.</summary>
    /// <remarks>
    /// A process that is started at this moment holds a copy of every descriptor until its exec, and with it the locks: closing alone would
    /// leave the file in use for that long.
    /// </remarks>
    public static void Release(LinuxCalls calls, int fd)
    {
        var request = new FileLock { Type = Linux.FUnLck };
        _ = calls.Lock(fd, Linux.FOfdSetLk, ref request);
    }

    private static void Set(LinuxCalls calls, int fd, string path, short type, long start, long length)
    {
        var request = new FileLock { Type = type, Start = start, Length = length };
        var result = calls.Lock(fd, Linux.FOfdSetLk, ref request);
        if (result is -Linux.EAgain or -Linux.EAcces) throw FileErrors.InUse(path, type == Linux.FRdLck);
        // Any other answer means that the file system has no such locks; the flock of the handle is then the only one.
    }
}

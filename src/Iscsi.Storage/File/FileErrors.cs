using System.Runtime.InteropServices;

namespace Iscsi.Storage;

/// <summary>What went wrong with a file, in words that say what to do.</summary>
internal static class FileErrors
{
    // HResults of Windows; elsewhere the runtime puts the errno there.
    private const int SharingViolation = unchecked((int)0x80070020);
    private const int LockViolation = unchecked((int)0x80070021);
    private const int DiskFull = unchecked((int)0x80070070);

    public static BlockDeviceException NotFound(string path, Exception? e = null)
    {
        var directory = Path.GetDirectoryName(path);
        return new(BlockDeviceError.NotFound, directory is null || Directory.Exists(directory)
            ? $"{path}: there is no such file. Give a size to create it (size=1GiB, or CreateWithLength), or correct the path."
            : $"{path}: its directory {directory} does not exist. Create the directory, or correct the path.", e);
    }

    public static BlockDeviceException NotADisk(string path, int type) => new(BlockDeviceError.NotADisk, type == Linux.TypeDirectory
        ? $"{path} is a directory. Give the path of a file in it, with a size to create it: {Path.Join(path, "disk.img")},size=1GiB."
        : $"{path} is neither a file nor a block device. Give the path of a file.");

    public static BlockDeviceException InUse(string path, bool isReadOnly, Exception? e = null) => new(BlockDeviceError.InUse,
        $"{path} is in use: another process or another disk of this one has it open{(isReadOnly ? " for writing" : "")}. " +
        "Close that first; several can open it only if all do so read-only.", e);

    public static BlockDeviceException AccessDenied(string path, bool isReadOnly, Exception? e = null) => new(BlockDeviceError.AccessDenied, isReadOnly
        ? $"{path}: no permission to read it. Change its owner or mode, or run as a user who may."
        : $"{path}: no permission to read and write it. Change its owner or mode, run as a user who may, or open it read-only.", e);

    public static BlockDeviceException InvalidSize(string path, long lengthBytes, int blockSize)
    {
        if (lengthBytes == 0)
        {
            return new(BlockDeviceError.InvalidSize,
                $"{path} is empty, and a disk of no bytes can't be served. Give a size (size=1GiB, or CreateWithLength).");
        }
        var hint = blockSize > 512 && lengthBytes % 512 == 0 ? "Use block-size=512, or change its length" : "Change its length";
        return new(BlockDeviceError.InvalidSize,
            $"{path}: its length of {lengthBytes} bytes is no multiple of the block size of {blockSize} bytes. " +
            $"{hint}: truncate -s {(lengthBytes / blockSize + 1) * blockSize} makes it longer.");
    }

    /// <summary>What opening a file threw.</summary>
    public static BlockDeviceException FromOpen(string path, bool isReadOnly, Exception e) => e switch
    {
        FileNotFoundException or DirectoryNotFoundException => NotFound(path, e),
        UnauthorizedAccessException when Directory.Exists(path) => NotADisk(path, Linux.TypeDirectory),
        UnauthorizedAccessException => AccessDenied(path, isReadOnly, e),
        IOException { HResult: SharingViolation or LockViolation or Linux.EAgain or Linux.ETxtBsy } => InUse(path, isReadOnly, e),
        IOException { HResult: Linux.ERofs } => new(BlockDeviceError.ReadOnly,
            $"{path} is on a read-only file system. Open it read-only, or mount the file system for writing.", e),
        IOException { HResult: Linux.ENoSpc or Linux.EDQuot or DiskFull } => new(BlockDeviceError.NoSpace,
            $"{path}: the file system is full. Make room there, or use another one.", e),
        _ => new(BlockDeviceError.Failed, $"{path} can't be opened: {e.Message}", e),
    };

    /// <summary>What a call threw on the portable path.</summary>
    public static BlockDeviceException FromIo(string path, string whatItCant, Exception e, BlockDeviceError ioError)
    {
        var error = e is IOException { HResult: Linux.ENoSpc or Linux.EDQuot or DiskFull } ? BlockDeviceError.NoSpace : ioError;
        return new(error, $"{path} can't {whatItCant}: {e.Message}", e);
    }

    /// <summary>What a system call answered.</summary>
    /// <param name="path">The file.</param>
    /// <param name="whatItCant">Completes "the file can't".</param>
    /// <param name="result">The negative errno.</param>
    /// <param name="ioError">What EIO means for this call.</param>
    public static BlockDeviceException FromErrno(string path, string whatItCant, long result, BlockDeviceError ioError)
    {
        var (error, advice) = -result switch
        {
            Linux.ENoSpc or Linux.EDQuot or Linux.EFBig => (BlockDeviceError.NoSpace, " Make room on its file system."),
            Linux.ERofs => (BlockDeviceError.ReadOnly, " Its file system has become read-only: look into the kernel's log."),
            Linux.ETimedOut => (BlockDeviceError.Timeout, ""),
            Linux.EOpNotSupp or Linux.ENoSys => (BlockDeviceError.NotSupported, ""),
            Linux.ENoDev or Linux.ENxIo or Linux.EStale => (BlockDeviceError.Unavailable, " The storage below is gone."),
            Linux.EIO => (ioError, " Look into the kernel's log for the device below."),
            _ => (ioError, ""),
        };
        return new(error, $"{path} can't {whatItCant}: {Name(result)}.{advice}");
    }

    public static string Name(long result) => Marshal.GetPInvokeErrorMessage((int)-result);
}

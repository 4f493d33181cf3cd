using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Iscsi.Target.State;

/// <summary>A file that is replaced by renaming <c>path.new</c> over it.</summary>
/// <param name="path">The file; its directory must exist when something is written.</param>
internal sealed partial class ReplaceableFile(string path) : IReplaceableFile
{
    private const int OpenDirectory = 0x10000; // O_RDONLY | O_DIRECTORY
    private const int OpenDirectoryArm = 0x4000; // the same bit on arm and arm64

    private readonly string _temporary = path + ".new";

    /// <inheritdoc/>
    public string Path { get; } = System.IO.Path.GetFullPath(path);

    /// <inheritdoc/>
    public byte[]? Read()
    {
        try
        {
            return File.ReadAllBytes(Path);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    /// <inheritdoc/>
    public void WriteTemporary(ReadOnlySpan<byte> content)
    {
        using var file = File.OpenHandle(_temporary, FileMode.Create, FileAccess.Write, FileShare.None);
        RandomAccess.Write(file, content, 0);
    }

    /// <inheritdoc/>
    public void FlushTemporary()
    {
        using var file = File.OpenHandle(_temporary, FileMode.Open, FileAccess.Write, FileShare.None);
        RandomAccess.FlushToDisk(file);
    }

    /// <inheritdoc/>
    public void Replace() => File.Move(_temporary, Path, overwrite: true);

    /// <inheritdoc/>
    public void FlushDirectory()
    {
        // Where there is no handle to a directory, the rename itself is as durable as it gets.
        if (!OperatingSystem.IsLinux()) return;
        var isArm = RuntimeInformation.ProcessArchitecture is Architecture.Arm or Architecture.Arm64;
        var directory = Open(System.IO.Path.GetDirectoryName(Path)!, isArm ? OpenDirectoryArm : OpenDirectory);
        if (directory < 0) throw Failed();
        try
        {
            if (Sync(directory) != 0) throw Failed();
        }
        finally
        {
            _ = Close(directory);
        }
    }

    private IOException Failed()
    {
        var error = Marshal.GetLastPInvokeError();
        return new IOException($"The directory of {Path} could not be made durable: {new Win32Exception(error).Message}.");
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Sync(int descriptor);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int descriptor);
}

using System.Runtime.InteropServices;

namespace Iscsi.Storage.Tests;

/// <summary>System calls that .NET has no method for, or only one that takes a lock.</summary>
internal static partial class Unix
{
    [LibraryImport("libc", EntryPoint = "setfsuid")]
    public static partial int SetFileSystemUser(uint id);

    [LibraryImport("libc", EntryPoint = "chmod", StringMarshalling = StringMarshalling.Utf8)]
    public static partial int ChangeMode(string path, uint mode);

    [LibraryImport("libc", EntryPoint = "link", StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Link(string existing, string created);

    [LibraryImport("libc", EntryPoint = "truncate", StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Truncate(string path, long length);

    [LibraryImport("libc", EntryPoint = "mkfifo", StringMarshalling = StringMarshalling.Utf8)]
    public static partial int MakePipe(string path, uint mode);

    [LibraryImport("libc", EntryPoint = "flock")]
    public static partial int Flock(SafeHandle handle, int operation);

    [LibraryImport("libc", EntryPoint = "dup")]
    private static partial int Duplicate(int descriptor);

    /// <summary>A copy of the descriptor under which this process has the file open: what a child process has until its exec.</summary>
    public static Microsoft.Win32.SafeHandles.SafeFileHandle DuplicateDescriptorOf(string path)
    {
        var entry = Directory.EnumerateFileSystemEntries("/proc/self/fd").Single(entry => IsOf(path, entry));
        return new(Duplicate(int.Parse(Path.GetFileName(entry), System.Globalization.CultureInfo.InvariantCulture)), ownsHandle: true);
    }

    private static bool IsOf(string path, string entry)
    {
        try
        {
            return File.ResolveLinkTarget(entry, returnFinalTarget: false)?.FullName == path;
        }
        catch (IOException)
        {
            return false; // closed meanwhile by a test beside this one
        }
    }
}

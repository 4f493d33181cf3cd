using Microsoft.Win32.SafeHandles;

namespace Iscsi.Storage;

/// <content>Opening.</content>
public sealed partial class FileBlockDevice
{
    /// <summary>Opens a file, or creates it, and locks it.</summary>
    /// <param name="path">Path of a file, or of a block device of the host.</param>
    /// <param name="options">How; null: an existing file, blocks of 512 bytes, writable.</param>
    /// <param name="cancellationToken">Given up before the file is touched.</param>
    /// <returns>The device; disposing it releases the file and the lock.</returns>
    /// <exception cref="ArgumentException">An option is not possible.</exception>
    /// <exception cref="BlockDeviceException">The file can't be opened as a disk. The message says which file, why, and what to
    /// do.</exception>
    public static Task<FileBlockDevice> OpenAsync(string path, FileBlockDeviceOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        options ??= new FileBlockDeviceOptions();
        options.Check();
        return Task.Run(() => Open(System.IO.Path.GetFullPath(path), options), cancellationToken);
    }

    /// <summary>As <see cref="OpenAsync"/>, on this thread.</summary>
    internal static FileBlockDevice Open(string path, FileBlockDeviceOptions options)
    {
        var usesLinux = OperatingSystem.IsLinux() && Environment.Is64BitProcess && !options.UsePortablePath;
        CheckKind(path, options, usesLinux);
        var handle = OpenHandle(path, options, out var isNew);
        try
        {
            FileBackend backend = usesLinux ? new LinuxFileBackend(path, handle, options) : new PortableFileBackend(path, handle, options);
            var lengthBytes = backend.GetLength();
            if (lengthBytes == 0 && options.CreateWithLength is { } createWithLength)
            {
                backend.SetLength(lengthBytes = createWithLength);
                if (isNew) (backend as LinuxFileBackend)?.SyncDirectory();
            }
            if (lengthBytes == 0 || lengthBytes % options.BlockSize != 0) throw FileErrors.InvalidSize(path, lengthBytes, options.BlockSize);
            if (options.FullyProvisioned) backend.ReserveSpace(lengthBytes);
            (backend as LinuxFileBackend)?.ProbeDirect();
            (backend as LinuxFileBackend)?.TryMap();
            return new FileBlockDevice(backend, options, lengthBytes);
        }
        catch
        {
            // While it is still locked, so that nobody else's file is removed.
            if (isNew) File.Delete(path);
            if (usesLinux) LinuxFileLocks.Release(options.Calls, (int)handle.DangerousGetHandle());
            handle.Dispose();
            throw;
        }
    }

    /// <summary>Looks before it opens: to open a pipe would wait for its other end.</summary>
    private static void CheckKind(string path, FileBlockDeviceOptions options, bool usesLinux)
    {
        if (Directory.Exists(path)) throw FileErrors.NotADisk(path, Linux.TypeDirectory);
        if (usesLinux && options.Calls.Stat(path, out var status) == 0 && status.Type is not (Linux.TypeRegular or Linux.TypeBlockDevice))
            throw FileErrors.NotADisk(path, status.Type);
    }

    private static SafeFileHandle OpenHandle(string path, FileBlockDeviceOptions options, out bool isNew)
    {
        isNew = false;
        while (true)
        {
            try
            {
                return options.IsReadOnly
                    ? File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read)
                    : File.OpenHandle(path, isNew ? FileMode.CreateNew : FileMode.Open, FileAccess.ReadWrite, FileShare.None);
            }
            catch (FileNotFoundException) when (options.CreateWithLength is not null && !isNew)
            {
                isNew = true;
            }
            catch (IOException) when (isNew && File.Exists(path))
            {
                isNew = false; // someone was faster
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
            {
                throw FileErrors.FromOpen(path, options.IsReadOnly, e);
            }
        }
    }
}

using Microsoft.Win32.SafeHandles;
using Reservations;

namespace Iscsi.Storage;

/// <summary>A file on 64-bit Linux: vectored calls, hole punching, extents, direct I/O.</summary>
internal sealed partial class LinuxFileBackend : FileBackend
{
    private readonly LinuxCalls _calls;
    private readonly int _fd;
    private readonly FileStatus _status;
    private readonly FileSystemStatus _fileSystem;
    private readonly FileBlockDeviceOptions _options;
    private readonly int _directAlignment; // 0: through the page cache
    private readonly bool _canPunch;
    private volatile bool _noNoWait;
    private volatile bool _noDSync;
    private volatile bool _noZeroRange;

    public LinuxFileBackend(string path, SafeFileHandle handle, FileBlockDeviceOptions options)
        : base(path, handle, options.BlockSize, options.Clock)
    {
        _options = options;
        _calls = options.Calls;
        _fd = (int)handle.DangerousGetHandle(); // the device counts its calls and closes the handle after the last
        Check("be looked at", _calls.Stat(_fd, out _status), BlockDeviceError.Failed);
        if (_status.Type is not (Linux.TypeRegular or Linux.TypeBlockDevice)) throw FileErrors.NotADisk(path, _status.Type);
        LinuxFileLocks.Take(_calls, _fd, path, options.IsReadOnly);
        if (_calls.FileSystem(_fd, out _fileSystem) < 0) _fileSystem = default;
        _noNoWait = options.Direct;
        if (options.Direct) _directAlignment = EnableDirect();
        _canPunch = !options.IsReadOnly && !options.FullyProvisioned && ProbePunchHole();
    }

    public override void Dispose()
    {
        if (_isTimeDue != 0) _ = _calls.SetTimes(_fd);
        _mapping?.Dispose();
        foreach (var pages in _allCachedPages) pages.Dispose();
        LinuxFileLocks.Release(_calls, _fd);
        base.Dispose();
    }

    public override bool CachesWrites => LocksWrites || (!IsRegular && _directAlignment == 0);

    // They take the inode's lock for all of a write. Elsewhere (ZFS, a block device) writes to different parts run side by side.
    public override bool LocksWrites => IsOnExtXfsOrBtrfs && _directAlignment == 0;

    // A write to a part of a page may have to read the rest first. Where no lock keeps the others waiting anyway, it is not to do so.
    public override bool IsCachedWrite(long offsetBytes, long lengthBytes) =>
        LocksWrites || (CachesWrites && ((offsetBytes | lengthBytes) & (Environment.SystemPageSize - 1)) == 0);

    // The node of a block device is on tmpfs too, in /dev.
    public override bool NeverBlocks => IsRegular && _fileSystem.Magic == Linux.TmpFsMagic && _directAlignment == 0;

    // Alone, a durable write in one call has one thread to wait for instead of two. Beside other syncs it would take a store thread for the
    // length of its own; but a flush is of the whole file, and much that is not synced yet would have to wait for all of that.
    public override bool PrefersFlush => _noDSync || (Fence.IsBusy && HasFewBytesToSync());

    private bool IsRegular => _status.Type == Linux.TypeRegular;

    // A file system may show space that is reserved and not written as a hole.
    private bool HasHoles => IsRegular && !_options.FullyProvisioned;

    public override long GetLength()
    {
        if (!IsRegular) return Check("be measured", _calls.Seek(_fd, 0, Linux.SeekEnd), BlockDeviceError.Failed);
        Check("be measured", _calls.Stat(_fd, out var status), BlockDeviceError.Failed);
        return status.Size;
    }

    public override void SetLength(long lengthBytes)
    {
        if (!IsRegular) throw new BlockDeviceException(BlockDeviceError.NotSupported, $"{Path} is a block device: its size can't be changed here.");
        CheckLatch();
        // First, so that a file that can't have the space keeps its length.
        if (_options.FullyProvisioned) ReserveSpace(lengthBytes);
        if (_mapping is not null && lengthBytes < _mapping.LengthBytes) _mapping.SetLength(lengthBytes);
        _mapping?.Forget(0, long.MaxValue);
        Check($"be set to {lengthBytes} bytes", _calls.SetLength(_fd, lengthBytes), BlockDeviceError.WriteFailed);
        _mapping?.Forget(0, long.MaxValue);
        Sync();
    }

    public override void ReserveSpace(long lengthBytes)
    {
        if (!IsRegular) return; // a device of the host keeps its own space
        var result = Allocate(mode: 0, 0, lengthBytes);
        if (result is -Linux.EOpNotSupp or -Linux.ENoSys)
        {
            throw new BlockDeviceException(BlockDeviceError.NotSupported,
                $"{Path}: its file system can't reserve space. Leave thick (FullyProvisioned) out, or use another file system.");
        }
        if (result < 0) throw Failed($"be given {lengthBytes} bytes of space", result, 0, BlockDeviceError.WriteFailed);
        Sync();
    }

    /// <summary>Makes the name of a file that was just created durable.</summary>
    /// <remarks>Not every file system can; then the file's own sync is all there is.</remarks>
    public void SyncDirectory() => _ = _calls.SyncDirectory(System.IO.Path.GetDirectoryName(Path) ?? "/");

    public override BlockDeviceSpace GetSpace()
    {
        if (!IsRegular) return default;
        Check("be measured", _calls.FileSystem(_fd, out var fileSystem), BlockDeviceError.Failed);
        Check("be measured", _calls.Stat(_fd, out var file), BlockDeviceError.Failed);
        var unitBytes = fileSystem.FragmentSize > 0 ? fileSystem.FragmentSize : fileSystem.BlockSize;
        // A file system that counts nothing (an overlay's, some network ones) calls itself of zero blocks.
        return new BlockDeviceSpace(fileSystem.Blocks == 0 ? null : fileSystem.AvailableBlocks * unitBytes, file.Sectors * 512);
    }

    public override BlockDeviceInfo Describe(long lengthBytes) => new()
    {
        BlockSize = BlockSize,
        BlockCount = lengthBytes / BlockSize,
        IsReadOnly = _options.IsReadOnly,
        HasVolatileWriteCache = !_options.WriteThrough && !_options.IsReadOnly,
        Unmap = _canPunch ? DeviceSupport.Native : DeviceSupport.None,
        WriteZeroes = _options.IsReadOnly ? DeviceSupport.None : HasZeroRange ? DeviceSupport.Native : DeviceSupport.Emulated,
        UnmappedReadsZero = _canPunch,
        Extents = HasHoles ? DeviceSupport.Native : DeviceSupport.Emulated,
        UnmapGranularityBlocks = InBlocks(_fileSystem.BlockSize),
        PhysicalBlockBlocks = InBlocks(_status.BlockSize),
        ReportsSpace = IsRegular,
        Store = new StoreNeed(NeverBlocks ? 0 : _options.StoreThreads + (CachesWrites && !_options.IsReadOnly ? MostCachedWrites : 0), 0) { SharesFlushes = !NeverBlocks },
        Description = $"{(IsRegular ? "file" : "block device")} {Path} of {ByteSize.Format(lengthBytes)}",
        Identity = IsRegular
            ? $"file:{_status.DeviceMajor:x}:{_status.DeviceMinor:x}:{_status.Inode:x}"
            : $"disk:{_status.RawDeviceMajor:x}:{_status.RawDeviceMinor:x}",
        PersistentName = $"file:{Path}",
    };

    protected override void SyncCore()
    {
        EndCopies();
        long result;
        do
        {
            result = _calls.SyncData(_fd);
        }
        while (result == -Linux.EIntr);
        Check("be flushed", result, BlockDeviceError.WriteFailed);
    }

    private bool HasZeroRange => IsOnExtXfsOrBtrfs;

    private bool IsOnExtXfsOrBtrfs => IsRegular && _fileSystem.Magic is Linux.ExtMagic or Linux.XfsMagic or Linux.BtrfsMagic;

    /// <summary>
    /// Blocks of the device in a unit of the file system; network file systems name transfer sizes there, which are no such unit.
    /// </summary>
    private int InBlocks(long unitBytes)
    {
        if (unitBytes is <= 0 or > 65536 || !long.IsPow2(unitBytes)) unitBytes = 4096;
        return (int)Math.Max(1, unitBytes / BlockSize);
    }

    /// <summary>A hole behind the end of the file changes nothing, but tells whether holes can be made.</summary>
    private bool ProbePunchHole()
    {
        if (!IsRegular) return false;
        var behindTheEnd = (_status.Size / (1 << 20) + 2) << 20;
        return behindTheEnd > 0 && Allocate(Linux.FallocPunchHole | Linux.FallocKeepSize, behindTheEnd, 1 << 20) == 0;
    }

    private long Check(string whatItCant, long result, BlockDeviceError ioError) =>
        result >= 0 ? result : throw FileErrors.FromErrno(Path, whatItCant, result, ioError);
}

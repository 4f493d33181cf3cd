using System.Runtime.CompilerServices;
using Microsoft.Win32.SafeHandles;
using Reservations;

namespace Iscsi.Storage;

/// <summary>A file on any system, by what .NET offers: no holes are made or found, and zeroes are written.</summary>
internal sealed class PortableFileBackend : FileBackend
{
    private const int MaxBlockBytes = 4096;
    private const int ZeroBytes = 64 * 1024;

    private static readonly byte[] Zeroes = GC.AllocateArray<byte>(ZeroBytes, pinned: true); // nobody writes to it

    private readonly FileBlockDeviceOptions _options;

    public PortableFileBackend(string path, SafeFileHandle handle, FileBlockDeviceOptions options)
        : base(path, handle, options.BlockSize, options.Clock)
    {
        _options = options;
        if (options.Direct)
        {
            throw new BlockDeviceException(BlockDeviceError.NotSupported,
                $"{path}: direct I/O is there on 64-bit Linux only. Open it without direct.");
        }
    }

    public override bool NeverBlocks => false;

    public override int ReadWithoutWaiting(long offsetBytes, BlockList list) => 0;

    public override void Read(long offsetBytes, BlockList list, int doneBytes)
    {
        var cursor = default(RunCursor);
        cursor.Advance(list, doneBytes);
        while (cursor.DoneBytes < list.Length)
        {
            var run = list.Runs[cursor.Run].Span[cursor.RunOffset..];
            var read = Try("be read", BlockDeviceError.MediumError, (Handle, Offset: offsetBytes + cursor.DoneBytes), run,
                static (state, span) => RandomAccess.Read(state.Handle, span, state.Offset));
            if (read == 0) throw EndOfFile(offsetBytes + cursor.DoneBytes);
            cursor.Advance(list, read);
        }
    }

    [SkipLocalsInit]
    public override void Write(long offsetBytes, BlockList list, bool durable)
    {
        CheckLatch();
        Span<byte> bounce = stackalloc byte[MaxBlockBytes];
        var cursor = default(RunCursor);
        while (cursor.DoneBytes < list.Length)
        {
            // A block is written by one call, so that two writes of it don't mix.
            scoped var run = list.Runs[cursor.Run].Span[cursor.RunOffset..];
            run = run[..(run.Length - run.Length % BlockSize)];
            if (run.IsEmpty)
            {
                run = bounce[..BlockSize];
                list.CopyTo(cursor.DoneBytes, run);
            }
            Write(offsetBytes + cursor.DoneBytes, run);
            cursor.Advance(list, run.Length);
        }
        if (durable) Sync();
    }

    public override void Zero(long offsetBytes, long lengthBytes, bool mayUnmap, bool durable)
    {
        CheckLatch();
        while (lengthBytes > 0)
        {
            var part = (int)Math.Min(lengthBytes, ZeroBytes);
            Write(offsetBytes, Zeroes.AsSpan(0, part));
            offsetBytes += part;
            lengthBytes -= part;
        }
        if (durable) Sync();
    }

    public override void Unmap(long offsetBytes, long lengthBytes, bool durable) =>
        throw new NotSupportedException($"{Path}: deallocating a part of a file is there on 64-bit Linux only.");

    public override int GetExtents(BlockRange range, Span<BlockExtent> extents)
    {
        var builder = new ExtentBuilder(range, extents);
        builder.AddUpTo(range.Lba + range.Count, isAllocated: true);
        return builder.Count;
    }

    public override long GetLength() =>
        Try("be measured", BlockDeviceError.Failed, Handle, default, static (handle, _) => RandomAccess.GetLength(handle));

    public override void SetLength(long lengthBytes)
    {
        CheckLatch();
        Try("be resized", BlockDeviceError.WriteFailed, (Handle, lengthBytes), default, static (state, _) =>
        {
            RandomAccess.SetLength(state.Handle, state.lengthBytes);
            return 0;
        });
        Sync();
    }

    public override void ReserveSpace(long lengthBytes) => throw new BlockDeviceException(BlockDeviceError.NotSupported,
        $"{Path}: space can be reserved on 64-bit Linux only. Open it without thick (FullyProvisioned).");

    public override BlockDeviceSpace GetSpace()
    {
        try
        {
            return new BlockDeviceSpace(new DriveInfo(System.IO.Path.GetDirectoryName(Path) ?? Path).AvailableFreeSpace, null);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            // A share, for instance, has no drive.
            return default;
        }
    }

    public override BlockDeviceInfo Describe(long lengthBytes) => new()
    {
        BlockSize = BlockSize,
        BlockCount = lengthBytes / BlockSize,
        IsReadOnly = _options.IsReadOnly,
        HasVolatileWriteCache = !_options.WriteThrough && !_options.IsReadOnly,
        WriteZeroes = _options.IsReadOnly ? DeviceSupport.None : DeviceSupport.Emulated,
        PhysicalBlockBlocks = 4096 / BlockSize,
        ReportsSpace = true,
        Store = new StoreNeed(_options.StoreThreads, 0) { SharesFlushes = true },
        Description = $"file {Path} of {ByteSize.Format(lengthBytes)}",
        Identity = $"file:{File.ResolveLinkTarget(Path, returnFinalTarget: true)?.FullName ?? Path}",
        PersistentName = $"file:{Path}",
    };

    protected override void SyncCore() => Try("be flushed", BlockDeviceError.WriteFailed, Handle, default, static (handle, _) =>
    {
        RandomAccess.FlushToDisk(handle);
        return 0;
    });

    private void Write(long offsetBytes, Span<byte> bytes) =>
        Try("be written", BlockDeviceError.WriteFailed, (Handle, offsetBytes), bytes, static (state, span) =>
        {
            RandomAccess.Write(state.Handle, span, state.offsetBytes);
            return 0;
        });

    private TResult Try<TState, TResult>(string whatItCant, BlockDeviceError ioError, TState state, Span<byte> bytes, Call<TState, TResult> call)
    {
        try
        {
            return call(state, bytes);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw FileErrors.FromIo(Path, whatItCant, e, ioError);
        }
    }

    private delegate TResult Call<TState, TResult>(TState state, Span<byte> bytes);
}

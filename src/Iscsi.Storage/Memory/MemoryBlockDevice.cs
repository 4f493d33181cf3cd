using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Reservations;

namespace Iscsi.Storage;

/// <summary>
/// A disk in memory that is sparse: a page is allocated when it is first written and given back when it is unmapped. Every call
/// completes at once.
/// </summary>
/// <remarks>
/// The pages are native memory outside any reservation: the device's length bounds them. Nothing is ever durable; a flush has
/// nothing to do, so no write cache is reported.
/// </remarks>
public sealed partial class MemoryBlockDevice : IBlockDevice
{
    // 4 KiB pages are what the extents tell apart; 64 KiB chunks are what is taken from and given back to the system.
    private const int PageBytes = 4096;
    private const int PagesPerChunk = 16;
    private const int ChunkBytes = PageBytes * PagesPerChunk;
    private const int LockCount = 64;

    private readonly ActivityGate _gate = new();
    private readonly Lock[] _locks = new Lock[LockCount];
    private readonly unsafe Chunk* _chunks; // zeroed by the system when touched: a sparse table for a sparse device
    private readonly long _chunkCount;
    private long _allocatedBytes;

    /// <summary>Creates a device of zeroes.</summary>
    /// <param name="lengthBytes">A positive multiple of the block size.</param>
    /// <param name="blockSize">512 or 4096 bytes.</param>
    /// <exception cref="ArgumentOutOfRangeException">The length or the block size is not possible.</exception>
    public unsafe MemoryBlockDevice(long lengthBytes, int blockSize = 512)
    {
        BlockDeviceChecks.CheckBlockSize(blockSize, nameof(blockSize));
        BlockDeviceChecks.CheckLength(lengthBytes, blockSize, nameof(lengthBytes));
        for (var i = 0; i < LockCount; i++) _locks[i] = new Lock();
        _chunkCount = (lengthBytes - 1) / ChunkBytes + 1;
        _chunks = (Chunk*)NativeMemory.AllocZeroed(checked((nuint)_chunkCount), (nuint)sizeof(Chunk));
        Info = new BlockDeviceInfo
        {
            BlockSize = blockSize,
            BlockCount = lengthBytes / blockSize,
            HasVolatileWriteCache = false,
            Unmap = DeviceSupport.Native,
            WriteZeroes = DeviceSupport.Native,
            UnmappedReadsZero = true,
            Extents = DeviceSupport.Native,
            UnmapGranularityBlocks = PageBytes / blockSize,
            PhysicalBlockBlocks = PageBytes / blockSize,
            // What ends the process in the middle of a write ends the device too.
            MaximumAtomicWriteBytes = int.MaxValue,
            Store = new StoreNeed(0, 0),
            Description = $"memory of {ByteSize.Format(lengthBytes)}",
            Identity = $"memory:{Guid.NewGuid():N}",
        };
    }

    /// <summary>Releases the memory of a device that was not disposed.</summary>
    ~MemoryBlockDevice() => Free();

    /// <inheritdoc/>
    public BlockDeviceInfo Info { get; }

    /// <summary>Bytes of memory the device holds now.</summary>
    public long AllocatedBytes => Volatile.Read(ref _allocatedBytes);

    /// <inheritdoc/>
    /// <remarks>Never raised: the device has a fixed length.</remarks>
    public event Action<IBlockDevice>? InfoChanged
    {
        add { }
        remove { }
    }

    /// <inheritdoc/>
    public ValueTask ReadAsync(long lba, BlockList destination, CancellationToken cancellationToken = default) =>
        Transfer(lba, destination, Direction.Read, cancellationToken);

    /// <inheritdoc/>
    public ValueTask WriteAsync(long lba, BlockList source,
        BlockWriteFlags flags = BlockWriteFlags.None, CancellationToken cancellationToken = default) =>
        Transfer(lba, source, Direction.Write, cancellationToken);

    /// <inheritdoc/>
    public ValueTask FlushAsync(CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested) return ValueTask.FromCanceled(cancellationToken);
        return _gate.IsClosed ? ValueTask.FromException(new ObjectDisposedException(nameof(MemoryBlockDevice))) : default;
    }

    /// <inheritdoc/>
    public ValueTask WriteZeroesAsync(BlockRange range,
        BlockWriteFlags flags = BlockWriteFlags.None, CancellationToken cancellationToken = default) =>
        Clear(range, deallocate: (flags & BlockWriteFlags.MayUnmap) != BlockWriteFlags.None, cancellationToken);

    /// <inheritdoc/>
    /// <remarks>A part of a page stays allocated and is zeroed.</remarks>
    public ValueTask UnmapAsync(BlockRange range, CancellationToken cancellationToken = default) =>
        Clear(range, deallocate: true, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<int> GetExtentsAsync(BlockRange range, Memory<BlockExtent> extents,
        CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested) return ValueTask.FromCanceled<int>(cancellationToken);
        try
        {
            _gate.Enter(this);
            try
            {
                BlockDeviceChecks.Check(Info, range);
                return new(FindExtents(range, extents.Span));
            }
            finally
            {
                _gate.Leave();
            }
        }
        catch (Exception e)
        {
            return ValueTask.FromException<int>(e);
        }
    }

    /// <summary>Gives the memory back, after the calls inside have ended.</summary>
    public async ValueTask DisposeAsync()
    {
        if (!await _gate.CloseAsync().ConfigureAwait(false)) return;
        Free();
        GC.SuppressFinalize(this);
    }

    private ValueTask Transfer(long lba, BlockList list, Direction direction, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested) return ValueTask.FromCanceled(cancellationToken);
        try
        {
            _gate.Enter(this);
            try
            {
                Transfer(BlockDeviceChecks.OffsetOf(Info, lba, list), list, direction);
                return default;
            }
            finally
            {
                _gate.Leave();
            }
        }
        catch (Exception e)
        {
            return ValueTask.FromException(Translate(e));
        }
    }

    private ValueTask Clear(BlockRange range, bool deallocate, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested) return ValueTask.FromCanceled(cancellationToken);
        try
        {
            _gate.Enter(this);
            try
            {
                BlockDeviceChecks.Check(Info, range);
                Clear(range.Lba * Info.BlockSize, range.Count * Info.BlockSize, deallocate);
                return default;
            }
            finally
            {
                _gate.Leave();
            }
        }
        catch (Exception e)
        {
            return ValueTask.FromException(Translate(e));
        }
    }

    private Exception Translate(Exception e) => e is OutOfMemoryException
        ? new BlockDeviceException(BlockDeviceError.NoSpace, $"{Info.Description}: the system has no memory left for a page of it.", e)
        : e;

    private unsafe void Free()
    {
        if (_chunks == null) return; // the constructor threw
        for (var i = 0L; i < _chunkCount; i++) NativeMemory.AlignedFree(_chunks[i].Data);
        NativeMemory.Free(_chunks);
    }

    private enum Direction
    {
        Read,
        Write,
    }

    /// <summary>64 KiB of the device.</summary>
    private unsafe struct Chunk
    {
        public byte* Data; // null: nothing allocated
        public int AllocatedPages; // a bit per page; a page without its bit is all zero
    }
}

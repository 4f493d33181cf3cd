using Reservations;

namespace Iscsi.Storage;

/// <summary>
/// A disk that keeps nothing: every read is zeroes and every write is discarded. For measuring what is above it.
/// </summary>
public sealed class NullBlockDevice : IBlockDevice
{
    private int _isDisposed;

    /// <summary>Creates a device.</summary>
    /// <param name="lengthBytes">A positive multiple of the block size.</param>
    /// <param name="blockSize">512 or 4096 bytes.</param>
    /// <exception cref="ArgumentOutOfRangeException">The length or the block size is not possible.</exception>
    public NullBlockDevice(long lengthBytes, int blockSize = 512)
    {
        BlockDeviceChecks.CheckBlockSize(blockSize, nameof(blockSize));
        BlockDeviceChecks.CheckLength(lengthBytes, blockSize, nameof(lengthBytes));
        Info = new BlockDeviceInfo
        {
            BlockSize = blockSize,
            BlockCount = lengthBytes / blockSize,
            HasVolatileWriteCache = false,
            Unmap = DeviceSupport.Native,
            WriteZeroes = DeviceSupport.Native,
            UnmappedReadsZero = true,
            Extents = DeviceSupport.Native,
            PhysicalBlockBlocks = 4096 / blockSize,
            Description = $"null device of {ByteSize.Format(lengthBytes)}, which discards what is written",
            Identity = $"null:{Guid.NewGuid():N}",
        };
    }

    /// <inheritdoc/>
    public BlockDeviceInfo Info { get; }

    /// <inheritdoc/>
    /// <remarks>Never raised: the device has a fixed length.</remarks>
    public event Action<IBlockDevice>? InfoChanged
    {
        add { }
        remove { }
    }

    /// <inheritdoc/>
    public ValueTask ReadAsync(long lba, BlockList destination, CancellationToken cancellationToken = default)
    {
        CheckUsable(cancellationToken);
        BlockDeviceChecks.OffsetOf(Info, lba, destination);
        destination.Zero();
        return default;
    }

    /// <inheritdoc/>
    public ValueTask WriteAsync(long lba, BlockList source,
        BlockWriteFlags flags = BlockWriteFlags.None, CancellationToken cancellationToken = default)
    {
        CheckUsable(cancellationToken);
        BlockDeviceChecks.OffsetOf(Info, lba, source);
        return default;
    }

    /// <inheritdoc/>
    public ValueTask FlushAsync(CancellationToken cancellationToken = default)
    {
        CheckUsable(cancellationToken);
        return default;
    }

    /// <inheritdoc/>
    public ValueTask WriteZeroesAsync(BlockRange range,
        BlockWriteFlags flags = BlockWriteFlags.None, CancellationToken cancellationToken = default)
    {
        CheckUsable(cancellationToken);
        BlockDeviceChecks.Check(Info, range);
        return default;
    }

    /// <inheritdoc/>
    public ValueTask UnmapAsync(BlockRange range, CancellationToken cancellationToken = default)
    {
        CheckUsable(cancellationToken);
        BlockDeviceChecks.Check(Info, range);
        return default;
    }

    /// <inheritdoc/>
    public ValueTask<int> GetExtentsAsync(BlockRange range, Memory<BlockExtent> extents,
        CancellationToken cancellationToken = default)
    {
        CheckUsable(cancellationToken);
        BlockDeviceChecks.Check(Info, range);
        var builder = new ExtentBuilder(range, extents.Span);
        builder.AddUpTo(range.Lba + range.Count, isAllocated: false);
        return new(builder.Count);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        Volatile.Write(ref _isDisposed, 1);
        return default;
    }

    private void CheckUsable(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _isDisposed) != 0, this);
    }
}

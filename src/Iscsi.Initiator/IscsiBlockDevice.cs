using Iscsi.Storage;
using Reservations;

namespace Iscsi.Initiator;

/// <summary>A logical unit of a target as a block device (<see cref="IscsiSession.OpenDiskAsync"/>).</summary>
public sealed partial class IscsiBlockDevice : IBlockDevice
{
    private IscsiBlockDevice() => throw new NotSupportedException();

    /// <inheritdoc/>
    public event Action<IBlockDevice>? InfoChanged { add => throw new NotSupportedException(); remove => throw new NotSupportedException(); }

    /// <summary>The session it belongs to.</summary>
    public IscsiSession Session => throw new NotSupportedException();

    /// <summary>The logical unit.</summary>
    public LogicalUnitInfo LogicalUnit => throw new NotSupportedException();

    /// <inheritdoc/>
    public BlockDeviceInfo Info => throw new NotSupportedException();

    /// <inheritdoc/>
    public ValueTask ReadAsync(long lba, BlockList destination, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <inheritdoc/>
    public ValueTask WriteAsync(long lba, BlockList source, BlockWriteFlags flags = default, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <inheritdoc/>
    public ValueTask FlushAsync(CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <inheritdoc/>
    public ValueTask WriteZeroesAsync(BlockRange range, BlockWriteFlags flags = default, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <inheritdoc/>
    public ValueTask UnmapAsync(BlockRange range, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <inheritdoc/>
    public ValueTask<int> GetExtentsAsync(BlockRange range, Memory<BlockExtent> extents, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => throw new NotSupportedException();
}

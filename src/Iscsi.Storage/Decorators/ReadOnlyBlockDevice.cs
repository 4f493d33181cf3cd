using Reservations;

namespace Iscsi.Storage;

/// <summary>Refuses every change of the device below with <see cref="BlockDeviceError.ReadOnly"/>.</summary>
public sealed class ReadOnlyBlockDevice : BlockDeviceDecorator
{
    /// <summary>Wraps a device.</summary>
    /// <param name="inner">The device below.</param>
    /// <param name="leaveOpen">Whether it stays open when this one is disposed.</param>
    public ReadOnlyBlockDevice(IBlockDevice inner, bool leaveOpen = false)
        : base(inner, leaveOpen) => Redescribe();

    /// <inheritdoc/>
    public override ValueTask ReadAsync(long lba, BlockList destination, CancellationToken cancellationToken = default) =>
        Inner.ReadAsync(lba, destination, cancellationToken);

    /// <inheritdoc/>
    public override ValueTask WriteAsync(long lba, BlockList source,
        BlockWriteFlags flags = BlockWriteFlags.None, CancellationToken cancellationToken = default) =>
        Refuse();

    /// <inheritdoc/>
    /// <remarks>Passed on: what was written before the device was wrapped may not be durable yet.</remarks>
    public override ValueTask FlushAsync(CancellationToken cancellationToken = default) => Inner.FlushAsync(cancellationToken);

    /// <inheritdoc/>
    public override ValueTask WriteZeroesAsync(BlockRange range,
        BlockWriteFlags flags = BlockWriteFlags.None, CancellationToken cancellationToken = default) =>
        Refuse();

    /// <inheritdoc/>
    public override ValueTask UnmapAsync(BlockRange range, CancellationToken cancellationToken = default) => Refuse();

    /// <inheritdoc/>
    public override ValueTask<int> GetExtentsAsync(BlockRange range, Memory<BlockExtent> extents,
        CancellationToken cancellationToken = default) =>
        Inner.GetExtentsAsync(range, extents, cancellationToken);

    private protected override BlockDeviceInfo Describe(BlockDeviceInfo inner) => inner with
    {
        IsReadOnly = true,
        HasVolatileWriteCache = false,
        Unmap = DeviceSupport.None,
        WriteZeroes = DeviceSupport.None,
        Description = $"{inner.Description}, read-only",
    };

    private ValueTask Refuse() => ValueTask.FromException(BlockDeviceChecks.ReadOnly(Info));
}

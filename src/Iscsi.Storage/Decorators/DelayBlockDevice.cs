using Reservations;

namespace Iscsi.Storage;

/// <summary>Delays every call before it reaches the device below, like a slow disk with any number of heads.</summary>
public sealed class DelayBlockDevice : BlockDeviceDecorator
{
    private readonly BlockDelays _delays;
    private readonly TimeProvider _time;

    /// <summary>Wraps a device.</summary>
    /// <param name="inner">The device below.</param>
    /// <param name="delays">How long.</param>
    /// <param name="timeProvider">The clock; null: the system's.</param>
    public DelayBlockDevice(IBlockDevice inner, BlockDelays delays, TimeProvider? timeProvider = null)
        : base(inner, leaveOpen: false)
    {
        _delays = delays;
        _time = timeProvider ?? TimeProvider.System;
    }

    /// <inheritdoc/>
    public override async ValueTask ReadAsync(long lba, BlockList destination, CancellationToken cancellationToken = default)
    {
        await DelayAsync(_delays.Read, cancellationToken).ConfigureAwait(false);
        await Inner.ReadAsync(lba, destination, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public override async ValueTask WriteAsync(long lba, BlockList source,
        BlockWriteFlags flags = BlockWriteFlags.None, CancellationToken cancellationToken = default)
    {
        await DelayAsync(_delays.Write, cancellationToken).ConfigureAwait(false);
        await Inner.WriteAsync(lba, source, flags, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public override async ValueTask FlushAsync(CancellationToken cancellationToken = default)
    {
        await DelayAsync(_delays.Flush, cancellationToken).ConfigureAwait(false);
        await Inner.FlushAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public override async ValueTask WriteZeroesAsync(BlockRange range,
        BlockWriteFlags flags = BlockWriteFlags.None, CancellationToken cancellationToken = default)
    {
        await DelayAsync(_delays.Other, cancellationToken).ConfigureAwait(false);
        await Inner.WriteZeroesAsync(range, flags, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public override async ValueTask UnmapAsync(BlockRange range, CancellationToken cancellationToken = default)
    {
        await DelayAsync(_delays.Other, cancellationToken).ConfigureAwait(false);
        await Inner.UnmapAsync(range, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public override async ValueTask<int> GetExtentsAsync(BlockRange range, Memory<BlockExtent> extents,
        CancellationToken cancellationToken = default)
    {
        await DelayAsync(_delays.Other, cancellationToken).ConfigureAwait(false);
        return await Inner.GetExtentsAsync(range, extents, cancellationToken).ConfigureAwait(false);
    }

    private Task DelayAsync(TimeSpan delay, CancellationToken cancellationToken) =>
        delay <= TimeSpan.Zero ? Task.CompletedTask : Task.Delay(delay, _time, cancellationToken);
}

/// <summary>How long a <see cref="DelayBlockDevice"/> delays; zero is not at all.</summary>
/// <param name="Read">Each read.</param>
/// <param name="Write">Each write.</param>
/// <param name="Flush">Each flush.</param>
/// <param name="Other">Each zeroing, unmap and look at the extents.</param>
public readonly record struct BlockDelays(TimeSpan Read, TimeSpan Write, TimeSpan Flush, TimeSpan Other);

using Iscsi.Storage;
using Reservations;

namespace Iscsi.Interop.Guests;

/// <summary>A disk that can be told to give back wrong data without an error. Only a test wants that, so it is no device of the library.</summary>
internal sealed class LyingDisk(IBlockDevice inner) : IBlockDevice
{
    private BlockRange? _flipped;

    public event Action<IBlockDevice>? InfoChanged
    {
        add => inner.InfoChanged += value;
        remove => inner.InfoChanged -= value;
    }

    public BlockDeviceInfo Info => inner.Info;

    /// <summary>From now on, reads of these blocks have every bit of their bytes 0 to 511 flipped; null: none.</summary>
    public void FlipReadsOf(BlockRange? range) => _flipped = range;

    public async ValueTask ReadAsync(long lba, BlockList destination, CancellationToken cancellationToken = default)
    {
        await inner.ReadAsync(lba, destination, cancellationToken);
        if (_flipped is not { } flipped) return;
        var from = Math.Max(lba, flipped.Lba);
        var to = Math.Min(lba + (destination.Length / Info.BlockSize), flipped.Lba + flipped.Count);
        var bytes = new byte[512];
        for (var block = from; block < to; block++)
        {
            var offset = (int)(block - lba) * Info.BlockSize;
            destination.CopyTo(offset, bytes);
            for (var i = 0; i < bytes.Length; i++) bytes[i] = (byte)~bytes[i];
            destination.CopyFrom(offset, bytes);
        }
    }

    public ValueTask WriteAsync(long lba, BlockList source, BlockWriteFlags flags = default, CancellationToken cancellationToken = default) =>
        inner.WriteAsync(lba, source, flags, cancellationToken);

    public ValueTask FlushAsync(CancellationToken cancellationToken = default) => inner.FlushAsync(cancellationToken);

    public ValueTask WriteZeroesAsync(BlockRange range, BlockWriteFlags flags = default, CancellationToken cancellationToken = default) =>
        inner.WriteZeroesAsync(range, flags, cancellationToken);

    public ValueTask UnmapAsync(BlockRange range, CancellationToken cancellationToken = default) => inner.UnmapAsync(range, cancellationToken);

    public ValueTask<int> GetExtentsAsync(BlockRange range, Memory<BlockExtent> extents, CancellationToken cancellationToken = default) =>
        inner.GetExtentsAsync(range, extents, cancellationToken);

    public ValueTask DisposeAsync() => inner.DisposeAsync();
}

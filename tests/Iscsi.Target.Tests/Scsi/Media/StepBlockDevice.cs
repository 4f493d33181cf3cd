using Iscsi.Storage;
using Reservations;

namespace Iscsi.Target.Tests.Scsi.Media;

/// <summary>A disk whose writes end one by one, when the test says so.</summary>
internal sealed class StepBlockDevice(int blockCount) : IBlockDevice
{
    private readonly MemoryBlockDevice _inner = new(blockCount * 512L);
    private readonly SemaphoreSlim _arrived = new(0);
    private readonly SemaphoreSlim _mayEnd = new(0);

    public event Action<IBlockDevice>? InfoChanged
    {
        add { }
        remove { }
    }

    public BlockDeviceInfo Info => _inner.Info;

    public async Task ArrivedAsync() => Assert.True(await _arrived.WaitAsync(TimeSpan.FromSeconds(60)));

    public void LetOneEnd() => _mayEnd.Release();

    public ValueTask ReadAsync(long lba, BlockList destination, CancellationToken cancellationToken = default) =>
        _inner.ReadAsync(lba, destination, cancellationToken);

    public async ValueTask WriteAsync(
        long lba, BlockList source, BlockWriteFlags flags = BlockWriteFlags.None, CancellationToken cancellationToken = default)
    {
        _arrived.Release();
        await _mayEnd.WaitAsync(TimeSpan.FromSeconds(60), CancellationToken.None);
        await _inner.WriteAsync(lba, source, flags, cancellationToken);
    }

    public ValueTask FlushAsync(CancellationToken cancellationToken = default) => _inner.FlushAsync(cancellationToken);

    public ValueTask WriteZeroesAsync(
        BlockRange range, BlockWriteFlags flags = BlockWriteFlags.None, CancellationToken cancellationToken = default) =>
        _inner.WriteZeroesAsync(range, flags, cancellationToken);

    public ValueTask UnmapAsync(BlockRange range, CancellationToken cancellationToken = default) => _inner.UnmapAsync(range, cancellationToken);

    public ValueTask<int> GetExtentsAsync(BlockRange range, Memory<BlockExtent> extents, CancellationToken cancellationToken = default) =>
        _inner.GetExtentsAsync(range, extents, cancellationToken);

    public ValueTask DisposeAsync() => _inner.DisposeAsync();
}

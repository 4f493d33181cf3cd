using Iscsi.Storage;
using Reservations;

namespace Iscsi.Target.Tests.Raw;

/// <summary>A device whose requests wait while its gate is closed, so that a test decides when I/O ends.</summary>
internal sealed class GatedBlockDevice(IBlockDevice inner, StoreNeed? store = null) : IBlockDevice
{
    private volatile TaskCompletionSource? _gate;
    private int _waiting;

    public event Action<IBlockDevice>? InfoChanged
    {
        add { }
        remove { }
    }

    public BlockDeviceInfo Info { get; } = store is { } need ? inner.Info with { Store = need } : inner.Info;

    /// <summary>Requests that wait at the gate.</summary>
    public int Waiting => Volatile.Read(ref _waiting);

    public void Close() => _gate ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

    public void Open() => Interlocked.Exchange(ref _gate, null)?.SetResult();

    public async ValueTask ReadAsync(long lba, BlockList destination, CancellationToken cancellationToken = default)
    {
        await PassAsync();
        await inner.ReadAsync(lba, destination, cancellationToken);
    }

    public async ValueTask WriteAsync(
        long lba, BlockList source, BlockWriteFlags flags = BlockWriteFlags.None, CancellationToken cancellationToken = default)
    {
        await PassAsync();
        await inner.WriteAsync(lba, source, flags, cancellationToken);
    }

    public async ValueTask FlushAsync(CancellationToken cancellationToken = default)
    {
        await PassAsync();
        await inner.FlushAsync(cancellationToken);
    }

    public ValueTask WriteZeroesAsync(
        BlockRange range, BlockWriteFlags flags = BlockWriteFlags.None, CancellationToken cancellationToken = default) =>
        inner.WriteZeroesAsync(range, flags, cancellationToken);

    public ValueTask UnmapAsync(BlockRange range, CancellationToken cancellationToken = default) =>
        inner.UnmapAsync(range, cancellationToken);

    public ValueTask<int> GetExtentsAsync(BlockRange range, Memory<BlockExtent> extents, CancellationToken cancellationToken = default) =>
        inner.GetExtentsAsync(range, extents, cancellationToken);

    public ValueTask DisposeAsync() => inner.DisposeAsync();

    private async Task PassAsync()
    {
        if (_gate is not { } gate) return;
        Interlocked.Increment(ref _waiting);
        try
        {
            await gate.Task;
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }
    }
}

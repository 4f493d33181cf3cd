using Reservations;

namespace Iscsi.Storage;

/// <summary>
/// A device around another one. It forwards <see cref="Info"/>, <see cref="InfoChanged"/>, the space below and the disposal, and nothing else:
/// what a decorator does not say about a call is not passed through, but a compile error, or refused by the interface when a call
/// is added to it later.
/// </summary>
public abstract class BlockDeviceDecorator : IBlockDevice, IBlockDeviceSpace
{
    private readonly IBlockDevice _inner;
    private readonly bool _leaveOpen;
    private BlockDeviceInfo _info;
    private int _isDisposed;

    /// <summary>Wraps a device.</summary>
    /// <param name="inner">The device below.</param>
    /// <param name="leaveOpen">Whether it stays open when this one is disposed.</param>
    private protected BlockDeviceDecorator(IBlockDevice inner, bool leaveOpen)
    {
        ArgumentNullException.ThrowIfNull(inner);
        _inner = inner;
        _leaveOpen = leaveOpen;
        _info = inner.Info;
        inner.InfoChanged += OnInnerInfoChanged;
    }

    /// <inheritdoc/>
    public event Action<IBlockDevice>? InfoChanged;

    /// <inheritdoc/>
    public BlockDeviceInfo Info => Volatile.Read(ref _info);

    /// <summary>The device below.</summary>
    /// <exception cref="ObjectDisposedException">This one was disposed, even if the one below was left open.</exception>
    protected IBlockDevice Inner
    {
        get
        {
            ObjectDisposedException.ThrowIf(IsDisposed, this);
            return _inner;
        }
    }

    /// <summary>Whether it was disposed.</summary>
    protected bool IsDisposed => Volatile.Read(ref _isDisposed) != 0;

    /// <inheritdoc/>
    public abstract ValueTask ReadAsync(long lba, BlockList destination, CancellationToken cancellationToken = default);

    /// <inheritdoc/>
    public abstract ValueTask WriteAsync(long lba, BlockList source,
        BlockWriteFlags flags = BlockWriteFlags.None, CancellationToken cancellationToken = default);

    /// <inheritdoc/>
    public abstract ValueTask FlushAsync(CancellationToken cancellationToken = default);

    /// <inheritdoc/>
    public abstract ValueTask WriteZeroesAsync(BlockRange range,
        BlockWriteFlags flags = BlockWriteFlags.None, CancellationToken cancellationToken = default);

    /// <inheritdoc/>
    public abstract ValueTask UnmapAsync(BlockRange range, CancellationToken cancellationToken = default);

    /// <inheritdoc/>
    public abstract ValueTask<int> GetExtentsAsync(BlockRange range, Memory<BlockExtent> extents,
        CancellationToken cancellationToken = default);

    /// <inheritdoc/>
    public virtual ValueTask<BlockDeviceSpace> GetSpaceAsync(CancellationToken cancellationToken = default) =>
        Inner is IBlockDeviceSpace space ? space.GetSpaceAsync(cancellationToken) : default;

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0) return;
        _inner.InfoChanged -= OnInnerInfoChanged;
        if (!_leaveOpen) await _inner.DisposeAsync().ConfigureAwait(false);
        GC.SuppressFinalize(this);
    }

    /// <summary>What this device is, given what the one below is. Called again after each change below.</summary>
    private protected virtual BlockDeviceInfo Describe(BlockDeviceInfo inner) => inner;

    /// <summary>To be called at the end of a constructor whose <see cref="Describe"/> needs what it has set.</summary>
    private protected void Redescribe() => Volatile.Write(ref _info, Describe(_inner.Info));

    private void OnInnerInfoChanged(IBlockDevice inner)
    {
        Redescribe();
        InfoChanged?.Invoke(this);
    }
}

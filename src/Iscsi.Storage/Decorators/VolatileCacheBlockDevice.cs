using Reservations;

namespace Iscsi.Storage;

/// <summary>
/// A write cache that loses what it must not be trusted with: for proving that what is above it flushes. A write stays here until
/// a flush; when the power is cut, each block of each unflushed write reaches the device below or not, by a coin of its own.
/// </summary>
/// <remarks>
/// Durable writes (FUA) go to the device below at once, past the cache. Calls run one after the other. Disposing forgets the
/// cache. The cached blocks are ordinary objects, at most as many as the constructor says; when they would become more, the cache
/// is written down, as a cache may at any time.
/// </remarks>
public sealed partial class VolatileCacheBlockDevice : BlockDeviceDecorator
{
    private readonly SemaphoreSlim _one = new(1, 1); // never disposed: it has no handle until one is asked for
    private readonly SortedDictionary<long, List<Version>> _cache = [];
    private readonly Random _random;
    private readonly int _maxVersions;
    private readonly byte[] _run; // pinned
    private int _versions;
    private bool _isPowerless;

    /// <summary>Wraps a device.</summary>
    /// <param name="inner">The device below.</param>
    /// <param name="seed">Of the coin: the same calls with the same seed lose the same blocks.</param>
    /// <param name="leaveOpen">Whether the device below stays open when this one is disposed, to see what survived.</param>
    /// <param name="maxCachedBlocks">The bound of the cache; 1 or more.</param>
    public VolatileCacheBlockDevice(IBlockDevice inner, int seed, bool leaveOpen = false, int maxCachedBlocks = 65536)
        : base(inner, leaveOpen)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maxCachedBlocks, 1);
        _random = new Random(seed);
        _maxVersions = maxCachedBlocks;
        _run = GC.AllocateUninitializedArray<byte>(MaxRun * Info.BlockSize, pinned: true);
        Redescribe();
    }

    /// <summary>
    /// Cuts the power: what is not durable survives or not, and every call throws <see cref="BlockDeviceError.Unavailable"/>
    /// until <see cref="RestorePower"/>. A call that runs meanwhile has ended before or fails.
    /// </summary>
    public async ValueTask CutPowerAsync()
    {
        await _one.WaitAsync().ConfigureAwait(false);
        try
        {
            foreach (var versions in _cache.Values)
            {
                // What is written last of the survivors is there; a cache may have written an older one down already.
                versions.RemoveAll(_ => _random.Next(2) == 0);
            }
            await WriteDownAsync().ConfigureAwait(false);
            await Inner.FlushAsync().ConfigureAwait(false);
        }
        finally
        {
            Forget();
            _isPowerless = true;
            _one.Release();
        }
    }

    /// <summary>Switches the power on again; the cache is empty.</summary>
    public void RestorePower()
    {
        _one.Wait();
        _isPowerless = false;
        _one.Release();
    }

    /// <inheritdoc/>
    public override async ValueTask ReadAsync(long lba, BlockList destination, CancellationToken cancellationToken = default)
    {
        await EnterAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            await Inner.ReadAsync(lba, destination, cancellationToken).ConfigureAwait(false);
            Overlay(lba, destination);
        }
        finally
        {
            _one.Release();
        }
    }

    /// <inheritdoc/>
    public override async ValueTask WriteAsync(long lba, BlockList source,
        BlockWriteFlags flags = BlockWriteFlags.None, CancellationToken cancellationToken = default)
    {
        await EnterAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            BlockDeviceChecks.CheckWritable(Info);
            BlockDeviceChecks.OffsetOf(Info, lba, source);
            var range = new BlockRange(lba, source.Length / Info.BlockSize);
            if (IsDurable(flags))
            {
                await Inner.WriteAsync(lba, source, flags, cancellationToken).ConfigureAwait(false);
                Forget(range);
            }
            else if (await MakeRoomAsync(range.Count).ConfigureAwait(false))
            {
                for (var i = 0; i < range.Count; i++) Add(lba + i, Version.Of(source, i * Info.BlockSize, Info.BlockSize));
            }
            else
            {
                // More than the cache holds: written down at once, but no more durable for it.
                await Inner.WriteAsync(lba, source, flags, cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            _one.Release();
        }
    }

    /// <inheritdoc/>
    public override async ValueTask FlushAsync(CancellationToken cancellationToken = default)
    {
        await EnterAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            await WriteDownAsync().ConfigureAwait(false);
            await Inner.FlushAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _one.Release();
        }
    }

    /// <inheritdoc/>
    public override async ValueTask WriteZeroesAsync(BlockRange range,
        BlockWriteFlags flags = BlockWriteFlags.None, CancellationToken cancellationToken = default)
    {
        await EnterAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            BlockDeviceChecks.CheckWritable(Info);
            BlockDeviceChecks.Check(Info, range);
            var mayUnmap = (flags & BlockWriteFlags.MayUnmap) != BlockWriteFlags.None;
            if (IsDurable(flags))
            {
                await Inner.WriteZeroesAsync(range, flags, cancellationToken).ConfigureAwait(false);
                Forget(range);
            }
            else if (await MakeRoomAsync(range.Count).ConfigureAwait(false))
            {
                for (var i = 0L; i < range.Count; i++) Add(range.Lba + i, mayUnmap ? Version.MayUnmap : Version.Zero);
            }
            else
            {
                await Inner.WriteZeroesAsync(range, flags, cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            _one.Release();
        }
    }

    /// <inheritdoc/>
    public override async ValueTask UnmapAsync(BlockRange range, CancellationToken cancellationToken = default)
    {
        await EnterAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            BlockDeviceChecks.CheckWritable(Info);
            BlockDeviceChecks.Check(Info, range);
            if (Info.Unmap == DeviceSupport.None) throw new NotSupportedException($"{Info.Description} can't deallocate.");
            if (await MakeRoomAsync(range.Count).ConfigureAwait(false))
            {
                for (var i = 0L; i < range.Count; i++) Add(range.Lba + i, Version.Unmapped);
            }
            else
            {
                await Inner.UnmapAsync(range, cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            _one.Release();
        }
    }

    /// <inheritdoc/>
    /// <remarks>Calls everything allocated: what is in the cache has no place yet.</remarks>
    public override async ValueTask<int> GetExtentsAsync(BlockRange range, Memory<BlockExtent> extents,
        CancellationToken cancellationToken = default)
    {
        await EnterAsync(cancellationToken).ConfigureAwait(false);
        _one.Release();
        BlockDeviceChecks.Check(Info, range);
        var builder = new ExtentBuilder(range, extents.Span);
        builder.AddUpTo(range.Lba + range.Count, isAllocated: true);
        return builder.Count;
    }

    // Unmapped blocks are cached as zeroes, so they can only be passed on when that is what they read as below.
    private protected override BlockDeviceInfo Describe(BlockDeviceInfo inner) => inner with
    {
        HasVolatileWriteCache = true,
        Unmap = inner.UnmappedReadsZero ? inner.Unmap : DeviceSupport.None,
        Extents = DeviceSupport.Emulated,
        // A power cut keeps any part of what was not flushed.
        MaximumAtomicWriteBytes = 0,
        Store = new StoreNeed(0, 0),
        Description = $"{inner.Description} behind a volatile cache",
    };

    private static bool IsDurable(BlockWriteFlags flags) => (flags & BlockWriteFlags.ForceUnitAccess) != BlockWriteFlags.None;

    private async ValueTask EnterAsync(CancellationToken cancellationToken)
    {
        await _one.WaitAsync(cancellationToken).ConfigureAwait(false);
        if (!_isPowerless && !IsDisposed) return;
        _one.Release();
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        throw new BlockDeviceException(BlockDeviceError.Unavailable, $"{Info.Description} has no power.");
    }
}

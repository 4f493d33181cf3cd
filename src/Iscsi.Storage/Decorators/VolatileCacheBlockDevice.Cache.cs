using Reservations;

namespace Iscsi.Storage;

/// <content>The cache: for each block the unflushed versions, oldest first.</content>
public sealed partial class VolatileCacheBlockDevice
{
    // Blocks that are written down by one call.
    private const int MaxRun = 64;

    private void Overlay(long lba, BlockList destination)
    {
        if (_cache.Count == 0) return;
        var blockSize = Info.BlockSize;
        Span<byte> zeroes = stackalloc byte[blockSize];
        zeroes.Clear();
        for (var i = 0; i < destination.Length / blockSize; i++)
        {
            if (_cache.TryGetValue(lba + i, out var versions)) destination.CopyFrom(i * blockSize, versions[^1].Data ?? zeroes);
        }
    }

    private void Add(long lba, Version version)
    {
        if (!_cache.TryGetValue(lba, out var versions)) _cache.Add(lba, versions = []);
        versions.Add(version);
        _versions++;
    }

    /// <returns>False: it does not fit even into an empty cache, which it then is.</returns>
    private async ValueTask<bool> MakeRoomAsync(long blockCount)
    {
        if (blockCount <= _maxVersions - _versions) return true;
        await WriteDownAsync().ConfigureAwait(false);
        return blockCount <= _maxVersions;
    }

    private void Forget()
    {
        _cache.Clear();
        _versions = 0;
    }

    private void Forget(BlockRange range)
    {
        for (var i = 0L; i < range.Count && _cache.Count > 0; i++)
        {
            if (_cache.Remove(range.Lba + i, out var versions)) _versions -= versions.Count;
        }
    }

    /// <summary>Brings the newest version of each block to the device below and empties the cache.</summary>
    private async ValueTask WriteDownAsync()
    {
        var blockSize = Info.BlockSize;
        var start = 0L;
        var count = 0L;
        var kind = Version.Zero;
        foreach (var (lba, versions) in _cache)
        {
            if (versions.Count == 0) continue; // the power was cut, and none survived
            var version = versions[^1];
            if (count > 0 && lba == start + count && version.IsLike(kind) && count < MaxRun)
            {
                count++;
            }
            else
            {
                await WriteDownAsync(kind, new BlockRange(start, count)).ConfigureAwait(false);
                (start, count, kind) = (lba, 1, version);
            }
            version.Data?.CopyTo(_run, (count - 1) * blockSize);
        }
        await WriteDownAsync(kind, new BlockRange(start, count)).ConfigureAwait(false);
        Forget();
    }

    private async ValueTask WriteDownAsync(Version kind, BlockRange range)
    {
        if (range.Count == 0) return;
        var data = BlockList.Over(_run.AsMemory(0, (int)range.Count * Info.BlockSize));
        var flags = ReferenceEquals(kind, Version.MayUnmap) ? BlockWriteFlags.MayUnmap : BlockWriteFlags.None;
        if (kind.Data != null) await Inner.WriteAsync(range.Lba, data).ConfigureAwait(false);
        else if (ReferenceEquals(kind, Version.Unmapped)) await Inner.UnmapAsync(range).ConfigureAwait(false);
        else await Inner.WriteZeroesAsync(range, flags).ConfigureAwait(false);
    }

    /// <summary>What a block was set to.</summary>
    private sealed class Version
    {
        public static readonly Version Zero = new();
        public static readonly Version MayUnmap = new();
        public static readonly Version Unmapped = new();

        /// <summary>Null: zeroes.</summary>
        public byte[]? Data { get; private init; }

        public static Version Of(BlockList source, int offsetBytes, int blockSize)
        {
            var data = new byte[blockSize];
            source.CopyTo(offsetBytes, data);
            return new Version { Data = data };
        }

        public bool IsLike(Version other) => Data != null ? other.Data != null : ReferenceEquals(this, other);
    }
}

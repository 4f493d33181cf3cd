using Iscsi.Storage;
using Reservations;

namespace Iscsi.Target.Tests.Scsi;

/// <summary>A disk in one array whose description and failures the test chooses, and which notes what it was asked.</summary>
internal sealed class StubBlockDevice : IBlockDevice, IBlockDeviceSpace
{
    private readonly byte[] _bytes;

    public StubBlockDevice(BlockDeviceInfo info)
    {
        Info = info;
        _bytes = new byte[info.LengthBytes];
    }

    public BlockDeviceInfo Info { get; private set; }

    public Exception? ReadFailure { get; set; }

    public Exception? WriteFailure { get; set; }

    public Exception? FlushFailure { get; set; }

    /// <summary>What <see cref="GetSpaceAsync"/> answers.</summary>
    public BlockDeviceSpace Space { get; set; }

    public Exception? SpaceFailure { get; set; }

    public bool SpaceHangs { get; set; }

    public List<string> Calls { get; } = [];

    public Span<byte> Bytes => _bytes;

    public event Action<IBlockDevice>? InfoChanged;

    public bool IsWatched => InfoChanged is not null;

    public void Resize(long blockCount)
    {
        Info = Info with { BlockCount = blockCount };
        InfoChanged?.Invoke(this);
    }

    public ValueTask ReadAsync(long lba, BlockList destination, CancellationToken cancellationToken = default)
    {
        if (ReadFailure is not null) return ValueTask.FromException(ReadFailure);
        Calls.Add($"read {lba} {destination.Length / Info.BlockSize}");
        destination.CopyFrom(0, _bytes.AsSpan((int)lba * Info.BlockSize, destination.Length));
        return default;
    }

    public ValueTask WriteAsync(long lba, BlockList source, BlockWriteFlags flags = default, CancellationToken cancellationToken = default)
    {
        if (WriteFailure is not null) return ValueTask.FromException(WriteFailure);
        Calls.Add($"write {lba} {source.Length / Info.BlockSize}");
        source.CopyTo(0, _bytes.AsSpan((int)lba * Info.BlockSize, source.Length));
        return default;
    }

    public ValueTask FlushAsync(CancellationToken cancellationToken = default)
    {
        if (FlushFailure is not null) return ValueTask.FromException(FlushFailure);
        Calls.Add("flush");
        return default;
    }

    public ValueTask WriteZeroesAsync(BlockRange range, BlockWriteFlags flags = default, CancellationToken cancellationToken = default)
    {
        if (WriteFailure is not null) return ValueTask.FromException(WriteFailure);
        if (Info.WriteZeroes == DeviceSupport.None) throw new NotSupportedException();
        Calls.Add($"zero {range.Lba} {range.Count} {flags}");
        _bytes.AsSpan((int)range.Lba * Info.BlockSize, (int)range.Count * Info.BlockSize).Clear();
        return default;
    }

    public ValueTask UnmapAsync(BlockRange range, CancellationToken cancellationToken = default)
    {
        if (WriteFailure is not null) return ValueTask.FromException(WriteFailure);
        if (Info.Unmap == DeviceSupport.None) throw new NotSupportedException();
        Calls.Add($"unmap {range.Lba} {range.Count}");
        _bytes.AsSpan((int)range.Lba * Info.BlockSize, (int)range.Count * Info.BlockSize).Clear();
        return default;
    }

    /// <summary>What <see cref="GetExtentsAsync"/> answers, as many as fit.</summary>
    public List<BlockExtent> Extents { get; } = [];

    public ValueTask<int> GetExtentsAsync(BlockRange range, Memory<BlockExtent> extents, CancellationToken cancellationToken = default)
    {
        var count = Math.Min(Extents.Count, extents.Length);
        for (var i = 0; i < count; i++) extents.Span[i] = Extents[i];
        return new ValueTask<int>(count);
    }

    public ValueTask<BlockDeviceSpace> GetSpaceAsync(CancellationToken cancellationToken = default)
    {
        Calls.Add("space");
        if (SpaceFailure is not null) return ValueTask.FromException<BlockDeviceSpace>(SpaceFailure);
        return SpaceHangs ? new(new TaskCompletionSource<BlockDeviceSpace>().Task) : new(Space);
    }

    public ValueTask DisposeAsync() => default;
}

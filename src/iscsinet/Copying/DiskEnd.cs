using Iscsi.Storage;

namespace IscsiNet.Cli.Copying;

/// <summary>A disk, byte by byte: what does not fill a block is read, changed and written.</summary>
internal sealed class DiskEnd(IBlockDevice disk) : IChunkSource, IChunkDestination
{
    public bool IsSequential => false;

    public async ValueTask<int> ReadAsync(long offsetBytes, Memory<byte> buffer, CancellationToken cancellationToken)
    {
        var blockSize = disk.Info.BlockSize;
        var count = (int)Math.Min(buffer.Length, disk.Info.LengthBytes - offsetBytes);
        if (count <= 0) return 0;
        var lba = offsetBytes / blockSize;
        var skip = (int)(offsetBytes - lba * blockSize);
        if (skip == 0 && count % blockSize == 0)
        {
            await disk.ReadAsync(lba, buffer[..count], cancellationToken).ConfigureAwait(false);
            return count;
        }

        var whole = new byte[RoundUp(skip + count, blockSize)];
        await disk.ReadAsync(lba, whole, cancellationToken).ConfigureAwait(false);
        whole.AsMemory(skip, count).CopyTo(buffer);
        return count;
    }

    public async ValueTask WriteAsync(long offsetBytes, ReadOnlyMemory<byte> data, CancellationToken cancellationToken)
    {
        var blockSize = disk.Info.BlockSize;
        if (data.Length > disk.Info.LengthBytes - offsetBytes)
            throw new UserException($"the data do not fit: the disk ends at byte {disk.Info.LengthBytes}, and there is more to write at {offsetBytes}");
        var lba = offsetBytes / blockSize;
        var skip = (int)(offsetBytes - lba * blockSize);
        if (skip == 0 && data.Length % blockSize == 0)
        {
            await disk.WriteAsync(lba, data, BlockWriteFlags.None, cancellationToken).ConfigureAwait(false);
            return;
        }

        var whole = new byte[RoundUp(skip + data.Length, blockSize)];
        await disk.ReadAsync(lba, whole, cancellationToken).ConfigureAwait(false);
        data.CopyTo(whole.AsMemory(skip));
        await disk.WriteAsync(lba, whole, BlockWriteFlags.None, cancellationToken).ConfigureAwait(false);
    }

    public ValueTask FlushAsync(CancellationToken cancellationToken) => disk.FlushAsync(cancellationToken);

    private static int RoundUp(int count, int blockSize) => (count + blockSize - 1) / blockSize * blockSize;
}

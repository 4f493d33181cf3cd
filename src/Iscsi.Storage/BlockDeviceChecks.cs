using Reservations;

namespace Iscsi.Storage;

/// <summary>
/// The checks that every device repeats although its caller should have made them: a few compares against silent corruption.
/// </summary>
internal static class BlockDeviceChecks
{
    /// <summary>Checks a transfer of whole blocks.</summary>
    /// <returns>The offset of its first byte.</returns>
    public static long OffsetOf(BlockDeviceInfo info, long lba, BlockList list)
    {
        ArgumentNullException.ThrowIfNull(list);
        var blockCount = list.Length / info.BlockSize;
        if (blockCount * info.BlockSize != list.Length)
            throw new ArgumentException($"{list.Length} bytes are no multiple of the block size of {info.BlockSize} bytes.", nameof(list));
        Check(info, lba, blockCount);
        return lba * info.BlockSize;
    }

    /// <summary>Checks that a range is inside the device.</summary>
    public static void Check(BlockDeviceInfo info, BlockRange range)
    {
        if (range.Count < 1) throw new ArgumentOutOfRangeException(nameof(range), range.Count, "A range has one block or more.");
        Check(info, range.Lba, range.Count);
    }

    private static void Check(BlockDeviceInfo info, long lba, long blockCount)
    {
        if ((ulong)lba <= (ulong)info.BlockCount && (ulong)blockCount <= (ulong)(info.BlockCount - lba)) return;
        throw new BlockDeviceException(BlockDeviceError.OutOfRange,
            $"{info.Description}: {blockCount} blocks from {lba} are not inside its {info.BlockCount} blocks.");
    }

    /// <summary>Refuses a change of a read-only device.</summary>
    public static void CheckWritable(BlockDeviceInfo info)
    {
        if (info.IsReadOnly) throw ReadOnly(info);
    }

    public static BlockDeviceException ReadOnly(BlockDeviceInfo info) =>
        new(BlockDeviceError.ReadOnly, $"{info.Description} is read-only.");

    /// <summary>Checks a block size that a user gave.</summary>
    public static void CheckBlockSize(int blockSize, string parameterName)
    {
        if (blockSize is not (512 or 4096))
            throw new ArgumentOutOfRangeException(parameterName, blockSize, $"A block size of {blockSize} bytes is not supported: use 512 or 4096.");
    }

    /// <summary>Checks a length that a user gave for a new device.</summary>
    public static void CheckLength(long lengthBytes, int blockSize, string parameterName)
    {
        if (lengthBytes <= 0 || lengthBytes % blockSize != 0)
        {
            throw new ArgumentOutOfRangeException(parameterName, lengthBytes,
                $"A length of {lengthBytes} bytes is not possible: it must be a positive multiple of the block size of {blockSize} bytes.");
        }
    }
}

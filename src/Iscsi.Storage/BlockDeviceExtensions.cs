using Reservations;

namespace Iscsi.Storage;

/// <summary>Calls for users who bring plain memory.</summary>
public static class BlockDeviceExtensions
{
    /// <summary>Reads whole blocks into memory, which is pinned until the read has ended.</summary>
    /// <param name="device">The device.</param>
    /// <param name="lba">First block.</param>
    /// <param name="destination">A multiple of the block size; empty reads nothing.</param>
    /// <param name="cancellationToken">May be ignored once the read runs.</param>
    /// <exception cref="ArgumentException">The length is no multiple of the block size.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The blocks are not inside the device.</exception>
    /// <exception cref="BlockDeviceException">The read failed.</exception>
    public static async ValueTask ReadAsync(this IBlockDevice device, long lba, Memory<byte> destination,
        CancellationToken cancellationToken = default)
    {
        CheckTransfer(device, lba, destination.Length, nameof(destination));
        if (destination.IsEmpty) return;
        using var pin = destination.Pin();
        await device.ReadAsync(lba, BlockList.Over(destination), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Writes whole blocks from memory, which is pinned until the write has ended.</summary>
    /// <param name="device">The device.</param>
    /// <param name="lba">First block.</param>
    /// <param name="source">A multiple of the block size; empty writes nothing.</param>
    /// <param name="flags">How; <see cref="BlockWriteFlags.ForceUnitAccess"/> makes it durable.</param>
    /// <param name="cancellationToken">May be ignored once the write runs.</param>
    /// <exception cref="ArgumentException">The length is no multiple of the block size.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The blocks are not inside the device.</exception>
    /// <exception cref="BlockDeviceException">The write failed.</exception>
    public static async ValueTask WriteAsync(this IBlockDevice device, long lba, ReadOnlyMemory<byte> source,
        BlockWriteFlags flags = BlockWriteFlags.None, CancellationToken cancellationToken = default)
    {
        CheckTransfer(device, lba, source.Length, nameof(source));
        if (source.IsEmpty) return;
        using var pin = source.Pin();
        // A device never writes to the list of a write: the cast gives it no more than it may have.
        var list = BlockList.Over(System.Runtime.InteropServices.MemoryMarshal.AsMemory(source));
        await device.WriteAsync(lba, list, flags, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// Whether two devices are the same storage (one file under two names, for instance), which only one of them may serve.
    /// </summary>
    /// <param name="device">A device.</param>
    /// <param name="other">Another one.</param>
    public static bool IsSameStorage(this IBlockDevice device, IBlockDevice other)
    {
        ArgumentNullException.ThrowIfNull(device);
        ArgumentNullException.ThrowIfNull(other);
        return string.Equals(device.Info.Identity, other.Info.Identity, StringComparison.Ordinal);
    }

    private static void CheckTransfer(IBlockDevice device, long lba, int lengthBytes, string parameterName)
    {
        ArgumentNullException.ThrowIfNull(device);
        var info = device.Info;
        if (lengthBytes % info.BlockSize != 0)
            throw new ArgumentException($"{lengthBytes} bytes are no multiple of the block size of {info.BlockSize} bytes.", parameterName);
        ArgumentOutOfRangeException.ThrowIfNegative(lba);
        if (lba > info.BlockCount || lengthBytes / info.BlockSize > info.BlockCount - lba)
        {
            throw new ArgumentOutOfRangeException(nameof(lba), lba,
                $"{lengthBytes / info.BlockSize} blocks from {lba} are not inside the device's {info.BlockCount} blocks.");
        }
    }
}

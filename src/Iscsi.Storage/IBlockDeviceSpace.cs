namespace Iscsi.Storage;

/// <summary>A device that knows how much space there is below it. A device whose <see cref="BlockDeviceInfo.ReportsSpace"/> is true has it.</summary>
public interface IBlockDeviceSpace
{
    /// <summary>The space below the device now. Asks the file system: for once in a while, not for every write.</summary>
    /// <exception cref="BlockDeviceException">It can't be told.</exception>
    ValueTask<BlockDeviceSpace> GetSpaceAsync(CancellationToken cancellationToken = default);
}

/// <summary>The space below a device.</summary>
/// <param name="AvailableBytes">
/// Bytes that can still be allocated, by this device and by everything else on the same file system together. Null: not known.
/// </param>
/// <param name="AllocatedBytes">Bytes that the device has allocated. Null: not known.</param>
public readonly record struct BlockDeviceSpace(long? AvailableBytes, long? AllocatedBytes);

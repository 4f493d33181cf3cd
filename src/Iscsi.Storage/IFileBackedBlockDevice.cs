using Microsoft.Win32.SafeHandles;

namespace Iscsi.Storage;

/// <summary>
/// A device whose blocks lie in a file, one after the other from its first byte on, so that a reader may have the system send them from there
/// without a copy through memory of its own. A decorator that has to see the data, or to delay or fail a read, does not have this.
/// </summary>
public interface IFileBackedBlockDevice : IBlockDevice
{
    /// <summary>
    /// Whether what a read that was begun needs is sure to stay in memory. If not, it is best sent at once: the system may drop it from its cache
    /// for want of memory, and whoever sends it then waits for the disk.
    /// </summary>
    bool StaysAtHand { get; }

    /// <summary>
    /// Begins a read that the caller does itself, from the file. It counts as inside the device, which is not closed meanwhile, until
    /// <see cref="EndFileRead"/>. What is written to those blocks before the caller has used the bytes may be among them, block by block or
    /// in part: other than with <see cref="IBlockDevice.ReadAsync"/>, the bytes are not copied at one moment.
    /// </summary>
    /// <param name="range">Blocks inside the device.</param>
    /// <param name="file">The file, which stays the device's.</param>
    /// <param name="offsetBytes">Where the blocks begin in it.</param>
    /// <returns>
    /// False: not now, or not at all (the bytes would have to be waited for, the file was made shorter, the device is closed). Then
    /// <see cref="IBlockDevice.ReadAsync"/> is to be called, which does it or says what is wrong, and nothing has to be ended.
    /// </returns>
    bool TryBeginFileRead(BlockRange range, out SafeFileHandle file, out long offsetBytes);

    /// <summary>Ends a read that was begun: the caller touches the file no more.</summary>
    void EndFileRead();
}

using Reservations;

namespace Iscsi.Storage;

/// <summary>
/// Shorter ways that a device may offer a caller who counts the threads of its <see cref="StoreNeed"/>. Nobody has to take them, and a
/// decorator hides them.
/// </summary>
public interface IBlockDeviceShortcuts
{
    /// <summary>
    /// Reads whole blocks on this thread if they are there without waiting: that is none of the requests of <see cref="StoreNeed"/>.
    /// </summary>
    /// <param name="lba">First block.</param>
    /// <param name="destination">The list.</param>
    /// <returns>True: the list is filled. False: nothing is promised of its content, and <see cref="IBlockDevice.ReadAsync"/> has to be
    /// asked, which also says what is wrong if something is.</returns>
    bool TryRead(long lba, BlockList destination);

    /// <summary>
    /// Whether a durable write is better made of an ordinary one and a flush just now: others wait for the disk at the same time, who
    /// share flushes (<see cref="StoreNeed.SharesFlushes"/>), and a flush has little else to write. A hint: both ways are always right.
    /// </summary>
    bool PrefersFlush { get; }
}

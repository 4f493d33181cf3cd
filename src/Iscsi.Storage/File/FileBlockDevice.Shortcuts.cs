using Reservations;

namespace Iscsi.Storage;

/// <content>What needs no store thread.</content>
public sealed partial class FileBlockDevice : IBlockDeviceShortcuts
{
    /// <inheritdoc/>
    public bool PrefersFlush => _backend.PrefersFlush;

    /// <inheritdoc/>
    /// <remarks>True for what is in the page cache, where the file system can tell (preadv2 with RWF_NOWAIT: ext4, XFS, Btrfs), and for
    /// all of a file on tmpfs.</remarks>
    public bool TryRead(long lba, BlockList destination)
    {
        try
        {
            var offsetBytes = BlockDeviceChecks.OffsetOf(Info, lba, destination);
            _gate.Enter(this);
            try
            {
                if (!_neverBlocks) return _backend.ReadWithoutWaiting(offsetBytes, destination) == destination.Length;
                _backend.Read(offsetBytes, destination, 0);
                return true;
            }
            finally
            {
                _gate.Leave();
            }
        }
        catch (Exception e) when (e is BlockDeviceException or ObjectDisposedException)
        {
            return false; // the whole call finds it again and reports it
        }
    }
}

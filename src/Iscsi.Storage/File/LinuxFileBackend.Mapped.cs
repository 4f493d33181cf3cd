using Reservations;

namespace Iscsi.Storage;

/// <content>Transfers of the file's own pages.</content>
internal sealed partial class LinuxFileBackend
{
    private FileMapping? _mapping;
    private int _isTimeDue; // 1: the mapping was written to since the file's time of modification was set

    /// <summary>
    /// Maps what is on tmpfs. Elsewhere a page might have to be waited for; and whether a page of someone else's file is there, the kernel
    /// tells only those who may write to it. Of other files it is only asked what is in memory.
    /// </summary>
    public void TryMap()
    {
        if (!NeverBlocks) FindCachedPages(GetLength());
        else if (!_options.IsReadOnly) _mapping = FileMapping.TryCreate(_calls, _fd, GetLength());
    }

    private bool TryWriteMapped(long offsetBytes, BlockList list)
    {
        if (_mapping is null) return false;
        // A copy leaves the time of modification as it is. So the first one after a flush is a call, and the next flush sets it again.
        if (Volatile.Read(ref _isTimeDue) != 0) return _mapping.TryWrite(offsetBytes, list);
        Volatile.Write(ref _isTimeDue, 1);
        return false;
    }

    public override void OnLengthChanged(long lengthBytes)
    {
        _mapping?.SetLength(lengthBytes);
        if (_cachedPages is not null) FindCachedPages(lengthBytes);
    }

    /// <summary>Before a flush, and at the end: sets the time, at which backups look, and finds what copies can't have written.</summary>
    /// <exception cref="BlockDeviceException">The file was made shorter. What was copied behind its end, but into its last page, is not in it.</exception>
    private void EndCopies()
    {
        if (Interlocked.Exchange(ref _isTimeDue, 0) == 0) return;
        _ = _calls.SetTimes(_fd);
        if (GetLength() is var length && length < _mapping!.LengthBytes)
        {
            _mapping.Abandon();
            throw new BlockDeviceException(BlockDeviceError.WriteFailed,
                $"{Path}: the file was made shorter, to {length} bytes, while it was written to: data may be lost. Make it as long as the disk, and open it again.");
        }
    }
}

using Reservations;

namespace Iscsi.Storage;

/// <content>Transfers of the file's own pages.</content>
internal sealed partial class LinuxFileBackend
{
    private FileMapping? _mapping;
    private int _isTimeDue; // 1: the mapping was written to since the file's time of modification was set

    /// <summary>
    /// Maps what is on tmpfs. Elsewhere a page might have to be waited for; and whether a page of someone else's file is there, the kernel
    /// tells only those who may write to it.
    /// </summary>
    public void TryMap()
    {
        if (CanBeSent && !_options.IsReadOnly) _mapping = FileMapping.TryCreate(_calls, _fd, GetLength());
    }

    private bool TryWriteMapped(long offsetBytes, BlockList list)
    {
        if (_mapping is null) return false;
        // A copy leaves the time of modification as it is. So the first one after a flush is a call, and the next flush sets it again.
        if (Volatile.Read(ref _isTimeDue) != 0) return _mapping.TryWrite(offsetBytes, list);
        Volatile.Write(ref _isTimeDue, 1);
        return false;
    }

    // Backups look at it.
    private void SetTime()
    {
        if (Interlocked.Exchange(ref _isTimeDue, 0) != 0) _ = _calls.SetTimes(_fd);
    }
}

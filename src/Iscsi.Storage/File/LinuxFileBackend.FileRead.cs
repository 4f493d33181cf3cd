namespace Iscsi.Storage;

/// <content>Reads by sendfile.</content>
internal sealed partial class LinuxFileBackend
{
    // Of the length the file had when it was opened, then one of each new length: whoever asks may still have the one before.
    private readonly List<CachedPages> _allCachedPages = [];
    private volatile CachedPages? _cachedPages;

    // Of tmpfs it is known that pages are handed to the socket as they are, and that nothing is waited for. Elsewhere the page has to be in the cache.
    public override bool CanBeSent => NeverBlocks || _cachedPages is not null;

    public override bool StaysAtHand => NeverBlocks;

    // A file that someone has made shorter is left to Read, which says so. One that is made shorter later ends the connection.
    public override bool IsAtHand(long offsetBytes, long lengthBytes) =>
        _calls.Seek(_fd, 0, Linux.SeekEnd) >= offsetBytes + lengthBytes && (NeverBlocks || (_cachedPages is { } pages && pages.Has(offsetBytes, lengthBytes)));

    // Only where the system takes pages from its cache without a lock that a writer, who may be waiting for the disk, could have: XFS has one.
    private void FindCachedPages(long lengthBytes)
    {
        if (_directAlignment != 0 || (IsRegular && _fileSystem.Magic is not (Linux.ExtMagic or Linux.BtrfsMagic))) return;
        var pages = CachedPages.TryCreate(_calls, _fd, lengthBytes);
        if (pages is not null) _allCachedPages.Add(pages);
        _cachedPages = pages;
    }
}

namespace Iscsi.Storage;

/// <content>Reads by sendfile.</content>
internal sealed partial class LinuxFileBackend
{
    // Of tmpfs it is known that pages are handed to the socket as they are, and that nothing is waited for.
    public override bool CanBeSent => NeverBlocks && IsRegular;

    // A file that someone has made shorter is left to Read, which says so. One that is made shorter later ends the connection.
    public override bool IsAtHand(long offsetBytes, long lengthBytes) => _calls.Seek(_fd, 0, Linux.SeekEnd) >= offsetBytes + lengthBytes;
}

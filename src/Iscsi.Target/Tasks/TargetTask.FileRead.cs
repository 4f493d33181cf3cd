using Iscsi.Protocol;
using Iscsi.Storage;
using Iscsi.Transport;
using Microsoft.Win32.SafeHandles;
using Reservations;

namespace Iscsi.Target.Tasks;

// Data-In that the system sends from the device's file: the chunk needs no memory, and none of the device's requests. It is asked with
// the range lock, like for any read, which is left then, because nothing below Store may be waited for with it. So a write that comes while the chunk is being sent may be
// seen in it, which is what two commands at the same time may do (SAM-5 orders them only by ORDERED, see TargetSession.FileReads).
internal sealed partial class TargetTask
{
    // Below it, the copy costs less than the calls of its own that each part of a file takes.
    internal const int MinFileReadBytes = 24 * 1024;

    private const int FileChunkBytes = 256 * 1024;

    private IFileBackedBlockDevice? _fileDevice; // while it is asked, and while its file is being sent from
    private SafeFileHandle? _file;
    private long _fileOffset;
    private long _fileReadMark;

    bool ITaskSetMember<TargetTask>.WaitsForOlder => Session.MustWaitForFileReads(_unit!, ref _fileReadMark);

    // Chooses for the chunk. The device may still refuse.
    private bool TryPlanFileRead(long remaining)
    {
        if (remaining < MinFileReadBytes || !Session.Channel.CanSendFiles || Request.Unit!.Device is not IFileBackedBlockDevice device) return false;
        if (device.Info.MaximumAtomicWriteBytes != 0) return false; // a part of a WRITE ATOMIC may be seen by nobody
        if (!device.StaysAtHand && Session.Channel.IsSendBlocked) return false; // it would wait behind what is blocked, and may be gone then
        _fileDevice = device;
        _chunkBytes = (int)Math.Min(remaining, FileChunkBytes);
        EnterStore();
        return true;
    }

    // In place of the device's read.
    private void BeginFileRead()
    {
        if (_fileDevice!.TryBeginFileRead(new BlockRange(CurrentLba, RoundUp(_chunkBytes) / BlockBytes), out _file, out _fileOffset))
        {
            Session.OnFileRead();
            OnIoEnded(null);
            return;
        }
        _file = null;
        _fileDevice = null;
        ReleaseRange();
        ReserveReadBurst(_totalBytes - _offsetBytes);
    }

    private void EndFileRead()
    {
        var device = _fileDevice;
        _fileDevice = null;
        if (_file is null) return;
        _file = null;
        device!.EndFileRead();
    }

    private void QueueFileDataIn(in DataInFields fields, int offsetBytes, int lengthBytes, Grant wire) =>
        Session.QueueDataIn(this, fields, new OutboundFile(_file!, _fileOffset + offsetBytes, lengthBytes), wire);
}

using Microsoft.Win32.SafeHandles;

namespace Iscsi.Storage;

/// <content>Reads that the caller does from the file itself.</content>
public sealed partial class FileBlockDevice : IFileBackedBlockDevice
{
    /// <inheritdoc/>
    public bool StaysAtHand => _backend.StaysAtHand;

    /// <inheritdoc/>
    public bool TryBeginFileRead(BlockRange range, out SafeFileHandle file, out long offsetBytes)
    {
        var info = Info;
        file = _backend.Handle;
        offsetBytes = range.Lba * info.BlockSize;
        if (!_backend.CanBeSent || range.Lba < 0 || range.Count < 1 || range.Lba > info.BlockCount - range.Count) return false;
        if (!_gate.TryEnter()) return false;
        var isThere = false;
        try
        {
            return isThere = _backend.IsAtHand(offsetBytes, range.Count * info.BlockSize);
        }
        finally
        {
            if (!isThere) _gate.Leave();
        }
    }

    /// <inheritdoc/>
    public void EndFileRead() => _gate.Leave();
}

using Microsoft.Win32.SafeHandles;
using Reservations;

namespace Iscsi.Storage;

/// <content>Reads that the caller does from the file itself.</content>
public sealed partial class FileBlockDevice : IFileBackedBlockDevice
{
    private const int MaxMappedReadBytes = 1 << 30;

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

    /// <inheritdoc/>
    public bool TryBeginMappedRead(BlockRange range, BlockList memory)
    {
        ArgumentNullException.ThrowIfNull(memory);
        if (_backend.Mapping is not { } mapping) return false;
        var info = Info;
        if (range.Lba < 0 || range.Count < 1 || range.Lba > info.BlockCount - range.Count || range.Count > MaxMappedReadBytes / info.BlockSize) return false;
        if (!_gate.TryEnter()) return false;
        if (!mapping.TryGet(range.Lba * info.BlockSize, (int)range.Count * info.BlockSize, out var bytes))
        {
            _gate.Leave();
            return false;
        }
        memory.Clear();
        memory.Add(bytes);
        return true;
    }

    /// <inheritdoc/>
    public void EndMappedRead(bool hasFailed)
    {
        if (hasFailed) _backend.Mapping!.Forget();
        _gate.Leave();
    }
}

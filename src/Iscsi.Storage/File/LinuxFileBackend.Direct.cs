using System.Runtime.CompilerServices;

namespace Iscsi.Storage;

/// <content>Direct I/O.</content>
internal sealed unsafe partial class LinuxFileBackend
{
    /// <summary>
    /// Reads a block where the file system has not said what it wants direct I/O to be aligned to (before Linux 6.1, tmpfs, some network
    /// ones), so that a disk that can't be served this way is refused when it is opened and not by its first command.
    /// </summary>
    [SkipLocalsInit]
    public void ProbeDirect()
    {
        if (_directAlignment == 0 || HasDirectAlignment) return;
        var memory = stackalloc byte[BounceBytes + BounceAlignment];
        var vector = new IoVector { Base = Align(memory), Length = BlockSize };
        if (Call(isWrite: false, &vector, 1, 0, 0) == -Linux.EInval) throw BlocksTooSmall("larger blocks");
    }

    private bool HasDirectAlignment => (_status.Mask & Linux.StatXDirectAlignment) != 0 && _status.DirectOffsetAlignment != 0;

    /// <returns>What memory, offsets and lengths are aligned to, a power of two.</returns>
    private int EnableDirect()
    {
        var result = _calls.SetDirect(_fd);
        if (result < 0)
        {
            throw new BlockDeviceException(BlockDeviceError.NotSupported,
                $"{Path}: its file system can't do direct I/O ({FileErrors.Name(result)}). Open it without direct, or put it on another file system.");
        }
        if (!HasDirectAlignment) return BlockSize;
        var offsetAlignment = (int)_status.DirectOffsetAlignment;
        if (offsetAlignment > BlockSize) throw BlocksTooSmall($"blocks of {offsetAlignment} bytes");
        return Math.Max(offsetAlignment, (int)_status.DirectMemoryAlignment);
    }

    private static byte* Align(byte* memory) => (byte*)(((nuint)memory + BounceAlignment - 1) & ~(nuint)(BounceAlignment - 1));

    // Not read, changed and written back: the disk below would do that too where it can, and two such writes of neighbours would need a lock.
    private BlockDeviceException BlocksTooSmall(string needs) => new(BlockDeviceError.NotSupported,
        $"{Path}: direct I/O there needs {needs}. Open it {(BlockSize < 4096 ? "with block-size=4096, or " : "")}without direct.");
}

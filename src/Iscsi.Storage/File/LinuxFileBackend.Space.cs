using System.Runtime.InteropServices;

namespace Iscsi.Storage;

/// <content>Allocation: holes, zeroes, extents.</content>
internal sealed unsafe partial class LinuxFileBackend
{
    private const int ZeroBytes = 64 * 1024;
    private const int ZeroVectors = 16;

    // For the whole process: nobody writes to it. Aligned for direct I/O.
    private static readonly nint Zeroes = AllocateZeroes();

    public override void Zero(long offsetBytes, long lengthBytes, bool mayUnmap, bool durable)
    {
        CheckLatch();
        if (!TryZeroNatively(offsetBytes, lengthBytes, mayUnmap)) WriteZeroes(offsetBytes, lengthBytes, durable);
        else if (durable) Sync();
    }

    public override void Unmap(long offsetBytes, long lengthBytes, bool durable)
    {
        if (!_canPunch) throw new NotSupportedException($"{Path}: its file system can't deallocate a part of a file.");
        CheckLatch();
        // The kernel removes the file system's whole blocks and zeroes the parts of others.
        _mapping?.Forget(offsetBytes, lengthBytes);
        var result = Allocate(Linux.FallocPunchHole | Linux.FallocKeepSize, offsetBytes, lengthBytes);
        _mapping?.Forget(offsetBytes, lengthBytes);
        if (result < 0) throw Failed("be deallocated", result, offsetBytes, BlockDeviceError.WriteFailed);
        if (durable) Sync();
    }

    public override int GetExtents(BlockRange range, Span<BlockExtent> extents)
    {
        var builder = new ExtentBuilder(range, extents);
        var endBytes = (range.Lba + range.Count) * BlockSize;
        var offsetBytes = range.Lba * BlockSize;
        while (offsetBytes < endBytes)
        {
            var data = HasHoles ? _calls.Seek(_fd, offsetBytes, Linux.SeekData) : -Linux.EInval;
            if (data == -Linux.EInval) data = offsetBytes; // not known: everything counts as allocated
            else if (data == -Linux.ENxIo) data = endBytes; // no data from here to the end
            else if (data < 0) throw Failed("be searched for holes", data, offsetBytes, BlockDeviceError.MediumError);
            // A block with any data in it is allocated.
            if (!builder.AddUpTo(data / BlockSize, isAllocated: false)) break;
            var hole = HasHoles ? _calls.Seek(_fd, data, Linux.SeekHole) : endBytes;
            if (hole == -Linux.ENxIo || hole == -Linux.EInval) hole = endBytes;
            else if (hole < 0) throw Failed("be searched for holes", hole, data, BlockDeviceError.MediumError);
            if (!builder.AddUpTo((hole + BlockSize - 1) / BlockSize, isAllocated: true)) break;
            offsetBytes = builder.Next * BlockSize;
        }
        return builder.Count;
    }

    private bool TryZeroNatively(long offsetBytes, long lengthBytes, bool mayUnmap)
    {
        if (mayUnmap && _canPunch)
        {
            Unmap(offsetBytes, lengthBytes, durable: false);
            return true;
        }
        if (_noZeroRange) return false;
        var result = Allocate(Linux.FallocZeroRange | Linux.FallocKeepSize, offsetBytes, lengthBytes);
        if (result == 0) return true;
        if (result is not (-Linux.EOpNotSupp or -Linux.ENoSys or -Linux.EInval or -Linux.ENoDev))
            throw Failed("be zeroed", result, offsetBytes, BlockDeviceError.WriteFailed);
        _noZeroRange = true;
        return false;
    }

    private void WriteZeroes(long offsetBytes, long lengthBytes, bool durable)
    {
        var vectors = stackalloc IoVector[ZeroVectors];
        while (lengthBytes > 0)
        {
            var count = 0;
            for (var left = lengthBytes; left > 0 && count < ZeroVectors; left -= ZeroBytes)
                vectors[count++] = new IoVector { Base = (byte*)Zeroes, Length = (nint)Math.Min(left, ZeroBytes) };
            var result = WriteZeroes(vectors, count, offsetBytes);
            if (result <= 0) throw WriteFailed(result, offsetBytes);
            offsetBytes += result;
            lengthBytes -= result;
        }
        if (durable) Sync();
    }

    private long WriteZeroes(IoVector* vectors, int count, long offsetBytes)
    {
        var lengthBytes = count * ZeroBytes;
        _mapping?.EnterWrite(offsetBytes, lengthBytes);
        try
        {
            return Call(isWrite: true, vectors, count, offsetBytes, 0);
        }
        finally
        {
            _mapping?.LeaveWrite(offsetBytes, lengthBytes);
        }
    }

    private long Allocate(int mode, long offsetBytes, long lengthBytes)
    {
        long result;
        do
        {
            result = _calls.Allocate(_fd, mode, offsetBytes, lengthBytes);
        }
        while (result == -Linux.EIntr);
        return result;
    }

    private static nint AllocateZeroes()
    {
        var zeroes = NativeMemory.AlignedAlloc(ZeroBytes, BounceAlignment);
        NativeMemory.Clear(zeroes, ZeroBytes);
        return (nint)zeroes;
    }
}

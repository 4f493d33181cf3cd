using System.Runtime.CompilerServices;
using Reservations;

namespace Iscsi.Storage;

/// <content>Reads and writes.</content>
internal sealed unsafe partial class LinuxFileBackend
{
    // 4 KiB of stack, and 1 MiB of transfer in 4 KiB blocks; the kernel would take 1,024 (IOV_MAX).
    private const int MaxVectors = 256;

    // Holds whole blocks of either size, on the stack.
    private const int BounceBytes = 16384;
    private const int BounceAlignment = 4096;

    public override int ReadWithoutWaiting(long offsetBytes, BlockList list)
    {
        var cursor = default(RunCursor);
        while (!_noNoWait && cursor.DoneBytes < list.Length)
        {
            var result = Transfer(isWrite: false, offsetBytes, list, ref cursor, Linux.RwfNoWait);
            if (result > 0) continue;
            if (result is -Linux.EOpNotSupp or -Linux.EInval or -Linux.ENoSys) _noNoWait = true;
            break; // not cached, or an error, which the waiting read finds again and reports
        }
        return cursor.DoneBytes;
    }

    public override void Read(long offsetBytes, BlockList list, int doneBytes)
    {
        if (doneBytes == 0 && _mapping is not null && _mapping.TryRead(offsetBytes, list)) return;
        var cursor = default(RunCursor);
        cursor.Advance(list, doneBytes);
        while (cursor.DoneBytes < list.Length)
        {
            var result = Transfer(isWrite: false, offsetBytes, list, ref cursor, 0);
            if (result == 0) throw EndOfFile(offsetBytes + cursor.DoneBytes);
            if (result < 0) throw Failed("be read", result, offsetBytes + cursor.DoneBytes, BlockDeviceError.MediumError);
        }
    }

    public override void Write(long offsetBytes, BlockList list, bool durable)
    {
        CheckLatch();
        bool isDurable;
        _mapping?.EnterWrite(offsetBytes, list.Length);
        try
        {
            isDurable = WriteList(offsetBytes, list, durable);
        }
        finally
        {
            _mapping?.LeaveWrite(offsetBytes, list.Length);
        }
        if (durable && !isDurable) Sync();
    }

    /// <returns>Whether it is durable.</returns>
    private bool WriteList(long offsetBytes, BlockList list, bool durable)
    {
        if (durable && !_noDSync && TryWriteDurably(offsetBytes, list)) return true;
        if (!TryWriteMapped(offsetBytes, list))
        {
            var cursor = default(RunCursor);
            var result = WriteAll(offsetBytes, list, ref cursor, 0);
            if (result <= 0) throw WriteFailed(result, offsetBytes + cursor.DoneBytes);
        }
        OnWritten(list.Length);
        return false;
    }

    /// <summary>Writes and syncs in one call.</summary>
    /// <returns>False: the system can't; nothing is promised.</returns>
    private bool TryWriteDurably(long offsetBytes, BlockList list)
    {
        var cursor = default(RunCursor);
        var ticket = Fence.Begin();
        var hasSucceeded = false;
        try
        {
            var result = WriteAll(offsetBytes, list, ref cursor, Linux.RwfDSync);
            hasSucceeded = result > 0;
            if (!hasSucceeded)
            {
                _noDSync = result is -Linux.EOpNotSupp or -Linux.ENoSys;
                if (_noDSync) return false;
                var error = WriteFailed(result, offsetBytes + cursor.DoneBytes);
                // It may have failed while pages were written back, which latches. A full file system is told apart by writing
                // once more without the sync: when that finds no space either, nothing was accepted that could be lost.
                if (error.Error != BlockDeviceError.NoSpace
                    || Transfer(isWrite: true, offsetBytes, list, ref cursor, 0) is not (-Linux.ENoSpc or -Linux.EDQuot))
                {
                    Latch(error);
                }
                throw error;
            }
        }
        finally
        {
            Fence.End(ticket, hasSucceeded);
        }
        CheckLatch();
        return true;
    }

    /// <returns>More than 0: all is written. Else what the last call answered.</returns>
    private long WriteAll(long offsetBytes, BlockList list, ref RunCursor cursor, int flags)
    {
        while (cursor.DoneBytes < list.Length)
        {
            var result = Transfer(isWrite: true, offsetBytes, list, ref cursor, flags);
            if (result <= 0) return result;
        }
        return 1;
    }

    private BlockDeviceException WriteFailed(long result, long offsetBytes) => result == 0
        ? new(BlockDeviceError.WriteFailed, $"{Path}: nothing was written at byte {offsetBytes}.")
        : Failed("be written", result, offsetBytes, BlockDeviceError.WriteFailed);

    /// <summary>
    /// One system call. It ends on a block boundary, because the kernel keeps two writes of one block apart only within a call.
    /// </summary>
    /// <returns>Bytes, by which the cursor was moved; 0 at the end of the file; or the negative errno.</returns>
    [SkipLocalsInit]
    private long Transfer(bool isWrite, long offsetBytes, BlockList list, ref RunCursor cursor, int flags)
    {
        var vectors = stackalloc IoVector[MaxVectors];
        offsetBytes += cursor.DoneBytes;
        var count = Fill(vectors, offsetBytes, list, cursor);
        if (count == 0) return Bounce(isWrite, offsetBytes, list, ref cursor, flags);
        var result = Call(isWrite, vectors, count, offsetBytes, flags);
        if (result > 0) cursor.Advance(list, (int)result);
        return result;
    }

    /// <summary>The runs from the cursor on, as many as fit and are aligned, cut at the last block boundary.</summary>
    /// <returns>Vectors filled; 0 when not even one block can be had without a copy.</returns>
    private int Fill(IoVector* vectors, long offsetBytes, BlockList list, RunCursor cursor)
    {
        var count = 0;
        var runOffset = cursor.RunOffset;
        var end = offsetBytes;
        for (var run = cursor.Run; run < list.Count && count < MaxVectors; run++)
        {
            var start = list.Address(run) + runOffset;
            var length = list.Runs[run].Length - runOffset;
            if (_directAlignment != 0 && (((nuint)start | (nuint)length) & (nuint)(_directAlignment - 1)) != 0) break;
            vectors[count++] = new IoVector { Base = start, Length = length };
            end += length;
            runOffset = 0;
        }
        for (var surplus = (nint)(end % BlockSize); surplus > 0 && count > 0;)
        {
            var cut = Math.Min(surplus, vectors[count - 1].Length);
            surplus -= cut;
            vectors[count - 1].Length -= cut;
            if (vectors[count - 1].Length == 0) count--;
        }
        return count;
    }

    /// <summary>Goes through a copy: a block in more runs than a call takes, or memory that direct I/O can't use.</summary>
    [SkipLocalsInit]
    private long Bounce(bool isWrite, long offsetBytes, BlockList list, ref RunCursor cursor, int flags)
    {
        var memory = stackalloc byte[BounceBytes + BounceAlignment];
        memory = Align(memory);
        var length = (int)Math.Min(list.Length - cursor.DoneBytes, BounceBytes - offsetBytes % BlockSize);
        if (isWrite) list.CopyTo(cursor.DoneBytes, new Span<byte>(memory, length));
        var vector = new IoVector { Base = memory, Length = length };
        var result = Call(isWrite, &vector, 1, offsetBytes, flags);
        if (result <= 0) return result;
        if (!isWrite) list.CopyFrom(cursor.DoneBytes, new Span<byte>(memory, (int)result));
        cursor.Advance(list, (int)result);
        return result;
    }

    private long Call(bool isWrite, IoVector* vectors, int count, long offsetBytes, int flags)
    {
        long result;
        do
        {
            result = isWrite
                ? _calls.Write(_fd, vectors, count, offsetBytes, flags)
                : _calls.Read(_fd, vectors, count, offsetBytes, flags);
        }
        while (result == -Linux.EIntr);
        return result;
    }

    private BlockDeviceException Failed(string whatItCant, long result, long offsetBytes, BlockDeviceError ioError) =>
        FileErrors.FromErrno(Path, $"{whatItCant} at byte {offsetBytes}", result, ioError);
}

using Reservations;

namespace Iscsi.Storage;

/// <summary>
/// A file on tmpfs in the process's address space: reads and writes are copies, without a system call, and writes of several threads do not wait for
/// the file's lock (its inode's).
/// </summary>
/// <remarks>
/// <para>
/// To look at a hole through a mapping would allocate it, and a full tmpfs can't. So only parts are used whose pages are all known to be there (mincore);
/// what is deallocated has to be forgotten. The mark of a part is found by the first transfer of it.
/// </para>
/// <para>
/// A file that someone has made shorter leaves a mapping without pages behind it; see <see cref="BusErrors"/>. What the mapping shows counts as
/// resident memory of the process, and the kernel looks at that when it chooses whom to end for want of memory; hence the limits.
/// </para>
/// </remarks>
internal sealed unsafe class FileMapping : IDisposable
{
    /// <summary>The longest file that is mapped.</summary>
    public const long MaxBytes = 4L << 30;

    // All mappings of the process take no more than this part of the memory of the machine, or of the container.
    private const int MemoryShare = 8;

    private const int PartShift = 16;
    private const int PartBytes = 1 << PartShift;

    private const byte IsThere = byte.MaxValue;

    // After a part with holes was found, so many transfers of it are not worth another look.
    private const byte Patience = 64;

    private const int LockCount = 256;

    // What is written in such pieces is a stream, or a copy, rather than something that is read again at once.
    private const int LargeBytes = 32 * 1024;

    private static long s_mappedBytes;

    private readonly LinuxCalls _calls;
    private readonly byte* _address;
    private readonly long _mappedBytes;

    // Of each part: IsThere, or the number of transfers until the next look. Several threads count down at once; then it comes a little earlier or later.
    private readonly byte[] _parts;
    private readonly int[] _locks = new int[LockCount]; // of the parts, in turn; 1: held
    private long _lengthBytes; // of the disk, as far as it is mapped
    private int _changes;
    private volatile bool _isBroken;

    private FileMapping(LinuxCalls calls, byte* address, long lengthBytes)
    {
        _calls = calls;
        _address = address;
        _mappedBytes = _lengthBytes = lengthBytes;
        _parts = new byte[(lengthBytes + PartBytes - 1) >> PartShift];
    }

    /// <summary>Maps a file as long as it is now.</summary>
    /// <returns>Null where it is too long for the machine, or the system does not want to.</returns>
    public static FileMapping? TryCreate(LinuxCalls calls, int fd, long lengthBytes)
    {
        if (lengthBytes is <= 0 or > MaxBytes) return null;
        var most = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / MemoryShare;
        if (Interlocked.Add(ref s_mappedBytes, lengthBytes) <= most && calls.Map(fd, lengthBytes) is > 0 and var address)
        {
            var mapping = new FileMapping(calls, (byte*)address, lengthBytes);
            if (BusErrors.TryGuard(mapping)) return mapping;
            mapping.Dispose();
            return null;
        }
        Interlocked.Add(ref s_mappedBytes, -lengthBytes);
        return null;
    }

    /// <summary>How far the disk is mapped.</summary>
    public long LengthBytes => Volatile.Read(ref _lengthBytes);

    /// <summary>The disk has another length now. What it has more than was mapped stays unmapped.</summary>
    public void SetLength(long lengthBytes) => Volatile.Write(ref _lengthBytes, Math.Min(lengthBytes, _mappedBytes));

    /// <summary>The file is not what was mapped: nothing is copied any more.</summary>
    public void Abandon() => _isBroken = true;

    /// <summary>Fills a list.</summary>
    /// <returns>False: nothing is promised, and the file has to be read.</returns>
    public bool TryRead(long offsetBytes, BlockList list)
    {
        if (!Has(offsetBytes, list.Length)) return false;
        var from = _address + offsetBytes;
        for (var run = 0; run < list.Count; run++)
        {
            var length = list.Runs[run].Length;
            BusErrors.Copy(from, list.Address(run), (nuint)length);
            from += length;
        }
        return !_isBroken;
    }

    /// <summary>Writes a list.</summary>
    /// <returns>False: nothing is promised, and the file has to be written.</returns>
    public bool TryWrite(long offsetBytes, BlockList list)
    {
        if (!Has(offsetBytes, list.Length)) return false;
        var isLarge = list.Length >= LargeBytes;
        var to = _address + offsetBytes;
        for (var run = 0; run < list.Count; run++)
        {
            var length = list.Runs[run].Length;
            if (isLarge) BusErrors.CopyAway(list.Address(run), to, (nuint)length);
            else BusErrors.Copy(list.Address(run), to, (nuint)length);
            to += length;
        }
        return !_isBroken;
    }

    /// <summary>
    /// Waits until nobody else writes to the parts of a range, and keeps others out: in place of the file's lock, a copy and a call as well as two copies
    /// must not mix within a block. Held for one transfer, so it spins.
    /// </summary>
    public void EnterWrite(long offsetBytes, int lengthBytes)
    {
        var (first, last) = LocksOf(offsetBytes, lengthBytes);
        // In the order of the locks, whatever the order of the parts, so that two never wait for each other.
        if (first <= last)
        {
            for (var i = first; i <= last; i++) Acquire(i);
            return;
        }
        for (var i = 0; i <= last; i++) Acquire(i);
        for (var i = first; i < LockCount; i++) Acquire(i);
    }

    /// <summary>Lets others write.</summary>
    public void LeaveWrite(long offsetBytes, int lengthBytes)
    {
        var (first, last) = LocksOf(offsetBytes, lengthBytes);
        for (var i = first; ; i = (i + 1) % LockCount)
        {
            Volatile.Write(ref _locks[i], 0);
            if (i == last) return;
        }
    }

    /// <summary>
    /// Forgets what is known of a range. Once before its pages are taken away and once after, so that a look at the same time is noticed: it
    /// compares the number of changes.
    /// </summary>
    public void Forget(long offsetBytes, long lengthBytes)
    {
        Interlocked.Increment(ref _changes);
        var first = Math.Min(offsetBytes, _mappedBytes) >> PartShift;
        var end = lengthBytes < _mappedBytes - offsetBytes ? (offsetBytes + lengthBytes + PartBytes - 1) >> PartShift : _parts.Length;
        if (end > first) _parts.AsSpan((int)first, (int)(end - first)).Clear();
        Interlocked.MemoryBarrier();
    }

    /// <summary>In a signal handler: if the address is ours, there is a page afterwards, and the mapping is not used again.</summary>
    public bool TryMend(nint address)
    {
        if (address < (nint)_address || address >= (nint)_address + _mappedBytes) return false;
        _isBroken = true;
        var pageBytes = Environment.SystemPageSize;
        return _calls.MapEmpty(address & -pageBytes, pageBytes) > 0;
    }

    public void Dispose()
    {
        BusErrors.Release(this);
        _ = _calls.Unmap((nint)_address, _mappedBytes);
        Interlocked.Add(ref s_mappedBytes, -_mappedBytes);
    }

    private static (int First, int Last) LocksOf(long offsetBytes, int lengthBytes)
    {
        var first = offsetBytes >> PartShift;
        var last = (offsetBytes + lengthBytes - 1) >> PartShift;
        return last - first + 1 >= LockCount ? (0, LockCount - 1) : ((int)(first % LockCount), (int)(last % LockCount));
    }

    private void Acquire(int index)
    {
        ref var isHeld = ref _locks[index];
        var spin = default(SpinWait);
        while (Volatile.Read(ref isHeld) != 0 || Interlocked.CompareExchange(ref isHeld, 1, 0) != 0) spin.SpinOnce(sleep1Threshold: -1);
    }

    private bool Has(long offsetBytes, int lengthBytes)
    {
        if (_isBroken || offsetBytes > LengthBytes - lengthBytes) return false;
        var last = (offsetBytes + lengthBytes - 1) >> PartShift;
        for (var part = offsetBytes >> PartShift; part <= last; part++)
            if (Volatile.Read(ref _parts[part]) != IsThere && !Look(part)) return false;
        return true;
    }

    private bool Look(long part)
    {
        ref var mark = ref _parts[part];
        var patience = Volatile.Read(ref mark);
        if (patience is not 0 and not IsThere)
        {
            Volatile.Write(ref mark, (byte)(patience - 1));
            return false;
        }
        var changes = Volatile.Read(ref _changes);
        var start = part << PartShift;
        var length = Math.Min(PartBytes, _mappedBytes - start);
        if (!_calls.IsInCore((nint)(_address + start), length))
        {
            Volatile.Write(ref mark, Patience);
            return false;
        }
        _calls.Populate((nint)(_address + start), length);
        Volatile.Write(ref mark, IsThere);
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref _changes) == changes) return true;
        Volatile.Write(ref mark, 0);
        return false;
    }
}

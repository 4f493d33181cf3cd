using Microsoft.Win32.SafeHandles;
using Reservations;

namespace Iscsi.Storage;

/// <summary>
/// The work on an open file, synchronous, from any number of threads at once. It throws <see cref="BlockDeviceException"/>.
/// Ranges are checked by the device above.
/// </summary>
internal abstract class FileBackend(string path, SafeFileHandle handle, int blockSize, TimeProvider clock) : IDisposable
{
    // Of what is written and not synced, a flush of which takes no longer than that of one block; the disk's figure, not the kernel's.
    private const long FewBytes = 1 << 20;

    /// <summary>Writes that a thread is given to do in one go; more bring nothing.</summary>
    protected const int MostCachedWrites = 64;

    // After so long the kernel has begun to write back by itself what was written (vm.dirty_expire_centisecs and dirty_writeback_centisecs).
    private static readonly TimeSpan WriteBackTime = TimeSpan.FromSeconds(40);

    private string? _latch;
    private long _syncCount;
    private long _bytesToSync; // written since _countedSince
    private long _olderBytesToSync; // in the time before that
    private long _countedSince = clock.GetTimestamp();

    public string Path => path;

    public SafeFileHandle Handle => handle;

    public int BlockSize => blockSize;

    /// <summary>Number of syncs so far.</summary>
    public long SyncCount => Volatile.Read(ref _syncCount);

    /// <summary>Whether nothing waits for a device, so that calls run on the caller's thread.</summary>
    public abstract bool NeverBlocks { get; }

    /// <summary>See <see cref="IBlockDeviceShortcuts.PrefersFlush"/>.</summary>
    public virtual bool PrefersFlush => true;

    /// <summary>Whether writes go to the system's cache.</summary>
    public virtual bool CachesWrites => false;

    /// <summary>Whether those exclude each other in the file.</summary>
    public virtual bool LocksWrites => false;

    /// <summary>Whether a write that need not be durable only has to be copied to the cache, so that it is best done one at a time.</summary>
    public virtual bool IsCachedWrite(long offsetBytes, long lengthBytes) => false;

    /// <summary>Whether the system can send from the file itself (sendfile), at all.</summary>
    public virtual bool CanBeSent => false;

    /// <summary>See <see cref="IFileBackedBlockDevice.StaysAtHand"/>.</summary>
    public virtual bool StaysAtHand => false;

    /// <summary>Reads what can be had without waiting.</summary>
    /// <param name="offsetBytes">Of the first byte of the list.</param>
    /// <param name="list">The list.</param>
    /// <returns>Bytes of the list that are filled; all, or <see cref="Read"/> has to do the rest.</returns>
    public abstract int ReadWithoutWaiting(long offsetBytes, BlockList list);

    /// <summary>Whether a part of a file that <see cref="CanBeSent"/> is there, and can be sent now without waiting for it.</summary>
    public virtual bool IsAtHand(long offsetBytes, long lengthBytes) => false;

    /// <summary>Fills a list from its byte <paramref name="doneBytes"/> on.</summary>
    public abstract void Read(long offsetBytes, BlockList list, int doneBytes);

    /// <summary>Writes a list; with <paramref name="durable"/> it is durable afterwards.</summary>
    public abstract void Write(long offsetBytes, BlockList list, bool durable);

    /// <summary>Makes a range zero.</summary>
    public abstract void Zero(long offsetBytes, long lengthBytes, bool mayUnmap, bool durable);

    /// <summary>Deallocates a range; it reads as zeroes.</summary>
    public abstract void Unmap(long offsetBytes, long lengthBytes, bool durable);

    /// <summary>Allocation states.</summary>
    public abstract int GetExtents(BlockRange range, Span<BlockExtent> extents);

    /// <summary>The length now.</summary>
    public abstract long GetLength();

    /// <summary>The device has another length from now on, whoever changed the file's.</summary>
    public virtual void OnLengthChanged(long lengthBytes)
    {
    }

    /// <summary>Changes the length; new bytes are a hole.</summary>
    public abstract void SetLength(long lengthBytes);

    /// <summary>Has the file system set aside space for everything up to a length.</summary>
    public abstract void ReserveSpace(long lengthBytes);

    /// <summary>The space that the file has, and that is left in its file system.</summary>
    public abstract BlockDeviceSpace GetSpace();

    /// <summary>What the file and its file system are, as device information.</summary>
    public abstract BlockDeviceInfo Describe(long lengthBytes);

    /// <summary>
    /// One sync. When it fails, the kernel may have dropped pages that it could not write and will report success next time: so
    /// from then on nothing may be reported as durable, and nothing more is written.
    /// </summary>
    public void Sync()
    {
        CheckLatch();
        Interlocked.Increment(ref _syncCount);
        Volatile.Write(ref _bytesToSync, 0);
        Volatile.Write(ref _olderBytesToSync, 0);
        var ticket = Fence.Begin();
        var hasSucceeded = false;
        try
        {
            SyncCore();
            hasSucceeded = true;
        }
        catch (BlockDeviceException e)
        {
            Latch(e);
            throw;
        }
        finally
        {
            Fence.End(ticket, hasSucceeded);
        }
        CheckLatch();
    }

    /// <summary>Refuses writes and flushes after a failed sync.</summary>
    public void CheckLatch()
    {
        if (Volatile.Read(ref _latch) is { } reason)
        {
            throw new BlockDeviceException(BlockDeviceError.Latched, $"{path}: an earlier flush failed ({reason}), so written data may be lost. " +
                "Writes and flushes are refused until the file is opened again.");
        }
    }

    public virtual void Dispose() => handle.Dispose();

    /// <summary>What every call that syncs goes through.</summary>
    protected SyncFence Fence { get; } = new();

    /// <summary>Whether little is written that no sync has begun for, and that the kernel has not had the time to write back by itself.</summary>
    protected bool HasFewBytesToSync()
    {
        var since = Volatile.Read(ref _countedSince);
        var now = clock.GetTimestamp();
        if (clock.GetElapsedTime(since, now) >= WriteBackTime && Interlocked.CompareExchange(ref _countedSince, now, since) == since)
            Volatile.Write(ref _olderBytesToSync, Interlocked.Exchange(ref _bytesToSync, 0));
        return Volatile.Read(ref _bytesToSync) + Volatile.Read(ref _olderBytesToSync) <= FewBytes;
    }

    /// <summary>Bytes were written that are not durable.</summary>
    protected void OnWritten(int bytes) => Interlocked.Add(ref _bytesToSync, bytes);

    protected void Latch(BlockDeviceException e) => Interlocked.CompareExchange(ref _latch, e.Message, null);

    protected abstract void SyncCore();

    /// <summary>The end of the file came inside the device: someone else has made it shorter.</summary>
    protected BlockDeviceException EndOfFile(long offsetBytes) => new(BlockDeviceError.OutOfRange,
        $"{path}: the file ends at or before byte {offsetBytes}, inside the disk: it was made shorter. Refresh or reopen the device.");
}

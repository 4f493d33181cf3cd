using Iscsi.Storage;

namespace Iscsi.Target.Scsi;

/// <summary>
/// The lock over the blocks of a logical unit: requests to the device share blocks, and a request that must be alone with its blocks
/// (COMPARE AND WRITE, ORWRITE, WRITE ATOMIC, the half block of a short write) excludes every other one that overlaps. First come, first served
/// where they overlap. Shared by all sessions of the target; any thread; allocates nothing.
/// </summary>
/// <remarks>
/// <para>
/// While nobody is exclusive, sharing costs two interlocked steps and one volatile read: holders are counted, not listed. It can't be less:
/// an exclusive request must know of every request that began before it and has not ended. One that finds counted holders waits for all
/// of them, wherever they are; later ones are listed with their ranges.
/// </para>
/// <para>
/// Order (locks are levels too): between Burst and Store. It is entered when all data of the chunk are in memory, and left when the
/// device has answered; in between its holder waits for the Store level only. So a holder's wait ends by itself, and one entry
/// at a time per task leaves nothing to order among ranges.
/// </para>
/// </remarks>
internal sealed class RangeLock
{
    private readonly Lock _lock = new();

    // Holders that are only counted: they came while no exclusive entry was listed.
    private int _counted;

    // Exclusive entries, held or waiting.
    private int _exclusive;

    // Held and waiting entries in the order they came.
    private RangeLockEntry? _first;
    private RangeLockEntry? _last;

    /// <summary>Whether nobody holds it or waits.</summary>
    public bool IsFree
    {
        get
        {
            lock (_lock) return _first is null && Volatile.Read(ref _counted) == 0;
        }
    }

    /// <summary>Enters with a range.</summary>
    /// <param name="entry">The caller's entry, which is not in use.</param>
    /// <param name="range">The blocks.</param>
    /// <param name="isExclusive">Whether nobody else may have any of the blocks.</param>
    /// <returns>False: the entry waits; <see cref="RangeLockEntry.OnEntered"/> will be called, unless <see cref="CancelWait"/> comes
    /// before.</returns>
    public bool TryEnter(RangeLockEntry entry, BlockRange range, bool isExclusive)
    {
        if (entry.State != RangeLockState.Idle) throw new InvalidOperationException("A range lock entry was used twice.");
        entry.Range = range;
        entry.IsExclusive = isExclusive;
        if (!isExclusive && Volatile.Read(ref _exclusive) == 0 && TryCount(entry)) return true;
        lock (_lock)
        {
            if (isExclusive) Interlocked.Increment(ref _exclusive);
            else if (_exclusive == 0 && TryCount(entry)) return true;
            var mayHold = MayHold(entry);
            Append(entry);
            entry.State = mayHold ? RangeLockState.Held : RangeLockState.Waiting;
            return mayHold;
        }
    }

    /// <summary>Leaves. Those whose turn it is now are told on this thread.</summary>
    public void Leave(RangeLockEntry entry)
    {
        switch (entry.State)
        {
            case RangeLockState.Counted:
                entry.State = RangeLockState.Idle;
                Uncount();
                return;
            case RangeLockState.Held:
                lock (_lock) Remove(entry);
                Admit();
                return;
            default:
                throw new InvalidOperationException("A range lock was left that is not held.");
        }
    }

    /// <summary>Stops waiting.</summary>
    /// <returns>False: the entry holds the lock, or is just being told so.</returns>
    public bool CancelWait(RangeLockEntry entry)
    {
        lock (_lock)
        {
            if (entry.State != RangeLockState.Waiting) return false;
            Remove(entry);
        }
        Admit();
        return true;
    }

    // Counts first and looks then; an exclusive entry announces itself first and looks at the count then. Both steps are full fences, so one of
    // the two sees the other.
    private bool TryCount(RangeLockEntry entry)
    {
        Interlocked.Increment(ref _counted);
        if (Volatile.Read(ref _exclusive) == 0)
        {
            entry.State = RangeLockState.Counted;
            return true;
        }
        Uncount();
        return false;
    }

    private void Uncount()
    {
        if (Interlocked.Decrement(ref _counted) == 0 && Volatile.Read(ref _exclusive) != 0) Admit();
    }

    private bool MayHold(RangeLockEntry entry)
    {
        if (entry.IsExclusive && Volatile.Read(ref _counted) != 0) return false;
        for (var other = _first; other is not null && !ReferenceEquals(other, entry); other = other.Next)
            if ((entry.IsExclusive || other.IsExclusive) && Overlap(entry.Range, other.Range)) return false;
        return true;
    }

    private static bool Overlap(BlockRange a, BlockRange b) => a.Lba < b.Lba + b.Count && b.Lba < a.Lba + a.Count;

    // Lets in those whose turn it is, and tells them outside the lock.
    private void Admit()
    {
        RangeLockEntry? entered = null;
        lock (_lock)
        {
            RangeLockEntry? last = null;
            for (var entry = _first; entry is not null; entry = entry.Next)
            {
                if (entry.State != RangeLockState.Waiting || !MayHold(entry)) continue;
                entry.State = RangeLockState.Held;
                if (last is null) entered = entry;
                else last.NextEntered = entry;
                last = entry;
            }
        }
        while (entered is not null)
        {
            var next = entered.NextEntered;
            entered.NextEntered = null;
            entered.OnEntered();
            entered = next;
        }
    }

    private void Append(RangeLockEntry entry)
    {
        entry.Previous = _last;
        if (_last is null) _first = entry;
        else _last.Next = entry;
        _last = entry;
    }

    private void Remove(RangeLockEntry entry)
    {
        if (entry.Previous is null) _first = entry.Next;
        else entry.Previous.Next = entry.Next;
        if (entry.Next is null) _last = entry.Previous;
        else entry.Next.Previous = entry.Previous;
        entry.Previous = entry.Next = null;
        if (entry.IsExclusive) Interlocked.Decrement(ref _exclusive);
        entry.State = RangeLockState.Idle;
    }
}

/// <summary>
/// A place in a <see cref="RangeLock"/>, embedded in the task that enters, so that entering allocates nothing. It is in one lock at a time and
/// can be used again when it was left.
/// </summary>
internal abstract class RangeLockEntry
{
    internal RangeLockEntry? Previous, Next, NextEntered;
    internal BlockRange Range;
    internal bool IsExclusive;
    internal volatile RangeLockState State;

    /// <summary>Whether the lock is held.</summary>
    public bool IsHeld => State is RangeLockState.Counted or RangeLockState.Held;

    /// <summary>The wait is over: the lock is held. Called once, on the thread that left, outside the lock.</summary>
    protected internal abstract void OnEntered();
}

// Idle ─▶ Counted ─▶ Idle         shared, while nobody is exclusive
// Idle ─▶ (Waiting ─▶) Held ─▶ Idle
internal enum RangeLockState
{
    Idle,
    Counted,
    Waiting,
    Held,
}

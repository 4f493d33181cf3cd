using System.Numerics;

namespace Iscsi.Protocol;

/// <summary>
/// Gives out tags that name a place in a table of the caller's and a generation, so that a tag that comes back late names
/// nothing. For Target Transfer Tags, and for the Initiator Task Tags of our own.
/// </summary>
public sealed class TaskTagAllocator
{
    private readonly int _indexBits;
    private readonly uint[] _tags;
    private readonly uint[] _generations;

    // The free places form a ring: the one that was free longest is used next, which keeps the generations of a place far apart.
    private readonly int[] _free;
    private int _freeFirst;
    private int _freeCount;

    /// <summary>Creates an allocator with all tags free.</summary>
    /// <param name="capacity">Tags in use at once, 1 to 65,536.</param>
    /// <exception cref="ArgumentOutOfRangeException">Not 1 to 65,536.</exception>
    public TaskTagAllocator(int capacity)
        : this(capacity, firstGeneration: 0)
    {
    }

    internal TaskTagAllocator(int capacity, uint firstGeneration)
    {
        if (capacity is < 1 or > 1 << 16) throw new ArgumentOutOfRangeException(nameof(capacity), capacity, "1 to 65536.");
        _indexBits = Math.Max(1, 32 - BitOperations.LeadingZeroCount((uint)capacity - 1));
        _tags = new uint[capacity];
        _free = new int[capacity];
        for (var i = 0; i < capacity; i++)
        {
            _tags[i] = TaskTag.Reserved;
            _free[i] = i;
        }
        _freeCount = capacity;
        _generations = new uint[capacity];
        Array.Fill(_generations, firstGeneration);
    }

    /// <summary>Tags that can be in use at once.</summary>
    public int Capacity => _tags.Length;

    /// <summary>Tags in use.</summary>
    public int Count => _tags.Length - _freeCount;

    /// <summary>Gives out a tag.</summary>
    /// <param name="tag">The tag; never 0xffffffff.</param>
    /// <param name="index">The place it names, 0 to Capacity - 1.</param>
    /// <returns>False when all are in use.</returns>
    public bool TryAllocate(out uint tag, out int index)
    {
        tag = TaskTag.Reserved;
        index = -1;
        if (_freeCount == 0) return false;
        index = _free[_freeFirst];
        if (++_freeFirst == _free.Length) _freeFirst = 0;
        _freeCount--;
        tag = (_generations[index]++ << _indexBits) | (uint)index;
        if (tag == TaskTag.Reserved) tag = (_generations[index]++ << _indexBits) | (uint)index;
        _tags[index] = tag;
        return true;
    }

    /// <summary>Finds the place a tag names.</summary>
    /// <param name="tag">A tag from a peer.</param>
    /// <param name="index">The place.</param>
    /// <returns>False when the tag is not in use: never given out, or given back.</returns>
    public bool TryFind(uint tag, out int index)
    {
        var candidate = tag & ((1u << _indexBits) - 1);
        if (tag != TaskTag.Reserved && candidate < (uint)_tags.Length && _tags[candidate] == tag)
        {
            index = (int)candidate;
            return true;
        }
        index = -1;
        return false;
    }

    /// <summary>Gives a tag back.</summary>
    /// <param name="tag">A tag in use.</param>
    /// <exception cref="ArgumentOutOfRangeException">The tag is not in use.</exception>
    public void Free(uint tag)
    {
        if (!TryFind(tag, out var index)) throw new ArgumentOutOfRangeException(nameof(tag), tag, "The tag is not in use.");
        _tags[index] = TaskTag.Reserved;
        var end = _freeFirst + _freeCount;
        if (end >= _free.Length) end -= _free.Length;
        _free[end] = index;
        _freeCount++;
    }
}

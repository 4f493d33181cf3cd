using System.Numerics;

namespace Reservations;

/// <summary>The blocks themselves.</summary>
/// <remarks>
/// A node draws at most what it is entitled to, and keeps no more blocks than that, so there is a free block for every entitlement
/// that was not drawn yet. Free blocks are handed out from the lowest number on, in runs where there are any.
/// </remarks>
public sealed partial class ReservationRoot
{
    // How far a run is looked for before single blocks are taken: 64 words are 4096 blocks.
    private const int SearchWords = 64;

    private Slab?[] _slabs = [];
    private ulong[] _free = [];
    private int _freeBlocks, _lowWord, _slabShift;

    /// <summary>Published as a whole when the budget grows; owners read it without a lock.</summary>
    internal Slab SlabOf(int block) => Volatile.Read(ref _slabs)[block >> _slabShift]!;

    internal int SlabMask => (1 << _slabShift) - 1;

    internal int FreeBlocks
    {
        get
        {
            lock (_lock) return _freeBlocks;
        }
    }

    /// <summary>Hands out blocks; the last element is the first block of the run.</summary>
    internal void TakeBlocks(Span<int> destination)
    {
        lock (_lock)
        {
            if (destination.Length > _freeBlocks)
                throw new InvalidOperationException($"{destination.Length} blocks are wanted within an entitlement and {_freeBlocks} are free: the ledger is wrong.");
            _freeBlocks -= destination.Length;
            var run = FindRun(destination.Length);
            for (var i = destination.Length - 1; i >= 0; i--)
            {
                int block;
                if (run >= 0) block = run++;
                else
                {
                    while (_free[_lowWord] == 0) _lowWord++;
                    block = (_lowWord << 6) + BitOperations.TrailingZeroCount(_free[_lowWord]);
                }
                _free[block >> 6] &= ~(1ul << block);
                SlabOf(block).State[block & SlabMask] = BlockState.Cached;
                destination[i] = block;
            }
        }
    }

    /// <summary>Takes blocks back from a node. Under the lock.</summary>
    internal void PutBlocks(ReadOnlySpan<int> blocks)
    {
        foreach (var block in blocks)
        {
            ref var state = ref SlabOf(block).State[block & SlabMask];
            if (state != BlockState.Cached) throw new LeakException($"Block {block} comes back to the root and is {state}.");
            state = BlockState.Free;
            _free[block >> 6] |= 1ul << block;
            _lowWord = Math.Min(_lowWord, block >> 6);
        }
        _freeBlocks += blocks.Length;
    }

    internal void PutBlocksLocked(ReadOnlySpan<int> blocks)
    {
        lock (_lock) PutBlocks(blocks);
    }

    private int FindRun(int length)
    {
        while (_lowWord < _free.Length && _free[_lowWord] == 0) _lowWord++;
        var (start, found) = (0, 0);
        var end = Math.Min(_free.Length, _lowWord + SearchWords + (length >> 6));
        for (var word = _lowWord; word < end; word++)
        {
            var bits = _free[word];
            for (var bit = 0; bit < 64;)
            {
                var rest = bits >> bit;
                var zeros = Math.Min(64 - bit, BitOperations.TrailingZeroCount(rest));
                if (zeros > 0)
                {
                    found = 0;
                    bit += zeros;
                    continue;
                }
                if (found == 0) start = (word << 6) + bit;
                var ones = Math.Min(64 - bit, BitOperations.TrailingZeroCount(~rest));
                found += ones;
                if (found >= length) return start;
                bit += ones;
            }
        }
        return -1;
    }

    /// <summary>Adds memory at the end of the block numbers. Under the lock, or before anyone else knows the root.</summary>
    private void AddSlabs(int blocks)
    {
        _slabShift = BitOperations.Log2((uint)(Slab.Bytes / BlockSize));
        var perSlab = 1 << _slabShift;
        var slabs = _slabs.ToList();
        for (; blocks > 0; blocks -= perSlab)
        {
            // Gaps that dropped slabs left come first.
            var index = slabs.IndexOf(null);
            if (index < 0)
            {
                index = slabs.Count;
                slabs.Add(null);
            }
            var slab = new Slab(Math.Min(perSlab, blocks), BlockSize, Options.PreTouch);
            slabs[index] = slab;
            var first = index << _slabShift;
            if (_free.Length << 6 < first + slab.Count) Array.Resize(ref _free, (first + slab.Count + 63) >> 6);
            for (var block = first; block < first + slab.Count; block++) _free[block >> 6] |= 1ul << block;
            _freeBlocks += slab.Count;
            _lowWord = Math.Min(_lowWord, first >> 6);
        }
        Volatile.Write(ref _slabs, [.. slabs]);
    }

    private void DropSlabs()
    {
        lock (_lock)
        {
            Volatile.Write(ref _slabs, []);
            _free = [];
            _freeBlocks = 0;
        }
    }
}

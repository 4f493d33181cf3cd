using System.Buffers;

namespace Reservations;

/// <summary>The node's own blocks: those in its grants, and a stack of a few for the next draws, which needs no lock.</summary>
public sealed partial class ReservationNode
{
    // Blocks fetched at once: the root's lock is taken at most once for so many.
    private const int DrawBatch = 16;

    // What the poisoned memory of a released grant looks like.
    internal const byte Poison = 0xDB;

    private int[] _cache = [];
    private int _cacheCount;

    // In grants and in the cache; never more than Entitled.
    private int _physical;

    internal int PhysicalBlocks => _physical;

    /// <summary>Pool for <see cref="System.IO.Pipelines"/>: rents blocks of this grant only and refuses what it does not own.</summary>
    /// <param name="grant">A grant of this node.</param>
    /// <param name="level">The level whose blocks are rented; all that are not drawn yet become the pool's.</param>
    /// <returns>
    /// A pool whose members may be called from any thread. A rent beyond the grant throws <see cref="LeakException"/>, one beyond the
    /// block size <see cref="ArgumentOutOfRangeException"/>. Its disposal, on the owner, makes the blocks drawable again.
    /// </returns>
    /// <exception cref="LeakException">The grant is over, is another node's, or does not hold the level.</exception>
    public MemoryPool<byte> AsMemoryPool(Grant grant, Level level)
    {
        if (grant.IsEmpty || grant.Node != this) throw new LeakException($"A pool of node {Name} was asked for over a grant of another node.");
        if (_sync is null) return AsMemoryPoolCore(grant, level);
        lock (_sync) return AsMemoryPoolCore(grant, level);
    }

    internal void Draw(GrantRecord record, int generation, Level level, int blocks, BlockList destination)
    {
        if (_sync is null) DrawCore(record, generation, level, blocks, destination);
        else
        {
            lock (_sync) DrawCore(record, generation, level, blocks, destination);
        }
    }

    /// <summary>Takes blocks out of a grant's list again, when a pool over it is disposed.</summary>
    internal void Undraw(GrantRecord record, int generation, Level level, ReadOnlySpan<int> blocks)
    {
        if (_sync is null) UndrawCore(record, generation, level, blocks);
        else
        {
            lock (_sync) UndrawCore(record, generation, level, blocks);
        }
    }

    /// <summary>Whether a grant is still open, asked by its pool from any thread.</summary>
    internal static bool IsLive(GrantRecord record, int generation) => Volatile.Read(ref record.Generation) == generation;

    private void DrawCore(GrantRecord record, int generation, Level level, int blocks, BlockList destination)
    {
        var index = ClaimOf(record, generation, level);
        CheckDraw(record, index, blocks);
        if (blocks == 0) return;
        var (start, length) = (-1, 0);
        while (blocks-- > 0)
        {
            var block = DrawOne(ref record.Blocks[index], blocks);
            if (start >= 0 && block == start + length && (block & _root.SlabMask) != 0)
            {
                length++;
                continue;
            }
            if (length > 0) destination.Add(Run(start, length));
            (start, length) = (block, 1);
        }
        destination.Add(Run(start, length));
    }

    private void CheckDraw(GrantRecord record, int index, int blocks)
    {
        ref readonly var claim = ref record.Demand!.Array[index];
        var left = claim.Blocks - record.Blocks[index].Count;
        if (blocks > left) throw new LeakException($"A grant of node {Name} has {left} of {claim.Blocks} blocks of {claim.Level.Name} left and {blocks} were drawn.");
    }

    private int DrawOne(ref GrantRecord.Drawn drawn, int moreToCome)
    {
        if (_cacheCount == 0) Refill(moreToCome + 1);
        var block = _cache[--_cacheCount];
        var slab = _root.SlabOf(block);
        var number = block & _root.SlabMask;
        slab.State[number] = BlockState.Drawn;
        slab.Next[number] = drawn.Head;
        drawn.Head = block;
        drawn.Count++;
        return block;
    }

    private Memory<byte> Run(int start, int length) => _root.SlabOf(start).Run(start & _root.SlabMask, length);

    private void Refill(int atLeast)
    {
        var count = Math.Min(Math.Max(atLeast, DrawBatch), Entitled - _physical);
        _physical += count;
        // Room for all of the node's blocks, so that giving back never grows the stack.
        if (_cache.Length < _physical) _cache = new int[Math.Min(Math.Max(_physical, 2 * _cache.Length), Math.Max(_physical, Entitled))];
        _root.TakeBlocks(_cache.AsSpan(0, count));
        _cacheCount = count;
    }

    /// <summary>Puts a grant's blocks on the stack, so that they come off it in the order in which they were drawn.</summary>
    private void Undraw(ref GrantRecord.Drawn drawn)
    {
        for (var block = drawn.Head; block >= 0;)
        {
            var next = _root.SlabOf(block).Next[block & _root.SlabMask];
            Keep(block);
            block = next;
        }
        drawn.Head = -1;
        drawn.Count = 0;
    }

    private void Keep(int block)
    {
        var slab = _root.SlabOf(block);
        ref var state = ref slab.State[block & _root.SlabMask];
        if (state != BlockState.Drawn) throw new LeakException($"Block {block} of node {Name} is returned and is {state}.");
        if (_full) slab.Run(block & _root.SlabMask, 1).Span.Fill(Poison);
        state = BlockState.Cached;
        _cache[_cacheCount++] = block;
    }

    private void UndrawCore(GrantRecord record, int generation, Level level, ReadOnlySpan<int> blocks)
    {
        ref var drawn = ref record.Blocks[ClaimOf(record, generation, level)];
        var (kept, count) = (-1, 0);
        for (var block = drawn.Head; block >= 0;)
        {
            ref var link = ref _root.SlabOf(block).Next[block & _root.SlabMask];
            var next = link;
            if (blocks.Contains(block)) Keep(block);
            else
            {
                link = kept;
                kept = block;
                count++;
            }
            block = next;
        }
        drawn.Head = kept;
        drawn.Count = count;
    }

    private BlockMemoryPool AsMemoryPoolCore(Grant grant, Level level)
    {
        var record = grant.Record;
        var index = ClaimOf(record, grant.Generation, level);
        var blocks = new int[record.Demand!.Array[index].Blocks - record.Blocks[index].Count];
        for (var i = 0; i < blocks.Length; i++) blocks[i] = DrawOne(ref record.Blocks[index], blocks.Length - i - 1);
        return new BlockMemoryPool(_root, grant, level, blocks);
    }

    /// <summary>Gives cached blocks back that the limits no longer cover. Under the root's lock.</summary>
    internal void ReturnExcessBlocks()
    {
        var excess = _physical - Entitled;
        if (excess <= 0) return;
        _cacheCount -= excess;
        _physical -= excess;
        _root.PutBlocks(_cache.AsSpan(_cacheCount, excess));
    }

    private void ReturnExcess()
    {
        var excess = _physical - Entitled;
        if (excess <= 0) return;
        _cacheCount -= excess;
        _physical -= excess;
        _root.PutBlocksLocked(_cache.AsSpan(_cacheCount, excess));
    }
}

using System.Numerics;

namespace Reservations;

/// <summary>Changing the budget while it is in use.</summary>
public sealed partial class ReservationRoot
{
    // Out of service: free blocks that a smaller budget does not have. Top-down, so that whole slabs can go.
    private readonly HashSet<int> _retired = [];

    private bool _shrunk;

    /// <summary>
    /// Changes the budget: growth at once, shrinking as loans come back, never below the floors. A smaller budget takes the surplus
    /// first, then what no floor uses; a larger one gives the surplus its configured size back first, the rest can become floors.
    /// </summary>
    /// <param name="newBudgetBytes">Rounded down to whole blocks; what is below the sum of the floors counts as that sum.</param>
    public ResizeResult Resize(long newBudgetBytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(newBudgetBytes);
        ResizeResult result;
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            var floors = _reserve - _reserveFree;
            var target = checked((int)(newBudgetBytes / BlockSize));
            target = Math.Max(target, Math.Max(1, floors));
            var change = target - (_surplus + _reserve);
            var bySurplus = change < 0 ? -Math.Min(-change, _surplus) : Math.Min(change, Math.Max(0, _surplusConfigured - _surplus));
            _shrunk |= change < 0;
            _surplus += bySurplus;
            _surplusFree += bySurplus;
            _reserve += change - bySurplus;
            _reserveFree += change - bySurplus;
            var inService = BlockCount - _retired.Count;
            if (InForce > inService) Grow(InForce - inService);
            else RetireExcess();
            Serve();
            if (_surplusFree < 0) CallIn();
            var pending = Math.Max(0, -_surplusFree);
            result = new ResizeResult((long)InForce * BlockSize, (long)pending * BlockSize, (long)floors * BlockSize);
        }
        DrainPosts();
        return result;
    }

    /// <summary>
    /// Changes how many slots a level has: more at once, fewer only as far as they are free now. Slots that are in a floor or a grant stay.
    /// </summary>
    /// <param name="level">One of the root's levels.</param>
    /// <param name="count">Slots in all; 0 or more.</param>
    /// <returns>Slots in all from now on: <paramref name="count"/>, or more when fewer were free.</returns>
    /// <exception cref="ArgumentException">The level is not one of the root's.</exception>
    public int ResizeSlots(Level level, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        if (!HasLevel(level)) throw new ArgumentException($"Level {level.Name} is not one of the root's.", nameof(level));
        int total;
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            ref var pool = ref _slots[level.Rank];
            var change = Math.Max(count - pool.Total, -Math.Max(0, pool.Free));
            pool.Total += change;
            pool.Free += change;
            if (change > 0) Serve();
            total = pool.Total;
        }
        DrainPosts();
        return total;
    }

    /// <summary>The budget now, in blocks, with what is still lent above it.</summary>
    private int InForce => _surplus + _reserve + Math.Max(0, -_surplusFree);

    private int BlockCount => _slabs.Sum(static slab => slab?.Count ?? 0);

    private void Grow(int blocks)
    {
        foreach (var block in _retired.Order().Take(blocks).ToArray())
        {
            if (_slabs[block >> _slabShift] is null) break;
            _retired.Remove(block);
            Unretire(block);
            blocks--;
        }
        if (blocks > 0) AddSlabs(blocks);
    }

    private void Unretire(int block)
    {
        SlabOf(block).State[block & SlabMask] = BlockState.Free;
        _free[block >> 6] |= 1ul << block;
        _lowWord = Math.Min(_lowWord, block >> 6);
        _freeBlocks++;
    }

    /// <summary>Takes free blocks out of service as far as the budget in force allows, highest first, and drops slabs that are empty.</summary>
    private void RetireExcess()
    {
        if (!_shrunk) return;
        var excess = BlockCount - _retired.Count - InForce;
        if (excess <= 0) return;
        for (var word = _free.Length - 1; word >= 0 && excess > 0; word--)
        {
            while (_free[word] != 0 && excess > 0)
            {
                var block = (word << 6) + 63 - BitOperations.LeadingZeroCount(_free[word]);
                _free[word] &= ~(1ul << block);
                _freeBlocks--;
                SlabOf(block).State[block & SlabMask] = BlockState.Retired;
                _retired.Add(block);
                excess--;
            }
        }
        DropRetiredSlabs();
    }

    // A dropped slab leaves a gap in the numbers, so that the others keep theirs; only the collector gives its memory back.
    private void DropRetiredSlabs()
    {
        for (var i = 0; i < _slabs.Length; i++)
        {
            if (_slabs[i] is not { } slab || slab.State.AsSpan().ContainsAnyExcept(BlockState.Retired)) continue;
            for (var block = 0; block < slab.Count; block++) _retired.Remove((i << _slabShift) + block);
            var slabs = _slabs.ToArray();
            slabs[i] = null;
            Volatile.Write(ref _slabs, slabs);
        }
    }
}

namespace Iscsi.Storage;

/// <summary>Puts allocation states together to adjoining extents of a range, each as long as it can be.</summary>
/// <param name="range">The range to cover, from its start.</param>
/// <param name="extents">Where the extents go; at least one.</param>
internal ref struct ExtentBuilder(BlockRange range, Span<BlockExtent> extents)
{
    private readonly Span<BlockExtent> _extents = extents.IsEmpty
        ? throw new ArgumentException("There must be room for one extent.", nameof(extents))
        : extents;

    private readonly long _end = range.Lba + range.Count;

    /// <summary>First block that has no state yet.</summary>
    public long Next { get; private set; } = range.Lba;

    /// <summary>Extents so far.</summary>
    public int Count { get; private set; }

    /// <summary>
    /// Says the state of the blocks from <see cref="Next"/> up to <paramref name="end"/>; what is outside the range is cut off.
    /// </summary>
    /// <returns>False when no more states are wanted: the range is covered, or there is no room.</returns>
    public bool AddUpTo(long end, bool isAllocated)
    {
        end = Math.Min(end, _end);
        if (end > Next)
        {
            if (Count > 0 && _extents[Count - 1].IsAllocated == isAllocated)
                _extents[Count - 1] = _extents[Count - 1] with { Count = end - _extents[Count - 1].Lba };
            else if (Count == _extents.Length) return false;
            else _extents[Count++] = new BlockExtent(Next, end - Next, isAllocated);
            Next = end;
        }
        return Next < _end;
    }
}

namespace Iscsi.Target.Sessions;

/// <summary>
/// Tombstones: tags whose late data are drained instead of being a fault. A ring, so a peer can't make it grow; a tag is forgotten at the end
/// of its sequence, or when newer ones push it out.
/// </summary>
internal sealed class IgnoredTags
{
    private const int Capacity = 256;
    private uint[] _tags = []; // most sessions never need them
    private bool[] _used = [];
    private int _next;
    private int _count;

    /// <summary>Remembers a tag.</summary>
    public void Add(uint tag)
    {
        if (_tags.Length == 0)
        {
            _tags = new uint[Capacity];
            _used = new bool[Capacity];
        }
        if (_used[_next]) _count--;
        _tags[_next] = tag;
        _used[_next] = true;
        _count++;
        _next = (_next + 1) % Capacity;
    }

    /// <summary>Whether the tag is remembered.</summary>
    /// <param name="tag">The tag.</param>
    /// <param name="isLast">The end of its data: it is forgotten.</param>
    public bool Contains(uint tag, bool isLast)
    {
        if (_count == 0) return false;
        for (var i = 0; i < Capacity; i++)
        {
            if (!_used[i] || _tags[i] != tag) continue;
            if (isLast)
            {
                _used[i] = false;
                _count--;
            }
            return true;
        }
        return false;
    }
}

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Reservations;

/// <summary>
/// A writable list of runs of pinned memory: blocks drawn from a <see cref="Grant"/>, neighbours merged into longer runs. It owns
/// nothing; it is reused, and filled and cleared by one owner at a time.
/// </summary>
/// <remarks>
/// Every run must stay pinned while it is in the list, because vectored system calls are given its addresses. Blocks of a
/// <see cref="ReservationRoot"/> are pinned for good.
/// </remarks>
public sealed class BlockList
{
    private Memory<byte>[] _runs;
    private int _count;
    private int _length;

    /// <summary>Creates an empty list.</summary>
    /// <param name="capacity">Runs it holds without growing. A list that is sized for its worst case never allocates again.</param>
    public BlockList(int capacity = 4) => _runs = new Memory<byte>[Math.Max(1, capacity)];

    /// <summary>The runs, in order.</summary>
    public ReadOnlySpan<Memory<byte>> Runs => _runs.AsSpan(0, _count);

    /// <summary>Bytes in all runs.</summary>
    public int Length => _length;

    /// <summary>Number of runs.</summary>
    public int Count => _count;

    /// <summary>Wraps pinned memory, for tests and for callers that bring their own.</summary>
    /// <param name="memory">Pinned memory.</param>
    public static BlockList Over(Memory<byte> memory)
    {
        var list = new BlockList(1);
        list.Add(memory);
        return list;
    }

    /// <summary>Appends a run; it is merged with the last one when it follows it in memory.</summary>
    /// <param name="run">Pinned memory; an empty run is ignored.</param>
    public void Add(Memory<byte> run)
    {
        if (run.IsEmpty) return;
        _length = checked(_length + run.Length);
        if (_count > 0 && TryMerge(ref _runs[_count - 1], run)) return;
        if (_count == _runs.Length) Array.Resize(ref _runs, _count * 2);
        _runs[_count++] = run;
    }

    /// <summary>Appends a part of another list.</summary>
    /// <param name="source">The other list.</param>
    /// <param name="offsetBytes">First byte of the part.</param>
    /// <param name="lengthBytes">Bytes of the part.</param>
    /// <exception cref="ArgumentOutOfRangeException">The part is not inside <paramref name="source"/>.</exception>
    public void AddSlice(BlockList source, int offsetBytes, int lengthBytes)
    {
        ArgumentNullException.ThrowIfNull(source);
        source.CheckRange(offsetBytes, lengthBytes);
        for (var i = 0; lengthBytes > 0; i++)
        {
            var run = source._runs[i];
            if (offsetBytes >= run.Length)
            {
                offsetBytes -= run.Length;
                continue;
            }
            var take = Math.Min(lengthBytes, run.Length - offsetBytes);
            Add(run.Slice(offsetBytes, take));
            lengthBytes -= take;
            offsetBytes = 0;
        }
    }

    /// <summary>Forgets all runs.</summary>
    public void Clear()
    {
        _runs.AsSpan(0, _count).Clear();
        _count = 0;
        _length = 0;
    }

    /// <summary>Shortens the list from its end.</summary>
    /// <param name="lengthBytes">The length to keep; at most <see cref="Length"/>.</param>
    public void Truncate(int lengthBytes)
    {
        CheckRange(0, lengthBytes);
        while (_length > lengthBytes)
        {
            ref var last = ref _runs[_count - 1];
            var surplus = Math.Min(_length - lengthBytes, last.Length);
            last = last[..^surplus];
            _length -= surplus;
            if (last.IsEmpty) _runs[--_count] = default;
        }
    }

    /// <summary>Copies bytes into the list.</summary>
    /// <param name="offsetBytes">Where the first byte goes.</param>
    /// <param name="source">The bytes; they must fit.</param>
    public void CopyFrom(int offsetBytes, ReadOnlySpan<byte> source)
    {
        CheckRange(offsetBytes, source.Length);
        for (var i = 0; !source.IsEmpty; i++)
        {
            var run = _runs[i];
            if (offsetBytes >= run.Length)
            {
                offsetBytes -= run.Length;
                continue;
            }
            var take = Math.Min(source.Length, run.Length - offsetBytes);
            source[..take].CopyTo(run.Span[offsetBytes..]);
            source = source[take..];
            offsetBytes = 0;
        }
    }

    /// <summary>Copies bytes out of the list.</summary>
    /// <param name="offsetBytes">The first byte.</param>
    /// <param name="destination">Filled completely.</param>
    public void CopyTo(int offsetBytes, Span<byte> destination)
    {
        CheckRange(offsetBytes, destination.Length);
        for (var i = 0; !destination.IsEmpty; i++)
        {
            var run = _runs[i];
            if (offsetBytes >= run.Length)
            {
                offsetBytes -= run.Length;
                continue;
            }
            var take = Math.Min(destination.Length, run.Length - offsetBytes);
            run.Span.Slice(offsetBytes, take).CopyTo(destination);
            destination = destination[take..];
            offsetBytes = 0;
        }
    }

    /// <summary>Sets every byte to zero.</summary>
    public void Zero()
    {
        for (var i = 0; i < _count; i++) _runs[i].Span.Clear();
    }

    /// <summary>The address of a run, for a system call. Valid as long as the run's memory stays pinned.</summary>
    /// <param name="index">Index into <see cref="Runs"/>.</param>
    public unsafe byte* Address(int index) =>
        (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(Runs[index].Span));

    private static bool TryMerge(ref Memory<byte> last, Memory<byte> next)
    {
        if (!MemoryMarshal.TryGetArray<byte>(last, out var a) || !MemoryMarshal.TryGetArray<byte>(next, out var b)) return false;
        if (!ReferenceEquals(a.Array, b.Array) || a.Offset + a.Count != b.Offset) return false;
        // CreateFromPinnedArray keeps the "already pinned" mark that a plain AsMemory would lose.
        last = MemoryMarshal.CreateFromPinnedArray(a.Array, a.Offset, a.Count + b.Count);
        return true;
    }

    private void CheckRange(int offsetBytes, int lengthBytes)
    {
        if ((uint)offsetBytes > (uint)_length || (uint)lengthBytes > (uint)(_length - offsetBytes))
            throw new ArgumentOutOfRangeException(nameof(offsetBytes), $"{offsetBytes}+{lengthBytes} is outside a list of {_length} bytes.");
    }
}

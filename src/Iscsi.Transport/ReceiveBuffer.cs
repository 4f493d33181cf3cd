using System.Buffers;
using System.Runtime.InteropServices;
using Reservations;

namespace Iscsi.Transport;

/// <summary>
/// The attached receive memory as one linear space: <c>[start, end)</c> is received and unconsumed, <c>[end, capacity)</c> is free.
/// Bytes before <c>start</c> come back into use by moving what is left to the front.
/// </summary>
internal sealed class ReceiveBuffer
{
    // A leftover this small is always moved to the front: the move costs less than the shorter receive that would follow.
    private const int CheapMoveBytes = 1024;

    private Memory<byte>[] _runs = [];
    private Segment[] _segments = [];
    private int _capacity;
    private int _start;
    private int _end;
    private int _examined;

    public bool IsAttached => _capacity != 0;

    public bool IsEmpty => _start == _end;

    public bool HasUnexamined => _examined < _end;

    /// <summary>Replaces the memory; what is unconsumed is copied over.</summary>
    public void Attach(BlockList memory)
    {
        var left = _end - _start;
        if (memory.Length < left)
            throw new ArgumentException($"{left} received bytes do not fit into {memory.Length} bytes.", nameof(memory));

        var runs = memory.Runs.ToArray();
        var segments = new Segment[runs.Length];
        for (var i = 0; i < runs.Length; i++) segments[i] = new Segment(runs[i], i == 0 ? null : segments[i - 1]);
        Copy(_segments, _start, segments, 0, left);
        _runs = runs;
        _segments = segments;
        _capacity = memory.Length;
        _examined = Math.Max(0, _examined - _start);
        _start = 0;
        _end = left;
    }

    /// <summary>What is received and unconsumed.</summary>
    public ReadOnlySequence<byte> Unconsumed
    {
        get
        {
            if (_segments.Length == 0) return ReadOnlySequence<byte>.Empty;
            var first = SegmentAt(_start);
            // An end on a boundary belongs to the segment before it, so that no empty segment trails.
            var last = _end == _start ? first : SegmentAt(_end - 1);
            return new ReadOnlySequence<byte>(
                first, _start - (int)first.RunningIndex, last, _end - (int)last.RunningIndex);
        }
    }

    /// <summary>Advances as <see cref="System.IO.Pipelines.PipeReader.AdvanceTo(SequencePosition, SequencePosition)"/> does.</summary>
    public void Advance(SequencePosition consumed, SequencePosition examined)
    {
        if (!IsAttached) return; // nothing can have been read but the end
        var newStart = OffsetOf(consumed);
        var newExamined = OffsetOf(examined);
        if (newStart < _start || newStart > _end || newExamined < newStart || newExamined > _end)
            throw new InvalidOperationException("The positions are not inside the buffer that was read, or examined lies before consumed.");
        _start = newStart;
        _examined = Math.Max(_examined, newExamined);
        if (_start == _end) _start = _end = _examined = 0;
    }

    /// <summary>The free part to receive into, after making room.</summary>
    /// <exception cref="InvalidOperationException">The memory is full of bytes that the reader looked at and did not consume.</exception>
    public ReadOnlySpan<Memory<byte>> PrepareFree(out int offsetBytes)
    {
        if (!IsAttached) throw new InvalidOperationException("No receive memory is attached.");
        var left = _end - _start;
        if (_start > 0 && (left <= CheapMoveBytes || _capacity - _end < _capacity / 2))
        {
            Copy(_segments, _start, _segments, 0, left);
            _examined -= _start;
            _start = 0;
            _end = left;
        }
        if (_end == _capacity)
            throw new InvalidOperationException($"The reader waits for more than the {_capacity} bytes of the receive memory.");
        var index = IndexAt(_end);
        offsetBytes = _end - (int)_segments[index].RunningIndex;
        return _runs.AsSpan(index);
    }

    /// <summary>The free part's beginning, of one run, while nothing is in the buffer.</summary>
    public Memory<byte> FirstFree(int maxBytes) => _runs[0][..Math.Min(maxBytes, _runs[0].Length)];

    public void Commit(int receivedBytes) => _end += receivedBytes;

    private static void Copy(Segment[] from, int fromOffset, Segment[] to, int toOffset, int lengthBytes)
    {
        // Forward, piece by piece: a move within one memory goes to lower offsets only, and Span.CopyTo allows overlap.
        int f = 0, t = 0;
        while (lengthBytes > 0)
        {
            while (fromOffset >= from[f].End) f++;
            while (toOffset >= to[t].End) t++;
            var source = from[f].Writable.Span[(fromOffset - (int)from[f].RunningIndex)..];
            var target = to[t].Writable.Span[(toOffset - (int)to[t].RunningIndex)..];
            var take = Math.Min(lengthBytes, Math.Min(source.Length, target.Length));
            source[..take].CopyTo(target);
            fromOffset += take;
            toOffset += take;
            lengthBytes -= take;
        }
    }

    private static int OffsetOf(SequencePosition position) =>
        position.GetObject() is Segment segment
            ? (int)segment.RunningIndex + position.GetInteger()
            : throw new ArgumentException("The position does not come from this reader.", nameof(position));

    private Segment SegmentAt(int offset) => _segments[IndexAt(offset)];

    private int IndexAt(int offset)
    {
        // Few runs in practice (neighbouring blocks merge), so a scan beats a search.
        var index = 0;
        while (index < _segments.Length - 1 && offset >= _segments[index].End) index++;
        return index;
    }

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(Memory<byte> run, Segment? previous)
        {
            Memory = run;
            if (previous is null) return;
            RunningIndex = previous.End;
            previous.Next = this;
        }

        public int End => (int)RunningIndex + Memory.Length;

        public Memory<byte> Writable => MemoryMarshal.AsMemory(Memory);
    }
}

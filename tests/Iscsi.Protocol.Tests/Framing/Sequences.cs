using System.Buffers;
using Reservations;

namespace Iscsi.Protocol.Tests;

/// <summary>Input in segments, and destinations in runs.</summary>
internal static class Sequences
{
    /// <summary>A sequence whose segments end at the given places.</summary>
    public static ReadOnlySequence<byte> Split(ReadOnlyMemory<byte> bytes, params int[] ends)
    {
        Segment? first = null;
        Segment? last = null;
        var start = 0;
        foreach (var end in ends.Append(bytes.Length))
        {
            var memory = bytes[start..end];
            last = last is null ? first = new Segment(memory) : last.Append(memory);
            start = end;
        }
        return new ReadOnlySequence<byte>(first!, 0, last!, last!.Memory.Length);
    }

    /// <summary>A sequence with one byte in each segment.</summary>
    public static ReadOnlySequence<byte> Shatter(ReadOnlyMemory<byte> bytes) =>
        Split(bytes, [.. Enumerable.Range(0, bytes.Length)]);

    /// <summary>A list whose runs have the given lengths and do not touch.</summary>
    public static BlockList Runs(params int[] lengths)
    {
        var list = new BlockList(lengths.Length);
        foreach (var length in lengths) list.Add(GC.AllocateArray<byte>(length, pinned: true));
        return list;
    }

    public static byte[] ToArray(this BlockList list)
    {
        var bytes = new byte[list.Length];
        list.CopyTo(0, bytes);
        return bytes;
    }

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(ReadOnlyMemory<byte> memory) => Memory = memory;

        public Segment Append(ReadOnlyMemory<byte> memory)
        {
            var next = new Segment(memory) { RunningIndex = RunningIndex + Memory.Length };
            Next = next;
            return next;
        }
    }
}

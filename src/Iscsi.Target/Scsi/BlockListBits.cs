using System.Numerics;
using Reservations;

namespace Iscsi.Target.Scsi;

/// <summary>Bitwise work on block lists, run by run.</summary>
internal static class BlockListBits
{
    /// <summary>Sets in a list the bits that are set in another one, which is not longer.</summary>
    public static void Or(BlockList target, BlockList source)
    {
        var run = 0;
        var at = 0;
        foreach (var part in source.Runs)
        {
            for (var rest = part.Span; !rest.IsEmpty;)
            {
                var into = target.Runs[run].Span[at..];
                var length = Math.Min(rest.Length, into.Length);
                Or(into[..length], rest[..length]);
                rest = rest[length..];
                at += length;
                if (length < into.Length) continue;
                run++;
                at = 0;
            }
        }
    }

    private static void Or(Span<byte> target, ReadOnlySpan<byte> source)
    {
        var width = Vector<byte>.Count;
        var i = 0;
        for (; i <= target.Length - width; i += width)
            (new Vector<byte>(target[i..]) | new Vector<byte>(source[i..])).CopyTo(target[i..]);
        for (; i < target.Length; i++) target[i] |= source[i];
    }
}

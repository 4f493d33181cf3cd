using Reservations;

namespace Iscsi.Target.Scsi;

/// <summary>Comparison of block lists, run by run, without a copy.</summary>
internal static class BlockListCompare
{
    /// <summary>Compares parts of two lists.</summary>
    /// <returns>Offset of the first byte that differs, from the start of the parts; -1 when they are equal.</returns>
    public static int FirstDifference(BlockList a, int offsetA, BlockList b, int offsetB, int lengthBytes)
    {
        var done = 0;
        while (done < lengthBytes)
        {
            var runA = RunAt(a, offsetA + done);
            var runB = RunAt(b, offsetB + done);
            var length = Math.Min(lengthBytes - done, Math.Min(runA.Length, runB.Length));
            var common = runA[..length].CommonPrefixLength(runB[..length]);
            done += common;
            if (common < length) return done;
        }
        return -1;
    }

    /// <summary>Whether every byte of a list is zero.</summary>
    public static bool IsZero(BlockList list)
    {
        foreach (var run in list.Runs)
            if (run.Span.ContainsAnyExcept((byte)0)) return false;
        return true;
    }

    private static ReadOnlySpan<byte> RunAt(BlockList list, int offset)
    {
        foreach (var run in list.Runs)
        {
            if (offset < run.Length) return run.Span[offset..];
            offset -= run.Length;
        }
        throw new ArgumentOutOfRangeException(nameof(offset), offset, "Past the end of the list.");
    }
}

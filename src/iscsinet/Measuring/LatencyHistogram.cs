using System.Numerics;

namespace IscsiNet.Cli.Measuring;

/// <summary>
/// Counts durations in buckets of fixed memory (19 KB), 64 an octave: a percentile is off by less than 1 %, the greatest is exact.
/// Not for several threads at once.
/// </summary>
internal sealed class LatencyHistogram
{
    private const int SubBits = 6;
    private const int SubCount = 1 << SubBits;

    // 2^40 ns are 18 minutes; what took longer is counted in the last bucket.
    private const int ValueBits = 40;
    private const long MaxBucketed = (1L << ValueBits) - 1;

    private readonly long[] _counts = new long[(ValueBits - SubBits + 1) * SubCount];

    public long Count { get; private set; }

    public long MaxNanoseconds { get; private set; }

    public void Record(long nanoseconds)
    {
        nanoseconds = Math.Max(0, nanoseconds);
        _counts[IndexOf(Math.Min(nanoseconds, MaxBucketed))]++;
        Count++;
        MaxNanoseconds = Math.Max(MaxNanoseconds, nanoseconds);
    }

    public void Add(LatencyHistogram other)
    {
        for (var i = 0; i < _counts.Length; i++) _counts[i] += other._counts[i];
        Count += other.Count;
        MaxNanoseconds = Math.Max(MaxNanoseconds, other.MaxNanoseconds);
    }

    /// <summary>The duration that a share of all did not exceed.</summary>
    /// <param name="share">Above 0, at most 1.</param>
    /// <returns>Nanoseconds; 0 where nothing was recorded.</returns>
    public long Percentile(double share)
    {
        if (Count == 0) return 0;
        var rank = Math.Clamp((long)Math.Ceiling(share * Count), 1, Count);
        if (rank == Count) return MaxNanoseconds;
        var index = 0;
        for (var seen = _counts[0]; seen < rank; seen += _counts[index]) index++;
        return Math.Min(MiddleOf(index), MaxNanoseconds);
    }

    // Below two octaves' worth every value has a bucket of its own; above, the leading seven bits choose.
    private static int IndexOf(long value)
    {
        if (value < 2 * SubCount) return (int)value;
        var shift = BitOperations.Log2((ulong)value) - SubBits;
        return (shift << SubBits) + (int)(value >> shift);
    }

    private static long MiddleOf(int index)
    {
        if (index < 2 * SubCount) return index;
        var shift = (index >> SubBits) - 1;
        return ((long)((index & (SubCount - 1)) + SubCount) << shift) + (1L << shift >> 1);
    }
}

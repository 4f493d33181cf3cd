using Iscsi.Storage;

namespace IscsiNet.Cli.Measuring;

/// <summary>A session's disk, and the part of it that the session goes through in order, over and over.</summary>
/// <param name="disk">Through that session.</param>
/// <param name="totalIos">How many I/Os cover the disk.</param>
/// <param name="first">The first I/O of the part.</param>
/// <param name="count">How many I/Os cover the part.</param>
internal sealed class PerfRegion(IBlockDevice disk, long totalIos, long first, long count)
{
    private long _cursor = -1;

    public IBlockDevice Disk => disk;

    public long TotalIos => totalIos;

    /// <summary>The next I/O in order, from any thread.</summary>
    public long Next() => first + (Interlocked.Increment(ref _cursor) % count);
}

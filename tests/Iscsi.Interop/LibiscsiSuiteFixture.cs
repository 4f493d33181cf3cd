using System.Collections.Concurrent;

namespace Iscsi.Interop;

/// <summary>A daemon with the LUNs of <see cref="LibiscsiLun"/>, in their order.</summary>
public class LibiscsiSuiteFixture : DaemonFixture
{
    private const long SmallDiskBytes = 64L << 20;

    private readonly ConcurrentDictionary<string, string> _skips = new(StringComparer.Ordinal);

    /// <summary>Options of the daemon.</summary>
    private protected virtual string[] Options => [];

    internal void RecordSkip(string test, string reason) => _skips[test] = reason;

    public override async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        await base.DisposeAsync();
        var lines = _skips.OrderBy(skip => skip.Key, StringComparer.Ordinal).Select(skip => $"{skip.Key}: {skip.Value}");
        await File.WriteAllLinesAsync(Path.Combine(AppContext.BaseDirectory, $"{GetType().Name}-skips.txt"), lines);
    }

    private protected override Task<Daemon> ServeAsync(string disk) => Daemon.ServeAsync(
        Options,
        [
            Scratch.SparseFile(disk + ".img", DiskBytes),
            Scratch.SparseFile(disk + "-4k.img", DiskBytes) + ",block-size=4096",
            "memory,size=64MiB",
            "memory,size=64MiB,removable",
            Scratch.SparseFile(disk + "-ro.img", SmallDiskBytes) + ",read-only",
            "null,size=64TiB",
            Scratch.SparseFile(disk + "-thick.img", SmallDiskBytes) + ",thick",
        ]);
}

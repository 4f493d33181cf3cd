using System.Collections.Concurrent;

namespace Iscsi.Interop;

/// <summary>
/// One daemon for the whole suite, as long as all is well: a test that failed may have left reservations, data or a dead daemon
/// behind, so the next one gets a new daemon with a new disk.
/// </summary>
public class LibiscsiSuiteFixture : IAsyncLifetime
{
    /// <summary>Large enough for every test; sparse.</summary>
    private const long DiskBytes = 1L << 30;
    private const long SmallDiskBytes = 64L << 20;

    private readonly ScratchDirectory _scratch = new();
    private readonly ConcurrentDictionary<string, string> _skips = new(StringComparer.Ordinal);
    private Daemon? _daemon;
    private int _daemonCount;

    /// <summary>Options of the daemon.</summary>
    private protected virtual string[] Options => [];

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    internal async Task<Daemon> GetDaemonAsync()
    {
        if (_daemon is { HasExited: false }) return _daemon;
        await DiscardDaemonAsync();
        var number = _daemonCount++;
        // In the order of LibiscsiLun.
        return _daemon = await Daemon.ServeAsync(
            Options,
            [
                _scratch.SparseFile($"disk{number}.img", DiskBytes),
                _scratch.SparseFile($"disk{number}-4k.img", DiskBytes) + ",block-size=4096",
                "memory,size=64MiB",
                "memory,size=64MiB,removable",
                _scratch.SparseFile($"disk{number}-ro.img", SmallDiskBytes) + ",read-only",
                "null,size=64TiB",
                _scratch.SparseFile($"disk{number}-thick.img", SmallDiskBytes) + ",thick",
            ]);
    }

    internal async Task DiscardDaemonAsync()
    {
        if (_daemon is null) return;
        await _daemon.DisposeAsync();
        _daemon = null;
    }

    internal void RecordSkip(string test, string reason) => _skips[test] = reason;

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        await DiscardDaemonAsync();
        _scratch.Dispose();
        var lines = _skips.OrderBy(skip => skip.Key, StringComparer.Ordinal).Select(skip => $"{skip.Key}: {skip.Value}");
        await File.WriteAllLinesAsync(Path.Combine(AppContext.BaseDirectory, $"{GetType().Name}-skips.txt"), lines);
    }
}

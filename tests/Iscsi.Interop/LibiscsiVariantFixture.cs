namespace Iscsi.Interop;

/// <summary>One daemon with a LUN of each kind in <see cref="LibiscsiVariants.Names"/>, as long as all is well.</summary>
public sealed class LibiscsiVariantFixture : IAsyncLifetime
{
    private const long DiskBytes = 256L << 20;

    private readonly ScratchDirectory _scratch = new();
    private Daemon? _daemon;
    private int _daemonCount;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    internal async Task<Daemon> GetDaemonAsync()
    {
        if (_daemon is { HasExited: false }) return _daemon;
        await DiscardDaemonAsync();
        var number = _daemonCount++;
        return _daemon = await Daemon.ServeAsync(
            _scratch.SparseFile($"disk{number}.img", DiskBytes) + ",block-size=4096",
            _scratch.SparseFile($"disk{number}-ro.img", DiskBytes) + ",read-only",
            "null,size=256MiB");
    }

    internal async Task DiscardDaemonAsync()
    {
        if (_daemon is null) return;
        await _daemon.DisposeAsync();
        _daemon = null;
    }

    public async ValueTask DisposeAsync()
    {
        await DiscardDaemonAsync();
        _scratch.Dispose();
    }
}

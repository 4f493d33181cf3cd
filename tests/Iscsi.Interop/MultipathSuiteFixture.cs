namespace Iscsi.Interop;

/// <summary>One daemon with two portals, each a portal group of its own, that serve the same disks.</summary>
public sealed class MultipathSuiteFixture : IAsyncLifetime
{
    private const long DiskBytes = 1L << 30;

    private readonly ScratchDirectory _scratch = new();
    private Daemon? _daemon;
    private int _count;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    internal async Task<Daemon> GetDaemonAsync()
    {
        if (_daemon is { HasExited: false }) return _daemon;
        await DiscardDaemonAsync();
        var number = _count++;
        return _daemon = await Daemon.ServeAsync(
            ["--listen", "127.0.0.1:0", "--listen", "127.0.0.1:0,group=2"],
            [_scratch.SparseFile($"disk{number}.img", DiskBytes), _scratch.SparseFile($"disk{number}-4k.img", DiskBytes) + ",block-size=4096"]);
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

namespace Iscsi.Interop;

/// <summary>
/// One daemon for all tests of a class, as long as all is well: a test that failed may have left reservations, data or a dead daemon behind,
/// so the next one gets a new daemon with new disks.
/// </summary>
public abstract class DaemonFixture : IAsyncLifetime
{
    /// <summary>Large enough for every test; sparse.</summary>
    private protected const long DiskBytes = 1L << 30;

    private Daemon? _daemon;
    private int _count;

    private protected ScratchDirectory Scratch { get; } = new();

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public virtual async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        await DiscardDaemonAsync();
        Scratch.Dispose();
    }

    internal async Task<Daemon> GetDaemonAsync()
    {
        if (_daemon is { HasExited: false }) return _daemon;
        await DiscardDaemonAsync();
        return _daemon = await ServeAsync($"disk{_count++}");
    }

    internal async Task DiscardDaemonAsync()
    {
        if (_daemon is null) return;
        await _daemon.DisposeAsync();
        _daemon = null;
    }

    /// <summary>Starts a daemon.</summary>
    /// <param name="disk">How its files begin: another one each time.</param>
    private protected abstract Task<Daemon> ServeAsync(string disk);
}

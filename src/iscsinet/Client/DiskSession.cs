using Iscsi.Initiator;
using Iscsi.Storage;

namespace IscsiNet.Cli.Client;

/// <summary>A session and one disk of it, closed together.</summary>
internal sealed class DiskSession : IAsyncDisposable
{
    private readonly IscsiSession _session;

    private DiskSession(IscsiSession session, IscsiBlockDevice disk)
    {
        _session = session;
        Disk = disk;
    }

    public IBlockDevice Disk { get; }

    public static async Task<DiskSession> OpenAsync(IscsiUrl url, IscsiInitiatorOptions options, CancellationToken cancellationToken)
    {
        var session = await IscsiInitiator.ConnectAsync(url, options, cancellationToken).ConfigureAwait(false);
        try
        {
            return new DiskSession(session, await session.OpenDiskAsync(url.Lun ?? 0, cancellationToken).ConfigureAwait(false));
        }
        catch
        {
            await session.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Disk.DisposeAsync().ConfigureAwait(false);
        await _session.DisposeAsync().ConfigureAwait(false);
    }
}

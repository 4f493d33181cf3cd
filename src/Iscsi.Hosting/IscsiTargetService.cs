using Iscsi.Target;
using Microsoft.Extensions.Hosting;

namespace Iscsi.Hosting;

/// <summary>Ties a target server to the host's life. The container disposes the server.</summary>
internal sealed class IscsiTargetService(IscsiTargetServer server) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken) => server.StartAsync(cancellationToken);

    public Task StopAsync(CancellationToken cancellationToken) => server.StopAsync(cancellationToken);
}

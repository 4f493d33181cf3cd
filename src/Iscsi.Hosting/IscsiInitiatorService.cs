using Microsoft.Extensions.Hosting;

namespace Iscsi.Hosting;

/// <summary>Logs out when the host stops; there is nothing to start.</summary>
internal sealed class IscsiInitiatorService(IscsiInitiatorFactory factory) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => factory.LogoutAsync(cancellationToken);
}

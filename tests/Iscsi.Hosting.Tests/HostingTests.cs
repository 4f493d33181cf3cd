using System.Net;
using Iscsi.Initiator;
using Iscsi.Storage;
using Iscsi.Target;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Iscsi.Hosting.Tests;

public sealed class HostingTests
{
    private const string Name = "iqn.2026-11.net.example:disk1";

    [Fact]
    public async Task The_server_listens_while_the_host_runs()
    {
        await using var disk = new MemoryBlockDevice(1 << 20);
        using var host = BuildHost(services => services.AddIscsiTarget(builder => Configure(builder, disk)));
        var server = host.Services.GetRequiredService<IscsiTargetServer>();
        Assert.Empty(server.Endpoints);

        await host.StartAsync();
        Assert.NotEqual(0, Assert.Single(server.Endpoints).Port);

        await host.StopAsync();
    }

    [Fact]
    public async Task The_configuration_may_take_devices_from_the_services()
    {
        using var host = BuildHost(services => services
            .AddSingleton<IBlockDevice>(_ => new MemoryBlockDevice(1 << 20))
            .AddIscsiTarget((provider, builder) => Configure(builder, provider.GetRequiredService<IBlockDevice>())));

        await host.StartAsync();
        Assert.Single(host.Services.GetRequiredService<IscsiTargetServer>().Endpoints);
        await host.StopAsync();
    }

    [Fact]
    public void A_second_server_is_refused()
    {
        var services = new ServiceCollection().AddIscsiTarget(_ => { });
        Assert.Throws<InvalidOperationException>(() => services.AddIscsiTarget(_ => { }));
    }

    [Fact]
    public async Task A_session_of_the_factory_ends_with_the_host()
    {
        await using var disk = new MemoryBlockDevice(1 << 20);
        using var targetHost = BuildHost(services => services.AddIscsiTarget(builder => Configure(builder, disk)));
        await targetHost.StartAsync();
        var server = targetHost.Services.GetRequiredService<IscsiTargetServer>();
        using var host = BuildHost(services => services.AddIscsiInitiator(options => options with { InitiatorName = "iqn.2026-11.net.example:host1" }));
        await host.StartAsync();
        var factory = host.Services.GetRequiredService<IscsiInitiatorFactory>();

        var session = await factory.ConnectAsync($"iscsi://{server.Endpoints[0]}/{Name}/0");
        Assert.Equal(1, server.SessionCount);
        await host.StopAsync();

        await Assert.ThrowsAnyAsync<Exception>(() => session.PingAsync());
        await Assert.ThrowsAsync<InvalidOperationException>(() => factory.ConnectAsync($"iscsi://{server.Endpoints[0]}/{Name}/0"));
        await targetHost.StopAsync();
    }

    [Fact]
    public void The_initiator_has_the_options_that_were_configured()
    {
        using var provider = new ServiceCollection()
            .AddIscsiInitiator(options => options with { InitiatorName = "iqn.2026-11.net.example:host7" })
            .BuildServiceProvider();
        Assert.Equal("iqn.2026-11.net.example:host7", provider.GetRequiredService<IscsiInitiatorFactory>().Options.InitiatorName);
    }

    private static void Configure(IscsiTargetBuilder builder, IBlockDevice disk) => builder
        .Listen(new IPEndPoint(IPAddress.Loopback, 0))
        .UseMemory(4 << 20)
        .AddTarget(Name, target => target.AddLun(0, disk));

    private static IHost BuildHost(Action<IServiceCollection> configure)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        configure(builder.Services);
        return builder.Build();
    }
}

using Iscsi.Initiator;
using Iscsi.Target;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Iscsi.Hosting;

/// <summary>iSCSI in an application with a host: started, logged and drained with it.</summary>
public static class IscsiServiceCollectionExtensions
{
    /// <summary>Adds an iSCSI target server that starts with the host and drains when the host stops.</summary>
    /// <param name="services">The application's services.</param>
    /// <param name="configure">Says where to listen, how much memory to use and what to serve. Devices stay the application's.</param>
    /// <returns><paramref name="services"/>.</returns>
    /// <remarks>
    /// The server is a singleton <see cref="IscsiTargetServer"/>. It logs to the application's <see cref="ILoggerFactory"/> and takes its
    /// <see cref="TimeProvider"/>, where there are any; <paramref name="configure"/> may choose others. One server serves any number of targets.
    /// </remarks>
    /// <exception cref="InvalidOperationException">A target server was added before.</exception>
    public static IServiceCollection AddIscsiTarget(this IServiceCollection services, Action<IscsiTargetBuilder> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        return services.AddIscsiTarget((_, builder) => configure(builder));
    }

    /// <inheritdoc cref="AddIscsiTarget(IServiceCollection, Action{IscsiTargetBuilder})"/>
    /// <param name="services">The application's services.</param>
    /// <param name="configure">As above, with the application's services, a device for instance.</param>
    public static IServiceCollection AddIscsiTarget(this IServiceCollection services, Action<IServiceProvider, IscsiTargetBuilder> configure)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(configure);
        if (services.Any(service => service.ServiceType == typeof(IscsiTargetServer)))
            throw new InvalidOperationException("A target server was added before: add further targets and portals to its builder.");
        services.AddSingleton(provider =>
        {
            var builder = new IscsiTargetBuilder();
            if (provider.GetService<ILoggerFactory>() is { } loggerFactory) builder.UseLoggerFactory(loggerFactory);
            if (provider.GetService<TimeProvider>() is { } clock) builder.UseTimeProvider(clock);
            configure(provider, builder);
            return builder.Build();
        });
        services.AddSingleton<IHostedService>(provider => new IscsiTargetService(provider.GetRequiredService<IscsiTargetServer>()));
        return services;
    }

    /// <summary>Adds an <see cref="IscsiInitiatorFactory"/> for sessions that end with the host.</summary>
    /// <param name="services">The application's services.</param>
    /// <param name="configure">Changes the options of every session; null keeps the defaults. The log goes to the application's.</param>
    /// <returns><paramref name="services"/>.</returns>
    public static IServiceCollection AddIscsiInitiator(
        this IServiceCollection services, Func<IscsiInitiatorOptions, IscsiInitiatorOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.TryAddSingleton(provider =>
        {
            var options = new IscsiInitiatorOptions { LoggerFactory = provider.GetService<ILoggerFactory>() };
            if (provider.GetService<TimeProvider>() is { } clock) options = options with { Clock = clock };
            return new IscsiInitiatorFactory(configure is null ? options : configure(options));
        });
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IHostedService, IscsiInitiatorService>());
        return services;
    }
}

using System.Net;
using System.Net.Sockets;
using Iscsi.Storage;
using Iscsi.Target;
using Iscsi.Transport;
using IscsiNet.Cli.Commands;
using IscsiNet.Cli.Logging;
using IscsiNet.Cli.Output;
using IscsiNet.Cli.Parsing;

namespace IscsiNet.Cli.Serving;

/// <summary>Opens the disks, serves them, says so, and drains when it is asked to stop.</summary>
internal static class DiskServer
{
    /// <summary>Serves until a signal, or until the captive command ends.</summary>
    /// <returns>The exit code.</returns>
    public static async Task<int> RunAsync(ServeOptions options, TextWriter output, TextWriter error)
    {
        using var signal = new ShutdownSignal();
        using var loggers = new StandardErrorLoggerFactory(TextWriter.Synchronized(error), options.LogLevel, TimeProvider.System);
        var disks = new List<IBlockDevice>();
        try
        {
            foreach (var device in options.Devices) disks.Add(await DeviceOpener.OpenAsync(device).ConfigureAwait(false));
            var server = Build(options, disks, loggers);
            await using (server.ConfigureAwait(false))
            {
                await StartAsync(server, options.Listen).ConfigureAwait(false);
                WarnAboutSecrets([options.Chap, options.MutualChap], error);
                var portal = PortalOf(server.Endpoints[0], options.Listen[0]);
                await error.WriteAsync(Describe(server, options, disks)).ConfigureAwait(false);
                for (var lun = 0; lun < disks.Count; lun++)
                    await output.WriteLineAsync($"ready {Url(portal, options.TargetName, lun)}").ConfigureAwait(false);
                await output.FlushAsync().ConfigureAwait(false);
                using var reload = new ReloadSignal();
                _ = DiskReload.FollowAsync(reload, disks, error, signal.Requested);

                var exitCode = ExitCodes.Done;
                if (options.CaptiveCommand is { } command)
                    exitCode = await CaptiveCommand.RunAsync(command, Url(portal, options.TargetName, 0), options.Chap, signal.Requested).ConfigureAwait(false);
                else
                    await signal.Requested.ConfigureAwait(false);
                await server.StopAsync().ConfigureAwait(false);
                return exitCode;
            }
        }
        finally
        {
            foreach (var disk in disks) await disk.DisposeAsync().ConfigureAwait(false);
        }
    }

    private static IscsiTargetServer Build(ServeOptions options, List<IBlockDevice> disks, StandardErrorLoggerFactory loggers)
    {
        var builder = new IscsiTargetBuilder().UseMemory(options.MemoryBytes).UseLoggerFactory(loggers);
        if (LoopsOf(options) is { } loops) builder.UseTransport(new SocketTransportOptions { Loops = loops });
        foreach (var listen in options.Listen) builder.Listen(listen.Endpoint, listen.Announce, listen.Group);
        builder.AddTarget(options.TargetName, target =>
        {
            for (var lun = 0; lun < disks.Count; lun++) target.AddLun(lun, disks[lun], OptionsOf(options.Devices[lun], disks[lun]));
            target.AllowInitiators([.. options.AllowedInitiators]);
            if (options.Chap is { } chap) target.RequireChap(chap.Name, chap.Secret);
            if (options.MutualChap is { } mutual) target.AnswerChap(mutual.Name, mutual.Secret);
        });
        return builder.Build();
    }

    // Of their own only where something else than the default was asked for; they live as long as the process.
    private static EventLoops? LoopsOf(ServeOptions options)
    {
        if (options.Loops is null && options.BusyPoll == TimeSpan.Zero) return null;
        if (!EventLoops.IsSupported) throw UserException.Usage("--loops and --busy-poll need 64-bit Linux");
        var defaults = new EventLoopOptions();
        return new EventLoops(defaults with { Count = options.Loops ?? defaults.Count, BusyPoll = options.BusyPoll });
    }

    // Beside the disk, so that it goes where the disk goes. Beside a block device, in /dev, nothing would last.
    internal static LunOptions OptionsOf(BlockDeviceSpec spec, IBlockDevice disk)
    {
        var path = disk is FileBlockDevice file && File.Exists(file.Path) && !file.Path.StartsWith("/dev/", StringComparison.Ordinal) ? file.Path : null;
        return new LunOptions
        {
            IsRemovable = spec.IsRemovable,
            ReservationsPath = path is null ? null : path + ".reservations",
            StatePath = path is null ? null : path + ".state",
        };
    }

    internal static async Task StartAsync(IscsiTargetServer server, IReadOnlyList<ListenSpec> portals)
    {
        try
        {
            await server.StartAsync().ConfigureAwait(false);
        }
        catch (SocketException exception)
        {
            var places = string.Join(", ", portals.Select(listen => listen.Endpoint));
            var advice = exception.SocketErrorCode switch
            {
                SocketError.AddressAlreadyInUse => "something listens there already; choose another port with --listen, or port 0 for any free one",
                SocketError.AddressNotAvailable => "this machine has no such address; see --listen",
                SocketError.AccessDenied => "ports below 1024 are for root; choose another with --listen",
                _ => exception.Message,
            };
            throw new UserException($"can't listen on {places}: {advice}", ExitCodes.Failed, exception);
        }
    }

    internal static void WarnAboutSecrets(IEnumerable<ChapAccount?> accounts, TextWriter error)
    {
        foreach (var account in accounts)
        {
            if (account is not null && System.Text.Encoding.UTF8.GetByteCount(account.Secret) < ChapSecret.RecommendedBytes)
                error.WriteLine($"warning: the CHAP secret of {account.Name} is shorter than {ChapSecret.RecommendedBytes} bytes; it can be guessed from one recorded login");
        }
    }

    /// <summary>The memory promise and the disks, for a person.</summary>
    private static string Describe(IscsiTargetServer server, ServeOptions options, List<IBlockDevice> disks)
    {
        var table = new TextTable(">LUN", ">size", ">block", "access", "disk");
        for (var lun = 0; lun < disks.Count; lun++)
        {
            var info = disks[lun].Info;
            var access = (info.IsReadOnly ? "read-only" : "read-write") + (options.Devices[lun].IsRemovable ? ", removable" : "");
            table.Add($"{lun}", ByteSize.Format(info.LengthBytes), $"{info.BlockSize}", access, info.Description);
        }

        var memoryDisks = options.Devices.Where(device => device.Kind == BlockDeviceKind.Memory).Sum(device => device.SizeBytes ?? 0);
        var memory = server.Budget.Describe();
        if (memoryDisks > 0) memory += $"; memory disks hold up to {ByteSize.Format(memoryDisks)} more";
        var portals = string.Join(", ", server.Endpoints.Select(endpoint => endpoint.ToString()));
        return $"{memory}\ntarget {options.TargetName} on {portals}\n{table}";
    }

    /// <summary>The address that a client on this machine connects to.</summary>
    internal static IPEndPoint PortalOf(IPEndPoint bound, ListenSpec listen)
    {
        if (bound.Address.Equals(IPAddress.Any)) return listen.Announce ?? new IPEndPoint(IPAddress.Loopback, bound.Port);
        return bound.Address.Equals(IPAddress.IPv6Any) ? listen.Announce ?? new IPEndPoint(IPAddress.IPv6Loopback, bound.Port) : bound;
    }

    internal static string Url(IPEndPoint portal, string target, int lun) => $"iscsi://{portal}/{target}/{lun}";
}

using Iscsi.Storage;
using IscsiNet.Cli.Configuration;
using IscsiNet.Cli.Logging;
using IscsiNet.Cli.Output;
using Microsoft.Extensions.Logging;

namespace IscsiNet.Cli.Serving;

/// <summary>Serves what a configuration file says, reads it again at SIGHUP, and drains when it is asked to stop.</summary>
internal static class ConfigurationServer
{
    /// <summary>Serves until a signal, or until the captive command ends.</summary>
    /// <returns>The exit code.</returns>
    public static async Task<int> RunAsync(string path, string? captiveCommand, LogLevel logLevel, TextWriter output, TextWriter error)
    {
        using var signal = new ShutdownSignal();
        // Before anything is served: a SIGHUP that comes early must not end the process.
        using var reload = new ReloadSignal();
        using var loggers = new StandardErrorLoggerFactory(TextWriter.Synchronized(error), logLevel, TimeProvider.System);
        var logger = loggers.CreateLogger("iscsinet");
        var configuration = ConfigurationReader.Read(path);
        var served = await ServedConfiguration.OpenAsync(configuration, builder => builder.UseLoggerFactory(loggers)).ConfigureAwait(false);
        await using (served.ConfigureAwait(false))
        {
            await DiskServer.StartAsync(served.Server, configuration.Portals).ConfigureAwait(false);
            DiskServer.WarnAboutSecrets(configuration.Targets.SelectMany(target => target.Rules.Chap.Append(target.Rules.MutualChap)), error);
            await error.WriteAsync(Describe(served)).ConfigureAwait(false);
            var ready = new HashSet<string>(StringComparer.Ordinal);
            await TellReadyAsync(served, ready, output).ConfigureAwait(false);

            var exitCode = ExitCodes.Done;
            if (captiveCommand is not null)
            {
                var account = configuration.Targets is [{ Rules.Chap: { Count: > 0 } accounts }, ..] ? accounts[0] : null;
                var url = ready.FirstOrDefault() ?? throw UserException.Usage($"{path} has no LUN that --run could use");
                var running = CaptiveCommand.RunAsync(captiveCommand, url, account, signal.Requested);
                await ReloadUntilAsync(running).ConfigureAwait(false);
                exitCode = await running.ConfigureAwait(false);
            }
            else
            {
                await ReloadUntilAsync(signal.Requested).ConfigureAwait(false);
            }
            await served.Server.StopAsync().ConfigureAwait(false);
            return exitCode;

            async Task ReloadUntilAsync(Task end)
            {
                while (true)
                {
                    if (await Task.WhenAny(end, reload.WaitAsync()).ConfigureAwait(false) == end) return;
                    await ReloadAsync(served, path, logger).ConfigureAwait(false);
                    await TellReadyAsync(served, ready, output).ConfigureAwait(false);
                }
            }
        }
    }

    private static async Task ReloadAsync(ServedConfiguration served, string path, ILogger logger)
    {
        ServerConfiguration next;
        try
        {
            next = ConfigurationReader.Read(path);
        }
        catch (UserException e)
        {
            DaemonLog.ReloadRefused(logger, path, e.Message);
            return;
        }
        var outcome = await served.ChangeAsync(next).ConfigureAwait(false);
        var problems = string.Join(" | ", outcome.Problems);
        if (outcome.IsRefused) DaemonLog.ReloadRefused(logger, path, problems);
        else if (outcome.Problems.Count > 0) DaemonLog.ReloadIncomplete(logger, path, problems);
        else DaemonLog.Reloaded(logger, path, outcome.Changes);
    }

    // One line a LUN, when clients can connect; after a reload, for those that are new.
    private static async Task TellReadyAsync(ServedConfiguration served, HashSet<string> told, TextWriter output)
    {
        var portal = DiskServer.PortalOf(served.Server.Endpoints[0], served.Configuration.Portals[0]);
        var now = served.Disks.Select(disk => DiskServer.Url(portal, disk.Target, disk.Lun)).ToArray();
        foreach (var url in now)
            if (told.Add(url)) await output.WriteLineAsync($"ready {url}").ConfigureAwait(false);
        told.IntersectWith(now);
        await output.FlushAsync().ConfigureAwait(false);
    }

    /// <summary>The memory promise and the disks, for a person.</summary>
    private static string Describe(ServedConfiguration served)
    {
        var table = new TextTable("target", ">LUN", ">size", ">block", "access", "disk");
        foreach (var target in served.Server.Targets)
        {
            foreach (var lun in target.Luns)
            {
                var info = lun.Device.Info;
                table.Add(target.Name, $"{lun.Number}", ByteSize.Format(info.LengthBytes), $"{info.BlockSize}", lun.IsReadOnly ? "read-only" : "read-write", info.Description);
            }
        }
        var portals = string.Join(", ", served.Server.Endpoints.Select(endpoint => endpoint.ToString()));
        return $"{served.Server.Budget.Describe()}\n{served.Server.Targets.Count} targets on {portals}\n{table}";
    }
}

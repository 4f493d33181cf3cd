using Iscsi.Storage;
using Iscsi.Target;
using IscsiNet.Cli.Configuration;
using IscsiNet.Cli.Output;

namespace IscsiNet.Cli.Serving;

// A change goes in this order, so that what fails, fails before anything was changed:
//
//   compare ─▶ open new disks ─▶ serve them where their places are free ─┬▶ remove what is gone ─▶ serve what waited for it ─▶ access, sizes
//                 what fails up to here is undone, and nothing changed ──┘

/// <summary>A running server and the configuration that it serves; both change together.</summary>
internal sealed partial class ServedConfiguration : IAsyncDisposable
{
    // A device that holds a request does not hold up the rest of a reload: its LUN is out already, and leaves when it lets go.
    private static readonly TimeSpan RemovalLimit = TimeSpan.FromSeconds(10);

    private readonly Dictionary<(string Target, int Lun), ServedDisk> _disks = [];
    private readonly Dictionary<string, TargetRules> _rules = new(StringComparer.Ordinal);
    private ServerConfiguration _configuration;

    private ServedConfiguration(ServerConfiguration configuration) => _configuration = configuration;

    public IscsiTargetServer Server { get; private set; } = null!;

    public ServerConfiguration Configuration => _configuration;

    /// <summary>The disks that are served, in the order of targets and LUNs.</summary>
    public IEnumerable<(string Target, int Lun, IBlockDevice Device)> Disks =>
        Server.Targets.SelectMany(target => target.Luns.Select(lun => (target.Name, lun.Number, lun.Device)));

    /// <summary>Opens all disks and builds a server of them; it does not listen yet.</summary>
    /// <exception cref="UserException">A disk can't be opened, or the server can't be built.</exception>
    public static async Task<ServedConfiguration> OpenAsync(ServerConfiguration configuration, Func<IscsiTargetBuilder, IscsiTargetBuilder> configure)
    {
        var served = new ServedConfiguration(configuration);
        try
        {
            var problems = new List<string>();
            foreach (var target in configuration.Targets)
                foreach (var lun in target.Luns)
                    if (await TryOpenAsync(lun, problems).ConfigureAwait(false) is { } disk) served._disks.Add((target.Name, lun.Number), disk);
            if (problems.Count > 0) throw UserException.Usage(ConfigurationReader.Describe(configuration.Path, problems));
            served.Server = served.Build(configure);
            return served;
        }
        catch
        {
            foreach (var disk in served._disks.Values) await disk.Device.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Stops the server, then closes the disks.</summary>
    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync().ConfigureAwait(false);
        foreach (var disk in _disks.Values) await disk.Device.DisposeAsync().ConfigureAwait(false);
    }

    private IscsiTargetServer Build(Func<IscsiTargetBuilder, IscsiTargetBuilder> configure)
    {
        var builder = configure(new IscsiTargetBuilder().UseMemory(_configuration.MemoryBytes).UseLimits(_configuration.Limits));
        foreach (var portal in _configuration.Portals) builder.Listen(portal.Endpoint, portal.Announce, portal.Group);
        foreach (var target in _configuration.Targets)
        {
            _rules[target.Name] = target.Rules;
            builder.AddTarget(target.Name, definition => Define(definition, target, _disks));
        }
        return builder.Build();
    }

    // With those of its LUNs whose disks are open.
    private static void Define(TargetDefinitionBuilder definition, TargetConfiguration target, Dictionary<(string Target, int Lun), ServedDisk> disks)
    {
        target.Rules.ApplyTo(definition);
        definition.UseAsymmetricAccess(target.Access.ToOptions());
        foreach (var lun in target.Luns)
            if (disks.TryGetValue((target.Name, lun.Number), out var disk)) definition.AddLun(lun.Number, disk.Device, disk.Options);
    }

    private static async Task<ServedDisk?> TryOpenAsync(LunConfiguration lun, List<string> problems)
    {
        try
        {
            var device = await DeviceOpener.OpenAsync(lun.Opening).ConfigureAwait(false);
            return new ServedDisk(lun, device);
        }
        catch (Exception e) when (e is BlockDeviceException or ArgumentException or IOException or UnauthorizedAccessException or UserException)
        {
            problems.Add($"{lun.Place}.{(lun.IsFile ? "path" : "size")}: {ErrorText.Of(e).Message}");
            return null;
        }
    }

    /// <summary>A LUN as it is served now.</summary>
    private sealed record ServedDisk(LunConfiguration Lun, IBlockDevice Device)
    {
        public LunOptions Options => DiskServer.OptionsOf(Lun.Disk, Device) with { SerialNumber = Lun.SerialNumber, IsReadOnly = Lun.Disk.IsReadOnly, LowSpaceBytes = Lun.LowSpaceBytes };
    }
}

namespace Iscsi.Interop.Guests;

/// <summary>The daemon on a port that is known beforehand, and that it announces under the address by which a guest reaches it.</summary>
internal sealed class GuestDaemon : IAsyncDisposable
{
    private readonly string[] _options;
    private readonly string[] _devices;
    private readonly (string Name, string Value)[] _environment;
    private Daemon? _daemon;

    private GuestDaemon(int port, string[] options, string[] devices, (string Name, string Value)[] environment)
    {
        Port = port;
        _options = ["--listen", $"127.0.0.1:{port},announce={LinuxGuest.HostAddress}:{port}", .. options];
        _devices = devices;
        _environment = environment;
    }

    /// <summary>Where the guest finds it, at <see cref="LinuxGuest.HostAddress"/>.</summary>
    public int Port { get; }

    /// <summary>What it wrote since it was started last.</summary>
    public string Log => _daemon?.Log ?? "";

    /// <summary>The URL of LUN 0 for clients on this side.</summary>
    public string Url => _daemon!.Url;

    public static Task<GuestDaemon> ServeAsync(params string[] devices) => ServeAsync([], devices);

    public static async Task<GuestDaemon> ServeAsync(string[] options, string[] devices, params (string Name, string Value)[] environment)
    {
        var daemon = new GuestDaemon(LoopbackPorts.Free(), options, devices, environment);
        await daemon.StartAsync();
        return daemon;
    }

    /// <summary>Starts it, on the same port, after <see cref="KillAsync"/> or <see cref="StopAsync"/>.</summary>
    public async Task StartAsync() => _daemon = await Daemon.ServeAsync(_options, _devices, _environment);

    /// <summary>Makes it look at its files again, and waits until it says so.</summary>
    public Task ReloadAsync(string expected) => _daemon!.ReloadAsync(expected);

    /// <summary>As a power cut.</summary>
    public async Task KillAsync()
    {
        await _daemon!.DisposeAsync();
        _daemon = null;
    }

    /// <summary>As a service manager; returns its exit code.</summary>
    public async Task<int> StopAsync()
    {
        var exitCode = await _daemon!.StopAsync();
        await _daemon.DisposeAsync();
        _daemon = null;
        return exitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (_daemon is not null) await KillAsync();
    }
}

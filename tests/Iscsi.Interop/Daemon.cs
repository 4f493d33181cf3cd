using System.Diagnostics;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text;

namespace Iscsi.Interop;

/// <summary>The daemon as a user runs it: a process of its own on a free port, known by its ready lines.</summary>
internal sealed class Daemon : IAsyncDisposable
{
    /// <summary>Names another executable to test, such as one compiled ahead of time.</summary>
    private const string ExecutableVariable = "ISCSINET_EXECUTABLE";

    private const int SignalHangUp = 1;
    private const int SignalTerminate = 15;
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(60);

    private readonly Process _process;
    private readonly StringBuilder _log = new();
    private readonly List<string> _urls = [];
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private Daemon(Process process) => _process = process;

    public static string Executable { get; } =
        Environment.GetEnvironmentVariable(ExecutableVariable) is { Length: > 0 } path
            ? path
            : typeof(Daemon).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == "DaemonPath").Value!;

    /// <summary>One URL a LUN, in LUN order, as the ready lines gave them.</summary>
    public IReadOnlyList<string> Urls
    {
        get
        {
            lock (_log) return [.. _urls];
        }
    }

    /// <summary>The URL of LUN 0.</summary>
    public string Url => Urls[0];

    /// <summary>The portal alone, <c>iscsi://host:port</c>.</summary>
    public string PortalUrl => Url[..Url.IndexOf('/', "iscsi://".Length)];

    public int ProcessId => _process.Id;

    public bool HasExited => _process.HasExited;

    public int ExitCode => _process.ExitCode;

    /// <summary>Everything it wrote so far.</summary>
    public string Log
    {
        get
        {
            lock (_log) return _log.ToString();
        }
    }

    /// <summary>Runs <c>serve</c> on a free port of the loopback and waits until one ready line a device has come.</summary>
    public static Task<Daemon> ServeAsync(params string[] devices) => ServeAsync([], devices);

    /// <summary>As <see cref="ServeAsync(string[])"/>, with options; where they name a portal, on those that they name.</summary>
    public static Task<Daemon> ServeAsync(string[] options, string[] devices, params (string Name, string Value)[] environment)
    {
        string[] listen = options.Contains("--listen", StringComparer.Ordinal) ? [] : ["--listen", "127.0.0.1:0"];
        return RunAsync(["serve", .. devices, .. listen, .. options], devices.Length, environment);
    }

    /// <summary>Runs <c>serve</c> with a configuration file, and waits until so many ready lines have come.</summary>
    public static Task<Daemon> ServeConfigurationAsync(string path, int lunCount) => RunAsync(["serve", "--config", path], lunCount, []);

    /// <summary>Asks it to read its configuration again.</summary>
    public void Hangup() => _ = Kill(_process.Id, SignalHangUp);

    /// <summary>Waits for a line of the log. Its streams come apart: what was written before may come after, and a ready line is in <see cref="Urls"/> then.</summary>
    public async Task WaitForLogAsync(string text, int count = 1)
    {
        for (var limit = Stopwatch.StartNew(); Log.Split(text).Length <= count; await Task.Delay(20))
            Assert.True(limit.Elapsed < StopLimit && !HasExited, $"'{text}' did not come:\n{Log}");
    }

    private static async Task<Daemon> RunAsync(string[] arguments, int lunCount, (string Name, string Value)[] environment)
    {
        var start = new ProcessStartInfo(Executable, arguments)
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in environment) start.Environment[name] = value;
        var daemon = new Daemon(new Process { StartInfo = start, EnableRaisingEvents = true });
        try
        {
            await daemon.StartAsync(lunCount);
            return daemon;
        }
        catch
        {
            await daemon.DisposeAsync();
            throw;
        }
    }

    /// <summary>Asks it to stop, as a service manager does, and returns its exit code.</summary>
    public async Task<int> StopAsync()
    {
        if (!_process.HasExited) _ = Kill(_process.Id, SignalTerminate);
        using var limit = new CancellationTokenSource(StopLimit);
        try
        {
            await _process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            Assert.Fail($"the daemon did not end within {StopLimit.TotalSeconds} s of SIGTERM:\n{Log}");
        }

        return _process.ExitCode;
    }

    /// <summary>Sends it SIGHUP, and waits until it has said something about it.</summary>
    public async Task ReloadAsync(string expected)
    {
        var before = Log.Length;
        _ = Kill(_process.Id, SignalHangUp);
        var limit = Stopwatch.StartNew();
        while (!Log[before..].Contains(expected, StringComparison.Ordinal))
        {
            if (limit.Elapsed > StartLimit) Assert.Fail($"the daemon did not say '{expected}':\n{Log}");
            await Task.Delay(50);
        }
    }

    /// <summary>Ends it as a power cut of the process would: nothing is flushed or said.</summary>
    public async Task KillAsync()
    {
        if (!_process.HasExited) _process.Kill();
        using var limit = new CancellationTokenSource(StopLimit);
        try
        {
            // Also waits for the end of its output, which a process it started may hold open.
            await _process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException) when (_process.HasExited)
        {
        }
    }

    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        _process.Dispose();
    }

    private async Task StartAsync(int lunCount)
    {
        _process.OutputDataReceived += (_, line) =>
        {
            if (line.Data is null) return;
            if (!line.Data.StartsWith("ready ", StringComparison.Ordinal))
            {
                Append(line.Data);
                return;
            }
            lock (_log)
            {
                _urls.Add(line.Data["ready ".Length..]);
                Append(line.Data);
                if (_urls.Count == lunCount) _ready.TrySetResult();
            }
        };
        _process.ErrorDataReceived += (_, line) =>
        {
            if (line.Data is not null) Append(line.Data);
        };
        _process.Exited += (_, _) => _ready.TrySetException(new InvalidOperationException("the daemon ended"));
        _process.Start();
        _process.StandardInput.Close();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        try
        {
            await _ready.Task.WaitAsync(StartLimit);
            // It was written before the ready lines, but comes another way.
            await WaitForLogAsync("memory: ");
        }
        catch (Exception exception) when (exception is TimeoutException or InvalidOperationException)
        {
            if (_process.HasExited) await _process.WaitForExitAsync(CancellationToken.None);
            Assert.Fail($"the daemon was not ready: {exception.Message}\n{Executable}\n{Log}");
        }
    }

    private void Append(string line)
    {
        lock (_log) _log.Append(line).Append('\n');
    }

    [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static extern int Kill(int processId, int signal);
}

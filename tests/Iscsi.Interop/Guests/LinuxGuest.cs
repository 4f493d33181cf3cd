using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Threading.Channels;

namespace Iscsi.Interop.Guests;

/// <summary>
/// A Linux under QEMU, made and booted by <c>eng/vm</c>. It runs one script after the other, which it gets over a serial port, and sees the
/// loopback of this machine as <see cref="HostAddress"/>.
/// </summary>
internal sealed class LinuxGuest : IAsyncDisposable
{
    /// <summary>This machine, as the guest sees it.</summary>
    public const string HostAddress = "10.0.2.2";

    private const int EndOfProcessSeconds = 10;

    /// <summary>A guest that is not busy begins a script at once.</summary>
    private static readonly TimeSpan ResendAfter = TimeSpan.FromSeconds(5);

    /// <summary>On an idle machine it takes under ten.</summary>
    private static readonly TimeSpan BootLimit = TimeSpan.FromSeconds(120);

    /// <summary>For a script; scenarios that are meant to take longer say so.</summary>
    private static readonly TimeSpan ScriptLimit = TimeSpan.FromSeconds(120);

    private static readonly ForeignTool Qemu = new("qemu-system-x86_64", "qemu-system-x86");

    private readonly Process _process;
    private readonly string _consolePath;
    private readonly StringBuilder _log = new();
    private readonly Channel<string> _lines = Channel.CreateUnbounded<string>();
    private int _begun;
    private int _scripts;

    private LinuxGuest(Process process, string consolePath, int forwardedPort)
    {
        _process = process;
        _consolePath = consolePath;
        ForwardedPort = forwardedPort;
    }

    /// <summary>A port of this machine's loopback that leads to port 3260 of the guest.</summary>
    public int ForwardedPort { get; }

    /// <summary>Whether it still takes scripts.</summary>
    public bool IsAlive => !_process.HasExited;

    /// <summary>The kernel's version, such as 6.1.0-56-amd64.</summary>
    public string Kernel { get; private set; } = "";

    /// <summary>All scripts with their output, and what the kernel wrote to its console.</summary>
    public string Log
    {
        get
        {
            lock (_log) return $"{_log}\n=== console ===\n{(File.Exists(_consolePath) ? File.ReadAllText(_consolePath) : "")}";
        }
    }

    /// <summary>Boots a guest.</summary>
    /// <param name="scratch">Where its console goes.</param>
    /// <param name="qemuOptions">More options, such as disks.</param>
    public static async Task<LinuxGuest> BootAsync(ScratchDirectory scratch, params string[] qemuOptions)
    {
        Qemu.Require();
        await GuestImage.RequireAsync();
        var forwardedPort = LoopbackPorts.Free();
        var console = scratch.File($"console-{Guid.NewGuid():N}.log");
        var start = new ProcessStartInfo(Repository.PathOf("eng", "vm", "boot.sh"), [console, .. qemuOptions])
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["ISCSINET_VM_FORWARD"] =
            string.Create(CultureInfo.InvariantCulture, $"hostfwd=tcp:127.0.0.1:{forwardedPort}-:3260");
        var guest = new LinuxGuest(new Process { StartInfo = start }, console, forwardedPort);
        try
        {
            await guest.StartAsync();
            return guest;
        }
        catch
        {
            await guest.DisposeAsync();
            throw;
        }
    }

    /// <summary>Runs a shell script to its end.</summary>
    public Task<GuestResult> RunAsync(string script) => RunAsync(script, ScriptLimit);

    /// <summary>Runs a shell script to its end; after the limit it is killed.</summary>
    public Task<GuestResult> RunAsync(string script, TimeSpan limit) => Start(script, limit).Completion;

    /// <summary>Starts a shell script, to do something on this side while it runs. Only one runs at a time.</summary>
    public GuestScript Start(string script) => Start(script, ScriptLimit);

    /// <summary>As <see cref="Start(string)"/>, with another limit.</summary>
    public GuestScript Start(string script, TimeSpan limit)
    {
        var id = ++_scripts;
        var encoded = Convert.ToBase64String(Encoding.UTF8.GetBytes(script));
        _ = SendUntilBegunAsync(id, string.Create(CultureInfo.InvariantCulture, $"\nrun {id} {(int)limit.TotalSeconds} {encoded.Length} {encoded}\n"));
        Append($"--- script {id}\n{script.TrimEnd()}\n---");
        return new GuestScript(script, $"@@end {id} ", _lines.Reader, limit + TimeSpan.FromSeconds(EndOfProcessSeconds));
    }

    /// <summary>The kernel's log since this was called last.</summary>
    public async Task<string> TakeKernelLogAsync() => (await RunAsync("dmesg -c")).Succeeded().Output;

    public async ValueTask DisposeAsync()
    {
        try
        {
            if (!_process.HasExited) _process.Kill(entireProcessTree: true);
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(EndOfProcessSeconds));
            await _process.WaitForExitAsync(limit.Token);
        }
        catch (Exception exception) when (exception is InvalidOperationException or OperationCanceledException)
        {
            // Not started, or its end did not come.
        }

        _process.Dispose();
    }

    // The emulated serial port may lose what comes while the guest is busy.
    private async Task SendUntilBegunAsync(int id, string line)
    {
        try
        {
            while (Volatile.Read(ref _begun) < id && !_process.HasExited)
            {
                await _process.StandardInput.WriteAsync(line);
                await _process.StandardInput.FlushAsync();
                for (var waited = TimeSpan.Zero; waited < ResendAfter && Volatile.Read(ref _begun) < id; waited += TimeSpan.FromMilliseconds(20))
                    await Task.Delay(20);
            }
        }
        catch (Exception exception) when (exception is IOException or InvalidOperationException)
        {
            // The guest is gone: whoever waits for the end of the script is told.
        }
    }

    private async Task StartAsync()
    {
        _process.OutputDataReceived += (_, line) =>
        {
            if (line.Data is null)
            {
                _lines.Writer.TryComplete();
                return;
            }

            const string begin = "@@begin ";
            if (line.Data.StartsWith(begin, StringComparison.Ordinal) && int.TryParse(line.Data.AsSpan(begin.Length), CultureInfo.InvariantCulture, out var begun))
            {
                Volatile.Write(ref _begun, begun);
                return;
            }

            Append(line.Data);
            _lines.Writer.TryWrite(line.Data);
        };
        _process.ErrorDataReceived += (_, line) =>
        {
            if (line.Data is not null) Append(line.Data);
        };
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        const string ready = "@@ready ";
        using var limit = new CancellationTokenSource(BootLimit);
        try
        {
            await foreach (var line in _lines.Reader.ReadAllAsync(limit.Token))
            {
                if (!line.StartsWith(ready, StringComparison.Ordinal)) continue;
                Kernel = line[ready.Length..].Trim();
                return;
            }
        }
        catch (OperationCanceledException)
        {
            Assert.Fail($"the guest was not ready within {BootLimit.TotalSeconds} s:\n{Log}");
        }

        Assert.Fail($"the guest ended before it was ready:\n{Log}");
    }

    private void Append(string line)
    {
        lock (_log) _log.Append(line).Append('\n');
    }
}

using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using Iscsi.Interop.Guests;

namespace Iscsi.Interop.Targets;

/// <summary>A target daemon of others that runs as a process of this machine for one test.</summary>
internal abstract class LocalTarget : ForeignTarget, IAsyncDisposable
{
    protected const long DiskBytes = 32L << 20;

    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);

    private readonly StringBuilder _log = new();
    private Process? _process;

    public override int Port { get; } = LoopbackPorts.Free();

    protected ScratchDirectory Scratch { get; } = new();

    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
        {
            if (!_process.HasExited) _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync();
            _process.Dispose();
        }

        Scratch.Dispose();
    }

    /// <summary>Starts the daemon and waits until its port answers.</summary>
    protected async Task StartAsync(ForeignTool tool, params string[] arguments)
    {
        tool.Require();
        _process = new Process
        {
            StartInfo = new ProcessStartInfo(tool.Path, arguments) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true },
        };
        _process.OutputDataReceived += Append;
        _process.ErrorDataReceived += Append;
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        for (var limit = Stopwatch.StartNew(); !await AnswersAsync(); await Task.Delay(50))
        {
            lock (_log) Assert.True(!_process.HasExited && limit.Elapsed < StartLimit, $"{tool.Path} does not listen on port {Port}:\n{_log}");
        }
    }

    private async Task<bool> AnswersAsync()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            await socket.ConnectAsync("127.0.0.1", Port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private void Append(object sender, DataReceivedEventArgs line)
    {
        lock (_log) _log.Append(line.Data).Append('\n');
    }
}

using System.Runtime.InteropServices;
using System.Threading.Channels;

namespace IscsiNet.Cli.Serving;

/// <summary>SIGHUP asks for the configuration to be read again; several before it was done are one.</summary>
internal sealed class ReloadSignal : IDisposable
{
    private readonly Channel<bool> _requests = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly PosixSignalRegistration? _registration;

    public ReloadSignal()
    {
        // There is none on Windows.
        if (OperatingSystem.IsWindows()) return;
        _registration = PosixSignalRegistration.Create(PosixSignal.SIGHUP, context =>
        {
            context.Cancel = true;
            _requests.Writer.TryWrite(true);
        });
    }

    /// <summary>Completes with the next signal.</summary>
    public Task WaitAsync() => _requests.Reader.ReadAsync().AsTask();

    public void Dispose() => _registration?.Dispose();
}

using System.Runtime.InteropServices;
using Iscsi.Storage;

namespace IscsiNet.Cli.Serving;

/// <summary>SIGHUP: the files behind the disks are looked at again, so that one that was made longer or shorter is served so.</summary>
internal sealed class ReloadSignal : IDisposable
{
    private readonly IReadOnlyList<IBlockDevice> _disks;
    private readonly TextWriter _report;
    private readonly PosixSignalRegistration? _registration;
    private Task _reload = Task.CompletedTask;

    /// <summary>Answers the signal from now on, where the system has it.</summary>
    /// <param name="disks">LUN 0, 1, … in order.</param>
    /// <param name="report">Gets a line for each disk that changed, or that could not be looked at.</param>
    public ReloadSignal(IReadOnlyList<IBlockDevice> disks, TextWriter report)
    {
        _disks = disks;
        _report = report;
        if (OperatingSystem.IsWindows()) return;
        _registration = PosixSignalRegistration.Create(PosixSignal.SIGHUP, context =>
        {
            context.Cancel = true;
            // One after the other; the runtime calls this on one thread at a time, but does not wait.
            lock (_disks) _reload = ReloadAfterAsync(_reload);
        });
    }

    /// <summary>Looks at every file once.</summary>
    internal async Task ReloadAsync()
    {
        for (var lun = 0; lun < _disks.Count; lun++)
        {
            if (_disks[lun] is not FileBlockDevice file) continue;
            try
            {
                if (await file.RefreshAsync().ConfigureAwait(false))
                    await _report.WriteLineAsync($"LUN {lun} has {ByteSize.Format(file.Info.LengthBytes)} now").ConfigureAwait(false);
            }
            catch (Exception exception) when (exception is BlockDeviceException or ObjectDisposedException)
            {
                await _report.WriteLineAsync($"LUN {lun} stays as it was: {exception.Message}").ConfigureAwait(false);
            }
        }
    }

    public void Dispose() => _registration?.Dispose();

    private async Task ReloadAfterAsync(Task previous)
    {
        await previous.ConfigureAwait(false);
        await ReloadAsync().ConfigureAwait(false);
    }
}

using Iscsi.Storage;

namespace IscsiNet.Cli.Serving;

/// <summary>The files behind the disks are looked at again, so that one that was made longer or shorter is served so.</summary>
internal static class DiskReload
{
    /// <summary>Looks at every file once for each signal, until the server stops.</summary>
    /// <param name="signal">Asks for it.</param>
    /// <param name="disks">LUN 0, 1, … in order.</param>
    /// <param name="report">Gets a line for each disk that changed, or that could not be looked at.</param>
    /// <param name="stopped">Completes when the server stops.</param>
    public static async Task FollowAsync(ReloadSignal signal, IReadOnlyList<IBlockDevice> disks, TextWriter report, Task stopped)
    {
        while (await Task.WhenAny(signal.WaitAsync(), stopped).ConfigureAwait(false) != stopped) await RunAsync(disks, report).ConfigureAwait(false);
    }

    /// <summary>Looks at every file once.</summary>
    /// <inheritdoc cref="FollowAsync" path="/param"/>
    public static async Task RunAsync(IReadOnlyList<IBlockDevice> disks, TextWriter report)
    {
        for (var lun = 0; lun < disks.Count; lun++)
        {
            if (disks[lun] is not FileBlockDevice file) continue;
            try
            {
                if (await file.RefreshAsync().ConfigureAwait(false))
                    await report.WriteLineAsync($"LUN {lun} has {ByteSize.Format(file.Info.LengthBytes)} now").ConfigureAwait(false);
            }
            catch (Exception exception) when (exception is BlockDeviceException or ObjectDisposedException)
            {
                await report.WriteLineAsync($"LUN {lun} stays as it was: {exception.Message}").ConfigureAwait(false);
            }
        }
    }
}

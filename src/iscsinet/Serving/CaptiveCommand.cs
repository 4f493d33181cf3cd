using System.Diagnostics;
using System.Runtime.InteropServices;
using IscsiNet.Cli.Commands;
using IscsiNet.Cli.Parsing;

namespace IscsiNet.Cli.Serving;

/// <summary>A command that runs while the disks are served: <c>/bin/sh -c COMMAND</c> with <c>$uri</c>, on our own input and output.</summary>
internal static partial class CaptiveCommand
{
    private const int SignalTerminate = 15;

    /// <summary>Runs it to its end.</summary>
    /// <param name="command">For the shell.</param>
    /// <param name="url">The URL of LUN 0.</param>
    /// <param name="chap">What it needs to log in; the secret goes into its environment, not into the URL, which ends up on command lines.</param>
    /// <param name="stop">Passed on to it as SIGTERM.</param>
    /// <returns>Its exit code; 128 and the signal's number when a signal ended it.</returns>
    public static async Task<int> RunAsync(string command, string url, ChapAccount? chap, Task stop)
    {
        var start = new ProcessStartInfo("/bin/sh", ["-c", command]) { UseShellExecute = false };
        start.Environment["uri"] = chap is null ? url : url.Replace("iscsi://", $"iscsi://{Uri.EscapeDataString(chap.Name)}@", StringComparison.Ordinal);
        if (chap is not null)
        {
            start.Environment[ChapSecret.Variable] = chap.Secret;
            // What libiscsi, and so QEMU, looks for.
            start.Environment["LIBISCSI_CHAP_USERNAME"] = chap.Name;
            start.Environment["LIBISCSI_CHAP_PASSWORD"] = chap.Secret;
        }

        using var process = Process.Start(start) ?? throw new UserException("/bin/sh did not start");
        var ended = process.WaitForExitAsync(CancellationToken.None);
        if (await Task.WhenAny(ended, stop).ConfigureAwait(false) == stop && !process.HasExited) _ = Kill(process.Id, SignalTerminate);
        await ended.ConfigureAwait(false);
        return process.ExitCode;
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int processId, int signal);
}

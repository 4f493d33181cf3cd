using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Iscsi.Interop;

/// <summary>What a program did.</summary>
/// <param name="CommandLine">How it was called, to repeat it by hand.</param>
/// <param name="ExitCode">Its exit code; -1 when it was killed for taking too long.</param>
/// <param name="TimedOut">Whether it was killed for taking too long.</param>
/// <param name="Output">Standard output and standard error, in the order in which they came.</param>
internal sealed record ToolResult(string CommandLine, int ExitCode, bool TimedOut, string Output)
{
    /// <summary>Fails the test with everything the program said, unless it ended with 0 in time.</summary>
    public ToolResult Succeeded()
    {
        Assert.True(!TimedOut && ExitCode == 0, ToString());
        return this;
    }

    /// <summary>Fails the test unless the program ended in time with a failure.</summary>
    public ToolResult Failed()
    {
        Assert.True(!TimedOut && ExitCode != 0, "expected a failure: " + ToString());
        return this;
    }

    public override string ToString() =>
        $"{CommandLine}\n{(TimedOut ? "did not end in time" : $"exit code {ExitCode}")}\n{Output}";
}

/// <summary>A program that others wrote. Missing, it is a named skip, and a failure where the environment demands it.</summary>
internal sealed class ForeignTool(string command, string package)
{
    /// <summary>Set by test.sh in CI: there, nothing may be missing.</summary>
    private const string RequireVariable = "ISCSINET_REQUIRE_FOREIGN_TOOLS";

    public static readonly ForeignTool IscsiLs = new("iscsi-ls", "libiscsi-bin");
    public static readonly ForeignTool IscsiInq = new("iscsi-inq", "libiscsi-bin");
    public static readonly ForeignTool IscsiReadCapacity16 = new("iscsi-readcapacity16", "libiscsi-bin");
    public static readonly ForeignTool IscsiPerf = new("iscsi-perf", "libiscsi-bin");
    public static readonly ForeignTool IscsiTestCu = new("iscsi-test-cu", "libiscsi-bin");
    public static readonly ForeignTool QemuImg = new("qemu-img", "qemu-utils qemu-block-extra");
    public static readonly ForeignTool QemuIo = new("qemu-io", "qemu-utils qemu-block-extra");

    private readonly string? _path = (Environment.GetEnvironmentVariable("PATH") ?? "")
        .Split(System.IO.Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
        .Select(directory => System.IO.Path.Combine(directory, command))
        .FirstOrDefault(File.Exists);

    public bool IsInstalled => _path is not null;

    /// <summary>Where it is, once <see cref="Require"/> has returned.</summary>
    public string Path => _path!;

    /// <summary>Ends the test when the program is missing.</summary>
    public void Require()
    {
        if (!IsInstalled) Missing($"{command} is not installed (apt-get install {package})");
    }

    /// <summary>Ends the test for want of something foreign: a skip, or a failure where nothing may be missing.</summary>
    [DoesNotReturn]
    public static void Missing(string message)
    {
        if (Environment.GetEnvironmentVariable(RequireVariable) == "1") Assert.Fail(message);
        Assert.Skip(message);
    }

    public Task<ToolResult> RunAsync(params string[] arguments) => RunAsync(TimeSpan.FromSeconds(180), arguments);

    public async Task<ToolResult> RunAsync(TimeSpan limit, params string[] arguments)
    {
        Require();
        return await RunAsync(_path!, limit, arguments);
    }

    /// <summary>Runs a program to its end, or kills it when the limit is over.</summary>
    public static async Task<ToolResult> RunAsync(string path, TimeSpan limit, params string[] arguments)
    {
        var output = new StringBuilder();
        using var process = new Process
        {
            StartInfo = new ProcessStartInfo(path, arguments)
            {
                UseShellExecute = false,
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            },
        };
        process.OutputDataReceived += Append;
        process.ErrorDataReceived += Append;
        process.Start();
        process.StandardInput.Close();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();

        using var timeout = new CancellationTokenSource(limit);
        var timedOut = false;
        try
        {
            await process.WaitForExitAsync(timeout.Token);
        }
        catch (OperationCanceledException)
        {
            timedOut = true;
            process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync(CancellationToken.None);
        }

        var commandLine = string.Join(' ', [System.IO.Path.GetFileName(path), .. arguments.Select(Quote)]);
        lock (output) return new ToolResult(commandLine, timedOut ? -1 : process.ExitCode, timedOut, output.ToString());

        void Append(object sender, DataReceivedEventArgs line)
        {
            if (line.Data is null) return;
            lock (output) output.Append(line.Data).Append('\n');
        }
    }

    private static string Quote(string argument) => argument.Contains(' ', StringComparison.Ordinal) ? $"'{argument}'" : argument;
}

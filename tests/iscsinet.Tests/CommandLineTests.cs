namespace IscsiNet.Cli.Tests;

public sealed class CommandLineTests
{
    [Theory]
    [InlineData("unknown option --frobnicate", "serve", "--frobnicate")]
    [InlineData("/nonexistent/x.json can't be read", "serve", "--config", "/nonexistent/x.json")]
    [InlineData("--config and DEVICE exclude each other", "serve", "--config", "x.json", "disk.img")]
    [InlineData("--config and --target exclude each other", "serve", "--config", "x.json", "--target", "iqn.2026-11.net.example:disk")]
    [InlineData("/nonexistent/x.json can't be read", "check-config", "/nonexistent/x.json")]
    [InlineData("--http is not in this version", "serve", "--http", "127.0.0.1:8080")]
    [InlineData("--http is not in this version", "serve", "--http=127.0.0.1:8080")]
    [InlineData("is not a size", "serve", "--memory", "lots")]
    [InlineData("into brackets", "serve", "--listen", "::1")]
    [InlineData("'blah' is not an option of a file", "serve", "disk.img,blah")]
    [InlineData("needs a size", "serve", "memory")]
    [InlineData("/nonexistent/secret can't be read", "serve", "--chap-user", "alice", "--chap-secret-file", "/nonexistent/secret", "memory,size=1MiB")]
    [InlineData("too small", "show", "memory", "--memory", "4KiB")]
    [InlineData("'frobnicate'", "frobnicate")]
    [InlineData("begins with iscsi://", "inquiry", "127.0.0.1")]
    [InlineData("names no target", "capacity", "iscsi://127.0.0.1")]
    [InlineData("names no target", "copy", "/dev/null", "iscsi://127.0.0.1")]
    [InlineData("is no LUN", "luns", "iscsi://127.0.0.1/iqn.2026-11.net.example:disk/x")]
    [InlineData("needs a user in the URL", "inquiry", "iscsi://127.0.0.1/iqn.2026-11.net.example:disk", "--chap-secret-file", "/dev/null")]
    [InlineData("needs a user in the URL", "inquiry", "iscsi://127.0.0.1/iqn.2026-11.net.example:disk", "--mutual-chap-user", "disk")]
    [InlineData("--count takes 1 or more", "ping", "iscsi://127.0.0.1/iqn.2026-11.net.example:disk", "--count", "0")]
    [InlineData("same file", "copy", "/dev/null", "/dev/../dev/null")]
    public async Task A_mistake_is_one_line_on_standard_error_and_exit_code_2(string expected, params string[] args)
    {
        var (exitCode, output, error) = await RunAsync(args);

        Assert.Equal(ExitCodes.Usage, exitCode);
        Assert.Empty(output);
        Assert.Contains(expected, error, StringComparison.Ordinal);
        Assert.Equal(1, error.Count(c => c == '\n'));
    }

    [Theory]
    [InlineData("/nonexistent/disk.img")]
    [InlineData("/")]
    public async Task A_disk_that_is_not_there_is_one_line_and_exit_code_2(string path)
    {
        var (exitCode, output, error) = await RunAsync("serve", path);

        Assert.Equal(ExitCodes.Usage, exitCode);
        Assert.Empty(output);
        Assert.Equal(1, error.Count(c => c == '\n'));
    }

    [Theory]
    [InlineData("serve")]
    [InlineData("check-config")]
    [InlineData("discover")]
    [InlineData("inquiry")]
    [InlineData("capacity")]
    [InlineData("luns")]
    [InlineData("read")]
    [InlineData("write")]
    [InlineData("copy")]
    [InlineData("ping")]
    [InlineData("perf")]
    [InlineData("show", "memory")]
    public async Task The_help_of_a_command_has_examples(params string[] command)
    {
        var (exitCode, output, _) = await RunAsync([.. command, "--help"]);

        Assert.Equal(ExitCodes.Done, exitCode);
        Assert.Contains("Examples:", output, StringComparison.Ordinal);
        Assert.Contains($"iscsinet {string.Join(' ', command)} ", output[output.IndexOf("Examples:", StringComparison.Ordinal)..], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Show_memory_says_what_a_budget_promises()
    {
        var (exitCode, output, _) = await RunAsync("show", "memory", "--memory", "4MiB");

        Assert.Equal(ExitCodes.Done, exitCode);
        Assert.StartsWith("memory: 4 MiB for data, ", output, StringComparison.Ordinal);
        Assert.Matches(@"process bound +\d+ +[\d.]+ MiB", output);
    }

    [Fact]
    public async Task Show_limits_lists_every_limit_of_a_target()
    {
        var (exitCode, output, _) = await RunAsync("show", "limits");

        Assert.Equal(ExitCodes.Done, exitCode);
        foreach (var property in typeof(Iscsi.Target.TargetLimits).GetProperties())
        {
            if (property.Name is "ManySessions") continue;
            Assert.Contains(property.Name + " ", output, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("commands", "READ (16)")]
    [InlineData("keys", "MaxRecvDataSegmentLength")]
    public async Task Show_lists_the_tables_the_target_runs_on(string table, string expected)
    {
        var (exitCode, output, _) = await RunAsync("show", table);

        Assert.Equal(ExitCodes.Done, exitCode);
        Assert.Contains(expected, output, StringComparison.OrdinalIgnoreCase);
    }

    private static async Task<(int ExitCode, string Output, string Error)> RunAsync(params string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var exitCode = await CommandLine.RunAsync(args, output, error);
        return (exitCode, output.ToString(), error.ToString());
    }
}

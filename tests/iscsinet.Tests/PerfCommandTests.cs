using System.Net;
using System.Text.Json;
using Iscsi.Storage;
using Iscsi.Target;

namespace IscsiNet.Cli.Tests;

public sealed class PerfCommandTests
{
    private const string TargetName = "iqn.2026-11.net.example:disk";
    private const string Nowhere = "iscsi://127.0.0.1:1/iqn.2026-11.net.example:disk/0";

    [Theory]
    [InlineData(0, "--random")]
    [InlineData(0, "--sequential", "--sessions", "2", "--digests")]
    [InlineData(100, "--write", "--overwrite")]
    [InlineData(50, "--write-percent", "50", "--overwrite", "--size", "64KiB", "--depth", "4")]
    public async Task The_figures_of_a_run_are_consistent(int writePercent, params string[] args)
    {
        await using var disk = new MemoryBlockDevice(16 << 20);
        await using var server = await ServeAsync(disk);

        var (exitCode, output, error) = await RunAsync(["perf", Url(server), "--seconds", "0.3", "--json", .. args]);

        Assert.Equal((ExitCodes.Done, writePercent > 0), (exitCode, error.Contains("overwriting", StringComparison.Ordinal)));
        using var json = JsonDocument.Parse(output);
        long Whole(string name) => json.RootElement.GetProperty(name).GetInt64();
        double Number(string name) => json.RootElement.GetProperty(name).GetDouble();
        Assert.True(Whole("ios") > 0);
        Assert.Equal(Whole("ios"), Whole("reads") + Whole("writes"));
        Assert.Equal(Whole("ios") * Whole("sizeBytes"), Whole("bytes"));
        Assert.Equal(0, Whole("errors"));
        if (writePercent == 100) Assert.Equal(0, Whole("reads"));
        else if (writePercent == 0) Assert.Equal(0, Whole("writes"));
        // Of fewer, which is what a machine that stands still lets through, all may by chance be of one kind.
        else if (Whole("ios") >= 64) Assert.True(Whole("reads") > 0 && Whole("writes") > 0);
        double[] latencies = [Number("latencyP50Microseconds"), Number("latencyP99Microseconds"), Number("latencyP999Microseconds"), Number("latencyMaxMicroseconds")];
        Assert.Equal(latencies.Order(), latencies);
        Assert.True(latencies[0] > 0);
    }

    [Fact]
    public async Task Without_json_it_is_a_table_of_one_row()
    {
        await using var disk = new MemoryBlockDevice(16 << 20);
        await using var server = await ServeAsync(disk);

        var (exitCode, output, error) = await RunAsync("perf", Url(server), "--seconds", "0.1");

        Assert.Equal((ExitCodes.Done, ""), (exitCode, error));
        Assert.Equal(2, output.Count(c => c == '\n'));
        Assert.Matches("IOPS +MiB/s +p50 µs +p99 µs +p99.9 µs +max µs +errors +CPU µs/I/O", output);
    }

    [Theory]
    [InlineData("no multiple of the block", "--size", "1000")]
    [InlineData("make --size, --depth or --sessions smaller", "--size", "1MiB", "--depth", "32")]
    public async Task What_does_not_fit_the_disk_is_refused(string expected, params string[] args)
    {
        await using var disk = new MemoryBlockDevice(16 << 20);
        await using var server = await ServeAsync(disk);

        var (exitCode, output, error) = await RunAsync(["perf", Url(server), .. args]);

        Assert.Equal((ExitCodes.Usage, ""), (exitCode, output));
        Assert.Contains(expected, error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("add --overwrite", "--write")]
    [InlineData("add --overwrite", "--write-percent", "1")]
    [InlineData("exclude each other", "--read", "--write")]
    [InlineData("exclude each other", "--random", "--sequential")]
    [InlineData("--write-percent takes 0 to 100", "--write-percent", "101")]
    [InlineData("--depth takes 1 to 4096", "--depth", "0")]
    [InlineData("--seconds takes 0.1 to 86400", "--seconds", "0")]
    [InlineData("--size takes", "--size", "0")]
    [InlineData("1 GiB of memory", "--size", "64MiB")]
    public async Task A_mistake_is_told_before_anyone_connects(string expected, params string[] args)
    {
        var (exitCode, output, error) = await RunAsync(["perf", Nowhere, .. args]);

        Assert.Equal((ExitCodes.Usage, ""), (exitCode, output));
        Assert.Contains(expected, error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_target_that_is_not_there_is_exit_code_1()
    {
        var (exitCode, output, error) = await RunAsync("perf", Nowhere);

        Assert.Equal((ExitCodes.Failed, ""), (exitCode, output));
        Assert.Equal(1, error.Count(c => c == '\n'));
    }

    [Fact]
    public async Task A_read_only_disk_is_not_written()
    {
        await using var disk = new ReadOnlyBlockDevice(new MemoryBlockDevice(16 << 20));
        await using var server = await ServeAsync(disk);

        var (exitCode, output, error) = await RunAsync("perf", Url(server), "--write", "--overwrite");

        Assert.Equal((ExitCodes.Usage, ""), (exitCode, output));
        Assert.Contains("is read-only", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1, ExitCodes.Done)]
    [InlineData(long.MaxValue, ExitCodes.Failed)]
    public async Task Errors_are_counted_and_fail_the_run_only_where_all_failed(long faults, int expected)
    {
        await using var memory = new MemoryBlockDevice(16 << 20);
        await using var disk = new FaultInjectionBlockDevice(memory, 1, new FaultRule { MaxFaults = faults });
        await using var server = await ServeAsync(disk);

        var (exitCode, output, error) = await RunAsync("perf", Url(server), "--seconds", "0.3", "--json");

        Assert.Equal(expected, exitCode);
        using var json = JsonDocument.Parse(output);
        Assert.True(json.RootElement.GetProperty("errors").GetInt64() > 0);
        Assert.Equal(expected == ExitCodes.Done, json.RootElement.GetProperty("ios").GetInt64() > 0);
        Assert.Contains("I/Os failed, the first: ", error, StringComparison.Ordinal);
    }

    private static string Url(IscsiTargetServer server) => $"iscsi://{server.Endpoints[0]}/{TargetName}/0";

    private static async Task<IscsiTargetServer> ServeAsync(IBlockDevice disk)
    {
        var server = new IscsiTargetBuilder().Listen(new IPEndPoint(IPAddress.Loopback, 0)).AddTarget(TargetName, target => target.AddLun(0, disk)).Build();
        await server.StartAsync(TestContext.Current.CancellationToken);
        return server;
    }

    private static async Task<(int ExitCode, string Output, string Error)> RunAsync(params string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var exitCode = await CommandLine.RunAsync(args, output, error);
        return (exitCode, output.ToString(), error.ToString());
    }
}

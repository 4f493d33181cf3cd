using System.Text.Json;

namespace Iscsi.Bench.Tests;

/// <summary>Bytes that an operation allocates, against <c>bench/allocations.json</c>. Times are no tests.</summary>
public sealed class AllocationGateTests
{
    // What the runtime itself allocates beside a call: a timer's tick, a grown queue of the thread pool.
    private const double SlackBytes = 0.5;

    [Fact]
    public void No_benchmark_allocates_more_than_is_written_down()
    {
        var allowed = JsonSerializer.Deserialize<Dictionary<string, double>>(
            File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "allocations.json")))!;
        var all = Workloads.All();
        Assert.Equal(allowed.Keys.Order(StringComparer.Ordinal), all.Select(workload => workload.Name).Order(StringComparer.Ordinal));
        foreach (var (name, call, operations) in all)
        {
            for (var i = 0; i < 5; i++) call();
            // The least of a few: what allocates once more is a disturbance, what allocates each time is ours.
            var bytes = long.MaxValue;
            for (var round = 0; round < 8; round++)
            {
                var before = GC.GetTotalAllocatedBytes(precise: true);
                call();
                bytes = Math.Min(bytes, GC.GetTotalAllocatedBytes(precise: true) - before);
            }
            var each = (double)bytes / operations;
            Assert.True(each <= allowed[name] + SlackBytes, $"{name}: {each:0.###} bytes an operation, {allowed[name]} are allowed");
        }
    }
}

using System.Diagnostics;
using BenchmarkDotNet.Running;
using Iscsi.Bench;

// --quick prints nanoseconds and bytes of each operation in a few seconds; without it BenchmarkDotNet takes its time.
if (!args.Contains("--quick", StringComparer.Ordinal))
{
    BenchmarkSwitcher.FromAssembly(typeof(ProtocolBenchmarks).Assembly).Run(args);
    return;
}

var all = Workloads.All();
for (var pass = 0; pass < 60; pass++)
{
    foreach (var (_, call, _) in all) call();
}

// The best of many rounds: the machine is shared, and only ever adds to it.
foreach (var (name, call, operations) in all)
{
    var (best, bytes) = (double.MaxValue, long.MaxValue);
    for (var round = 0; round < 100; round++)
    {
        var before = GC.GetTotalAllocatedBytes(precise: true);
        var start = Stopwatch.GetTimestamp();
        call();
        best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalNanoseconds / operations);
        bytes = Math.Min(bytes, GC.GetTotalAllocatedBytes(precise: true) - before);
    }
    Console.WriteLine($"{name,-26} {best,9:F1} ns {(double)bytes / operations,7:F3} B");
}

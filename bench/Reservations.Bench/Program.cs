using System.Diagnostics;
using BenchmarkDotNet.Running;
using Reservations.Bench;

// --quick prints nanoseconds and bytes of each pair in a few seconds; without it BenchmarkDotNet takes its time.
if (!args.Contains("--quick", StringComparer.Ordinal))
{
    BenchmarkSwitcher.FromAssembly(typeof(ReservationBenchmarks).Assembly).Run(args);
    return;
}

var benchmarks = new ReservationBenchmarks();
Quick("nothing: the loop itself", static () => { });
Quick("owner, gate, 1 level", benchmarks.OwnerReserve);
Quick("owner, try, 1 level", benchmarks.OwnerTry);
Quick("owner, try, 4 levels at once", benchmarks.OwnerFourLevels);
Quick("owner, try, draw 1 block", benchmarks.OwnerDraw);
Quick("owner, try, draw 16 blocks", benchmarks.OwnerDrawSixteen);
Quick("shared node, try, 1 level", benchmarks.SharedTry);
Quick("owner, surplus in batches", benchmarks.Borrowing, 16);
Quick("posted release and its taking in", benchmarks.Posted);
Quick("wait, release, serve", benchmarks.Waiting);

// The best of several rounds: the machine is shared, and only ever adds to it.
static void Quick(string name, Action pair, int pairs = 1)
{
    const int Rounds = 50, Loops = 200_000;
    var (best, bytes) = (double.MaxValue, 0L);
    for (var round = 0; round < Rounds; round++)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        var start = Stopwatch.GetTimestamp();
        for (var i = 0; i < Loops / pairs; i++) pair();
        best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalNanoseconds / (Loops / pairs * pairs));
        bytes = GC.GetAllocatedBytesForCurrentThread() - before;
    }
    Console.WriteLine($"{name,-36} {best,7:F1} ns a pair {(double)bytes / Loops,6:F2} B");
}

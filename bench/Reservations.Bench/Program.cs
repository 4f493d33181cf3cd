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
(string Name, Action Pair, int Pairs)[] all =
[
    ("nothing: the loop itself", static () => { }, 1),
    ("owner, gate, 1 level", benchmarks.OwnerReserve, 1),
    ("owner, try, 1 level", benchmarks.OwnerTry, 1),
    ("owner, try, 4 levels at once", benchmarks.OwnerFourLevels, 1),
    ("owner, try, draw 1 block", benchmarks.OwnerDraw, 1),
    ("owner, try, draw 16 blocks", benchmarks.OwnerDrawSixteen, 1),
    ("shared node, try, 1 level", benchmarks.SharedTry, 1),
    ("owner, surplus in batches", benchmarks.Borrowing, 16),
    ("posted release and its taking in", benchmarks.Posted, 1),
    ("wait, release, serve", benchmarks.Waiting, 1),
];

// All of them before any is measured: the compiler's last tier starts only when no method is new, and its thread has to get its turn.
for (var pass = 0; pass < 20; pass++)
{
    foreach (var (_, pair, _) in all)
    {
        for (var i = 0; i < 1000; i++) pair();
    }
    Thread.Sleep(100 + pass % 4 * 50);
}
foreach (var (name, pair, pairs) in all) Quick(name, pair, pairs);

// The best of many rounds: the machine is shared, and only ever adds to it.
static void Quick(string name, Action pair, int pairs)
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

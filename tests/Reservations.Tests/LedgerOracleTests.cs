namespace Reservations.Tests;

// Both use every core: at the same time the threads of one would starve the posted work of the other.
[Collection("Every core")]
public sealed class LedgerOracleTests(ITestOutputHelper output)
{
    private const int Seeds = 100, StepsPerSeed = 10_500;

    [Fact]
    public void The_ledger_equals_its_oracle_over_a_million_random_steps()
    {
        var first = Environment.GetEnvironmentVariable("RESERVATIONS_SEED") is { } text ? int.Parse(text) : Random.Shared.Next();
        output.WriteLine($"seeds {first} to {first + Seeds - 1}");
        var failures = new System.Collections.Concurrent.ConcurrentQueue<string>();
        int served = 0, waited = 0, loans = 0;
        Parallel.For(0, Seeds, new ParallelOptions { MaxDegreeOfParallelism = 2 }, i =>
        {
            var step = 0;
            try
            {
                var oracle = new LedgerOracle(first + i);
                for (; step < StepsPerSeed; step++) oracle.Step();
                oracle.Finish();
                Interlocked.Add(ref served, oracle.Served);
                Interlocked.Add(ref waited, oracle.Waited);
                Interlocked.Add(ref loans, oracle.Loans);
            }
            catch (Exception exception)
            {
                failures.Enqueue($"RESERVATIONS_SEED={first + i} step {step}: {exception}");
            }
        });
        output.WriteLine($"{Seeds * StepsPerSeed} steps, {waited} waits, {served} served, {loans} loans seen");
        Assert.True(failures.IsEmpty, string.Join(Environment.NewLine, failures.Take(2)));
        // The run must have exercised what it is about.
        Assert.True(served > 10_000 && loans > 10_000);
    }
}

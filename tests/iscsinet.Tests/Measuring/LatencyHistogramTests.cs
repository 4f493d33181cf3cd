using IscsiNet.Cli.Measuring;

namespace IscsiNet.Cli.Tests.Measuring;

public sealed class LatencyHistogramTests
{
    [Theory]
    [InlineData(0.5)]
    [InlineData(0.99)]
    [InlineData(0.999)]
    [InlineData(1)]
    public void A_percentile_is_within_2_percent_of_the_exact_one(double share)
    {
        var random = new Random(42);
        var values = Enumerable.Range(0, 20_000).Select(_ => (long)Math.Exp(random.NextDouble() * 25)).ToArray();
        var histogram = new LatencyHistogram();
        foreach (var value in values) histogram.Record(value);
        Array.Sort(values);

        var exact = values[(int)Math.Ceiling(share * values.Length) - 1];

        Assert.InRange(histogram.Percentile(share), exact * 0.98, exact * 1.02);
    }

    [Fact]
    public void Every_power_of_two_and_its_neighbours_are_within_2_percent()
    {
        for (var bit = 1; bit < 40; bit++)
        {
            foreach (var value in (long[])[(1L << bit) - 1, 1L << bit, (1L << bit) + 1])
            {
                if (value >= 1L << 40) continue;
                var histogram = new LatencyHistogram();
                histogram.Record(value);
                // A second, greater one: the greatest is exact and would hide the bucket.
                histogram.Record(long.MaxValue);
                Assert.InRange(histogram.Percentile(0.5), value * 0.98, value * 1.02);
            }
        }
    }

    [Fact]
    public void What_two_counted_is_added()
    {
        var one = new LatencyHistogram();
        var other = new LatencyHistogram();
        one.Record(10);
        other.Record(20);
        other.Record(30);

        one.Add(other);

        Assert.Equal((3, 20, 30), (one.Count, one.Percentile(0.5), one.MaxNanoseconds));
    }

    [Fact]
    public void Nothing_recorded_is_0() => Assert.Equal(0, new LatencyHistogram().Percentile(0.99));
}

using System.Diagnostics.Metrics;
using static Reservations.Tests.Levels;

namespace Reservations.Tests;

public sealed class MetricsTests
{
    [Fact]
    public void Usage_waits_denials_and_violations_are_measured()
    {
        using var root = Root(64, 20);
        var owner = new TestOwner();
        using var node = root.AddChild("session", owner, new Share(Burst, 8, 18));
        var seen = new List<(string Name, double Value, string Tags)>();
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, self) =>
        {
            if (instrument.Meter == root.Meter) self.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => seen.Add((instrument.Name, value, Text(tags))));
        listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) => seen.Add((instrument.Name, value, Text(tags))));
        listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => seen.Add((instrument.Name, value, Text(tags))));
        listener.Start();
        Assert.True(node.TryReserve(null, Of(Burst, 18), out var grant));
        Assert.False(node.TryReserve(null, Of(Burst, 1), out _));
        var waiter = new TestWaiter();
        Assert.False(node.Reserve(new Flow(), BurstGate, Of(Burst, 1), waiter, out _));
        listener.RecordObservableInstruments();
        var holder = new Flow();
        grant.MoveTo(holder);
        Assert.Throws<ReservationOrderException>(() => node.Reserve(holder, BurstGate, Of(Burst, 1), new TestWaiter(), out _));
        grant.Dispose();
        owner.Run();
        waiter.Grant.Dispose();
        Assert.Contains(("reservations.used", 18, "node=session level=Burst"), seen);
        Assert.Contains(("reservations.borrowed", 10, "node=session level=Burst"), seen);
        Assert.Contains(("reservations.floor", 8, "node=session level=Burst"), seen);
        Assert.Contains(("reservations.ceiling", 18, "node=session level=Burst"), seen);
        Assert.Contains(("reservations.waiters", 1, "node=session level=Burst"), seen);
        Assert.Contains(("reservations.surplus.free", 10, ""), seen);
        Assert.Contains(("reservations.try.denied", 1, "node=session"), seen);
        Assert.Contains(("reservations.order.violations", 1, "gate=G-Burst"), seen);
        Assert.Contains(("reservations.wait.duration", "gate=G-Burst node=session"), seen.ConvertAll(static m => (m.Name, m.Tags)));
    }

    [Fact]
    public void Nodes_beyond_the_bound_share_one_tag()
    {
        using var root = Root(64);
        for (var i = 0; i < ReservationMetrics.MaxNodeTags; i++)
        {
            using var named = root.AddChild($"n{i}", null);
            Assert.Equal(named.Name, named.Tag);
        }
        using var other = root.AddChild("one more", null);
        Assert.Equal(ReservationMetrics.OtherNodes, other.Tag);
        using var again = root.AddChild("n3", null);
        Assert.Equal("n3", again.Tag);
    }

    [Fact]
    public void The_oldest_grant_is_dated_by_the_clock()
    {
        var clock = new ManualClock();
        using var root = ReservationRoot.Create(Options(64) with { Clock = clock });
        using var node = root.AddChild("session", new TestOwner(), new Share(Burst, 8, 8));
        using var prepaid = node.Prepaid(Of(Burst, 1));
        Assert.Equal(TimeSpan.Zero, node.State.OldestGrant);
        clock.Seconds = 5;
        root.Tick();
        Assert.True(node.TryReserve(null, Of(Burst, 1), out var grant));
        clock.Seconds = 8;
        root.Tick();
        Assert.True(node.TryReserve(null, Of(Burst, 1), out var second));
        Assert.Equal(TimeSpan.FromSeconds(3), node.State.OldestGrant);
        Assert.Contains("oldest grant 3.0 s", root.Snapshot().Text, StringComparison.Ordinal);
        grant.Dispose();
        Assert.Equal(TimeSpan.Zero, node.State.OldestGrant);
        second.Dispose();
    }

    private static string Text(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var parts = new List<string>();
        foreach (var tag in tags) parts.Add($"{tag.Key}={tag.Value}");
        return string.Join(' ', parts);
    }

    private sealed class ManualClock : TimeProvider
    {
        internal long Seconds { get; set; }

        public override long TimestampFrequency => 1;

        public override long GetTimestamp() => Seconds;
    }
}

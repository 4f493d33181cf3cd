using static Reservations.Tests.Levels;

namespace Reservations.Tests;

public sealed class FullCheckTests
{
    private static readonly ReservationOptions Full = Options(64) with { OrderCheck = OrderCheck.Full };

    [Fact]
    public void An_open_grant_is_named_with_its_gate_and_call_site()
    {
        using var root = ReservationRoot.Create(Full);
        using var node = root.AddChild("session", new TestOwner(), new Share(Burst, 8, 8));
        Assert.True(node.Reserve(new Flow(), BurstGate, Of(Burst, 1), new TestWaiter(), out var grant));
        var message = Assert.Throws<LeakException>(node.Dispose).Message;
        Assert.Contains("G-Burst", message, StringComparison.Ordinal);
        Assert.Contains(nameof(An_open_grant_is_named_with_its_gate_and_call_site), message, StringComparison.Ordinal);
        grant.Dispose();
    }

    [Fact]
    public void Released_memory_is_poisoned()
    {
        using var root = ReservationRoot.Create(Full);
        using var node = root.AddChild("session", new TestOwner(), new Share(Burst, 8, 8));
        Assert.True(node.TryReserve(null, Of(Burst, 2), out var grant));
        var list = new BlockList();
        grant.Draw(Burst, 2, list);
        list.Zero();
        grant.Dispose();
        Assert.False(list.Runs[0].Span.ContainsAnyExcept(ReservationNode.Poison));
    }

    [Fact]
    public void The_graph_of_gates_is_kept_with_call_sites()
    {
        using var root = ReservationRoot.Create(Full);
        using var node = root.AddChild("session", new TestOwner(), new Share(Burst, 8, 8), new Share(Store, 8, 8), new Share(Wire, 8, 8));
        var flow = new Flow();
        Assert.True(node.Reserve(flow, BurstGate, Of(Burst, 1), new TestWaiter(), out var burst));
        Assert.True(node.Reserve(flow, StoreGate, Of(Store, 1), new TestWaiter(), out var store));
        store.Dispose();
        Assert.True(node.Reserve(flow, WireGate, Of(Wire, 1), new TestWaiter(), out var wire));
        Assert.Equal("G-Burst -> G-Store, G-Burst -> G-Wire", root.Edges.Describe());
        Assert.Contains(nameof(The_graph_of_gates_is_kept_with_call_sites), root.Edges.SiteOf(BurstGate, StoreGate), StringComparison.Ordinal);
        Assert.Contains("G-Burst -> G-Store", root.Snapshot().Text, StringComparison.Ordinal);
        wire.Dispose();
        burst.Dispose();
    }

    [Fact]
    public void A_cycle_of_gates_is_refused()
    {
        var edges = new GateEdges();
        edges.Add(CreditGate, BurstGate);
        edges.Add(BurstGate, StoreGate);
        Assert.Throws<ReservationOrderException>(() => edges.Add(StoreGate, CreditGate));
        Assert.Throws<ReservationOrderException>(() => edges.Add(StoreGate, StoreGate));
        edges.Add(CreditGate, StoreGate);
    }

    [Fact]
    public void A_gate_of_another_rank_than_its_demand_is_refused()
    {
        using var root = ReservationRoot.Create(Full);
        using var node = root.AddChild("session", new TestOwner(), new Share(Burst, 8, 8));
        Assert.Throws<ArgumentException>(() => node.Reserve(new Flow(), StoreGate, Of(Burst, 1), new TestWaiter(), out _));
    }

    [Fact]
    public void A_fresh_flow_inside_one_that_holds_something_is_refused()
    {
        using var root = ReservationRoot.Create(Full);
        using var node = root.AddChild("session", new TestOwner(), new Share(Burst, 8, 8), new Share(Store, 8, 8));
        var outer = new Flow();
        Assert.True(node.TryReserve(outer, Of(Burst, 1), out var grant));
        using (outer.Enter())
        {
            Assert.Throws<ReservationOrderException>(() => node.Reserve(new Flow(), StoreGate, Of(Store, 1), new TestWaiter(), out _));
            Assert.Throws<ReservationOrderException>(() => node.TryReserve(new Flow(), Of(Store, 1), out _));
            Assert.True(node.TryReserve(outer, Of(Store, 1), out var store));
            store.Dispose();
        }
        Assert.True(node.TryReserve(new Flow(), Of(Store, 1), out var fresh));
        fresh.Dispose();
        grant.Dispose();
    }

    [Theory]
    [InlineData(0, 0, 0)]
    [InlineData(0.1, 60, 140)]
    [InlineData(1, 1000, 1000)]
    public void Tries_are_denied_with_the_given_probability(double probability, int least, int most)
    {
        using var root = ReservationRoot.Create(Full with { DenyProbability = probability });
        using var owned = root.AddChild("owned", new TestOwner(), new Share(Burst, 8, 8));
        using var shared = root.AddChild("shared", null, new Share(Burst, 8, 8));
        foreach (var node in new[] { owned, shared })
        {
            var denied = 0;
            for (var i = 0; i < 1000; i++)
            {
                if (node.TryReserve(null, Of(Burst, 1), out var grant)) grant.Dispose();
                else denied++;
            }
            Assert.InRange(denied, least, most);
        }
        // A gate is no try: whoever waits gets what is there.
        Assert.True(owned.Reserve(new Flow(), BurstGate, Of(Burst, 1), new TestWaiter(), out var taken));
        taken.Dispose();
    }
}

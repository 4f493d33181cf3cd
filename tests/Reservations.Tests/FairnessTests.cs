using static Reservations.Tests.Levels;

namespace Reservations.Tests;

public sealed class FairnessTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(1, 3)]
    [InlineData(2, 5)]
    public void Surplus_is_shared_by_weight_between_nodes_that_always_wait(int weightA, int weightB)
    {
        using var root = Root(40, 8);
        var owner = new TestOwner();
        using var a = root.AddChild("a", owner, new Share(Burst, 0, 8, Weight: weightA));
        using var b = root.AddChild("b", owner, new Share(Burst, 0, 8, Weight: weightB));
        var held = new Queue<Grant>();
        var served = new Dictionary<ReservationNode, int> { [a] = 0, [b] = 0 };
        void Queue(ReservationNode node)
        {
            var waiter = new TestWaiter
            {
                Then = w =>
                {
                    served[node]++;
                    held.Enqueue(w.Grant);
                    Queue(node);
                },
            };
            if (node.Reserve(new Flow(), BurstGate, Of(Burst, 4), waiter, out var grant)) held.Enqueue(grant);
        }
        for (var i = 0; i < 12; i++)
        {
            Queue(a);
            Queue(b);
        }
        owner.Run();
        served[a] = served[b] = 0;
        for (var i = 0; i < 700; i++)
        {
            held.Dequeue().Dispose();
            owner.Run();
        }
        var (servedA, servedB) = (served[a], served[b]);
        CleanUp(held, owner, a, b);
        var expected = 700.0 * weightA / (weightA + weightB);
        Assert.Equal(700, servedA + servedB);
        Assert.InRange(servedA, expected - 8, expected + 8);
    }

    [Fact]
    public void A_parked_head_is_not_passed_by_smaller_waiters_or_tries_of_other_nodes()
    {
        using var root = Root(40, 8);
        var owner = new TestOwner();
        using var a = root.AddChild("a", owner, new Share(Burst, 0, 8));
        using var b = root.AddChild("b", owner, new Share(Burst, 0, 8));
        using var c = root.AddChild("c", owner, new Share(Burst, 2, 8));
        Assert.True(c.TryReserve(null, Of(Burst, 6), out var four));
        Assert.True(c.TryReserve(null, Of(Burst, 2), out var two));
        var large = new TestWaiter();
        var small = new TestWaiter();
        Assert.False(a.Reserve(new Flow(), BurstGate, Of(Burst, 8), large, out _));
        Assert.False(b.Reserve(new Flow(), BurstGate, Of(Burst, 1), small, out _));
        Assert.False(b.TryReserve(null, Of(Burst, 1), out _));
        two.Dispose();
        owner.Run();
        Assert.False(b.TryReserve(null, Of(Burst, 1), out _));
        Assert.False(small.Served);
        // What lies within a floor is nobody else's.
        Assert.False(large.Served);
        four.Dispose();
        Assert.True(c.TryReserve(null, Of(Burst, 2), out var floor));
        owner.Run();
        Assert.True(large.Served);
        Assert.False(small.Served);
        large.Grant.Dispose();
        owner.Run();
        Assert.True(small.Served);
        small.Grant.Dispose();
        floor.Dispose();
    }

    [Fact]
    public void Cancelling_the_parked_head_lets_those_behind_it_go()
    {
        using var root = Root(40, 8);
        var owner = new TestOwner();
        using var a = root.AddChild("a", owner, new Share(Burst, 0, 8));
        using var b = root.AddChild("b", owner, new Share(Burst, 0, 8));
        using var c = root.AddChild("c", owner, new Share(Burst, 0, 8));
        Assert.True(c.TryReserve(null, Of(Burst, 4), out var grant));
        var large = new TestWaiter();
        var small = new TestWaiter();
        Assert.False(a.Reserve(new Flow(), BurstGate, Of(Burst, 8), large, out _));
        Assert.False(b.Reserve(new Flow(), BurstGate, Of(Burst, 4), small, out _));
        Assert.True(a.CancelWait(large));
        Assert.False(a.CancelWait(large));
        owner.Run();
        Assert.True(small.Served);
        small.Grant.Dispose();
        grant.Dispose();
    }

    [Fact]
    public void A_waiter_at_a_lower_rank_goes_first_because_higher_ranks_need_it_to_end()
    {
        using var root = Root(40, 8);
        var owner = new TestOwner();
        using var a = root.AddChild("a", owner, new Share(Burst, 0, 8), new Share(Store, 0, 8));
        using var b = root.AddChild("b", owner, new Share(Burst, 0, 8), new Share(Store, 0, 8));
        Assert.True(a.TryReserve(null, Of(Burst, 6), out var burst));
        var first = new TestWaiter();
        Assert.False(b.Reserve(new Flow(), BurstGate, Of(Burst, 6), first, out _));
        var second = new TestWaiter();
        var flow = new Flow();
        burst.MoveTo(flow);
        Assert.False(a.Reserve(flow, StoreGate, Of(Store, 2), second, out _));
        owner.Run();
        Assert.True(second.Served);
        Assert.False(first.Served);
        second.Grant.Dispose();
        burst.Dispose();
        owner.Run();
        first.Grant.Dispose();
    }

    [Fact]
    public void Unused_loans_are_called_in_when_someone_waits()
    {
        using var root = Root(600, 500);
        var owner = new TestOwner();
        using var a = root.AddChild("a", owner, new Share(Burst, 1, 500));
        using var b = root.AddChild("b", owner, new Share(Burst, 0, 500));
        Assert.True(a.TryReserve(null, Of(Burst, 2), out var grant));
        Assert.True(a.State.BorrowedBlocks > 1);
        var waiter = new TestWaiter();
        Assert.False(b.Reserve(new Flow(), BurstGate, Of(Burst, 499), waiter, out _));
        Assert.False(waiter.Served);
        owner.Run();
        Assert.True(waiter.Served);
        Assert.Equal(1, a.State.BorrowedBlocks);
        waiter.Grant.Dispose();
        grant.Dispose();
        Assert.Equal(0, a.State.BorrowedBlocks);
    }

    private static void CleanUp(Queue<Grant> held, TestOwner owner, params ReservationNode[] nodes)
    {
        foreach (var node in nodes) CancelAll(node);
        owner.Run();
        while (held.TryDequeue(out var grant)) grant.Dispose();
        foreach (var node in nodes) CancelAll(node);
        owner.Run();
        while (held.TryDequeue(out var grant)) grant.Dispose();
        foreach (var node in nodes) CancelAll(node);
    }

    private static void CancelAll(ReservationNode node)
    {
        while (node.Ledgers[0].Head is { } waiter) Assert.True(node.CancelWait(waiter));
    }
}

using static Reservations.Tests.Levels;

namespace Reservations.Tests;

public sealed class WaitingTests
{
    [Fact]
    public void A_waiter_is_told_by_the_owner_and_never_from_within_a_release()
    {
        using var root = Root(64);
        var owner = new TestOwner();
        using var node = root.AddChild("session", owner, new Share(Burst, 8, 8));
        var flow = new Flow();
        Assert.True(node.TryReserve(null, Of(Burst, 8), out var grant));
        var waiter = new TestWaiter();
        Assert.False(node.Reserve(flow, BurstGate, Of(Burst, 6), waiter, out _));
        Assert.True(waiter.IsWaiting);
        grant.Dispose();
        Assert.False(waiter.IsWaiting);
        Assert.False(waiter.Served);
        Assert.False(node.CancelWait(waiter));
        Assert.Equal(1, owner.Posts);
        owner.Run();
        Assert.Equal(1, waiter.Told);
        Assert.Equal(6, node.State.UsedBlocks);
        Assert.Equal(1u << 4, flow.HeldRanks);
        waiter.Grant.Dispose();
    }

    [Fact]
    public void A_head_that_does_not_fit_parks_what_is_free()
    {
        using var root = Root(64);
        var owner = new TestOwner();
        using var node = root.AddChild("session", owner, new Share(Burst, 8, 8));
        Assert.True(node.TryReserve(null, Of(Burst, 4), out var first));
        Assert.True(node.TryReserve(null, Of(Burst, 2), out var second));
        var large = new TestWaiter();
        var small = new TestWaiter();
        Assert.False(node.Reserve(new Flow(), BurstGate, Of(Burst, 8), large, out _));
        Assert.False(node.Reserve(new Flow(), BurstGate, Of(Burst, 1), small, out _));
        Assert.False(node.TryReserve(null, Of(Burst, 1), out _));
        first.Dispose();
        owner.Run();
        Assert.False(small.Served);
        second.Dispose();
        owner.Run();
        Assert.True(large.Served);
        Assert.False(small.Served);
        large.Grant.Dispose();
        owner.Run();
        Assert.True(small.Served);
        small.Grant.Dispose();
    }

    [Fact]
    public void A_release_on_one_node_serves_the_waiter_of_another()
    {
        using var root = Root(64, 10);
        var owners = new[] { new TestOwner(), new TestOwner() };
        using var a = root.AddChild("a", owners[0], new Share(Burst, 4, 14));
        using var b = root.AddChild("b", owners[1], new Share(Burst, 4, 14));
        Assert.True(a.TryReserve(null, Of(Burst, 14), out var all));
        var waiter = new TestWaiter();
        Assert.False(b.Reserve(new Flow(), BurstGate, Of(Burst, 6), waiter, out _));
        all.Dispose();
        Assert.Equal(1, owners[1].Posts);
        owners[1].Run();
        Assert.True(waiter.Served);
        waiter.Grant.Dispose();
        Assert.Equal(10, root.SurplusFree);
    }

    [Fact]
    public void A_shared_node_tells_its_waiter_on_the_releasing_thread()
    {
        using var root = Root(64);
        using var node = root.AddChild("device", null, new Share(Store, 8, 8));
        Assert.True(node.TryReserve(null, Of(Store, 8), out var grant));
        var waiter = new TestWaiter();
        Assert.False(node.Reserve(new Flow(), StoreGate, Of(Store, 6), waiter, out _));
        grant.PostRelease();
        Assert.True(waiter.Served);
        waiter.Grant.Dispose();
    }

    [Fact]
    public void Waiting_in_the_wrong_order_throws_on_an_empty_machine()
    {
        using var root = Root(64);
        using var node = root.AddChild("session", new TestOwner(), new Share(Credit, 8, 8), new Share(Burst, 8, 8), new Share(Store, 8, 8));
        var flow = new Flow();
        Assert.True(node.Reserve(flow, BurstGate, Of(Burst, 1), new TestWaiter(), out var burst));
        Assert.Throws<ReservationOrderException>(() => node.Reserve(flow, BurstGate, Of(Burst, 1), new TestWaiter(), out _));
        Assert.Throws<ReservationOrderException>(() => node.Reserve(flow, CreditGate, Of(Credit, 1), new TestWaiter(), out _));
        Assert.True(node.TryReserve(flow, Of(Credit, 1), out var credit));
        Assert.True(node.Reserve(flow, StoreGate, Of(Store, 1), new TestWaiter(), out var store));
        store.Dispose();
        burst.Dispose();
        credit.Dispose();
        Assert.True(node.Reserve(flow, CreditGate, Of(Credit, 1), new TestWaiter(), out credit));
        credit.Dispose();
    }

    [Fact]
    public async Task An_awaited_grant_completes_from_ProcessPosted()
    {
        using var root = Root(64);
        var owner = new TestOwner();
        using var node = root.AddChild("session", owner, new Share(Burst, 8, 8));
        Assert.True(node.TryReserve(null, Of(Burst, 8), out var grant));
        var wait = node.ReserveAsync(new Flow(), BurstGate, Of(Burst, 2));
        grant.Dispose();
        Assert.False(wait.IsCompleted);
        owner.Run();
        Assert.True(wait.IsCompleted);
        (await wait).Dispose();
    }
}

using static Reservations.Tests.Levels;

namespace Reservations.Tests;

public sealed class AllocationTests
{
    private readonly Demand _burst = Of(Burst, 4);
    private readonly Demand _two = new(new Claim(Credit, 1, 1), new Claim(Burst, 2));

    [Fact]
    public void Taking_drawing_and_releasing_allocates_nothing_after_the_warm_up()
    {
        using var root = Root(256, 64, new SlotBudget(Credit, 8, 64));
        var owner = new TestOwner();
        using var node = root.AddChild("session", owner, new Share(Credit, 4, 8, 2, 4), new Share(Burst, 8, 32));
        var flow = new Flow();
        var list = new BlockList(16);
        var waiter = new TestWaiter();
        AssertNoAllocation(() =>
        {
            list.Clear();
            node.Reserve(flow, BurstGate, _burst, waiter, out var grant);
            grant.Draw(Burst, 4, list);
            node.TryReserve(flow, _burst, out var inFloor);
            node.TryReserve(flow, _burst, out var borrowed);
            node.TryReserve(flow, _two, out var two);
            two.Draw(Credit, 1, list);
            var part = two.Split(Burst);
            part.PostRelease();
            two.Dispose();
            borrowed.Dispose();
            inFloor.Dispose();
            grant.Dispose();
            owner.Run();
        });
    }

    [Fact]
    public void Waiting_allocates_nothing_after_the_warm_up()
    {
        using var root = Root(256, 64);
        var owner = new TestOwner();
        using var node = root.AddChild("session", owner, new Share(Burst, 4, 4));
        var flow = new Flow();
        var waiter = new TestWaiter();
        AssertNoAllocation(() =>
        {
            node.TryReserve(null, _burst, out var grant);
            node.Reserve(flow, BurstGate, _burst, waiter, out _);
            grant.Dispose();
            owner.Run();
            waiter.Grant.Dispose();
            node.TryReserve(null, _burst, out grant);
            var wait = node.ReserveAsync(flow, BurstGate, _burst);
            grant.Dispose();
            owner.Run();
            wait.Result.Dispose();
        });
    }

    [Fact]
    public void Waiting_for_surplus_allocates_nothing_after_the_warm_up()
    {
        using var root = Root(64, 8);
        var owner = new TestOwner();
        using var a = root.AddChild("a", owner, new Share(Burst, 0, 8));
        using var b = root.AddChild("b", owner, new Share(Burst, 0, 8));
        var flow = new Flow();
        var waiter = new TestWaiter();
        var all = Of(Burst, 8);
        AssertNoAllocation(() =>
        {
            a.TryReserve(null, all, out var grant);
            b.Reserve(flow, BurstGate, _burst, waiter, out _);
            grant.Dispose();
            owner.Run();
            waiter.Grant.Dispose();
        });
    }

    private static void AssertNoAllocation(Action work)
    {
        for (var i = 0; i < 200; i++) work();
        // The runtime itself allocates a little on this thread while it compiles: the best of some rounds is what the code does.
        var allocated = long.MaxValue;
        for (var round = 0; round < 6 && allocated != 0; round++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < 1000; i++) work();
            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        }
        Assert.Equal(0, allocated);
    }
}

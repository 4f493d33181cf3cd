using static Reservations.Tests.Levels;

namespace Reservations.Tests;

public sealed class ResizeTests
{
    [Fact]
    public void A_larger_budget_is_there_at_once()
    {
        using var root = Root(10, 0);
        using var first = root.AddChild("a", null, new Share(Burst, 10, 10));
        Assert.False(root.TryAddChild("b", null, [new Share(Burst, 2000, 2000)], out _));
        Assert.Equal(new ResizeResult(2010 * 4096L, 0, 10 * 4096L), root.Resize(2010 * 4096L));
        using var second = root.AddChild("b", null, new Share(Burst, 2000, 2000));
        using var grant = second.Prepaid(Of(Burst, 2000));
        var list = new BlockList(16);
        grant.Draw(Burst, 2000, list);
        list.Zero();
        Assert.Equal(2000 * 4096, list.Length);
    }

    [Fact]
    public void A_smaller_budget_takes_the_surplus_first_and_holds_as_loans_come_back()
    {
        using var root = Root(30, 20);
        using var node = root.AddChild("a", new TestOwner(), new Share(Burst, 5, 25));
        Assert.True(node.TryReserve(null, Of(Burst, 20), out var loan));
        Assert.Equal(new ResizeResult(25 * 4096L, 13 * 4096L, 5 * 4096L), root.Resize(12 * 4096L));
        Assert.Equal(-13, root.SurplusFree);
        Assert.False(node.TryReserve(null, Of(Burst, 1), out _));
        loan.Dispose();
        Assert.Equal(2, root.SurplusFree);
        Assert.Equal(12, root.FreeBlocks + node.PhysicalBlocks);
        Assert.True(node.TryReserve(null, Of(Burst, 7), out loan));
        loan.Dispose();
    }

    [Fact]
    public void The_floors_are_the_least_a_budget_can_be()
    {
        using var root = Root(30, 20);
        using var node = root.AddChild("a", null, new Share(Burst, 5, 25));
        Assert.Equal(new ResizeResult(5 * 4096L, 0, 5 * 4096L), root.Resize(0));
        Assert.True(node.TryReserve(null, Of(Burst, 5), out var grant));
        var list = new BlockList();
        grant.Draw(Burst, 5, list);
        Assert.False(root.TryAddChild("b", null, [new Share(Burst, 1, 1)], out _));
        grant.Dispose();
        root.Resize(30 * 4096L);
        Assert.Equal(20, root.SurplusFree);
        Assert.Equal(5, root.ReserveFree);
    }

    [Fact]
    public void A_waiter_is_served_when_the_budget_grows()
    {
        using var root = Root(30, 20);
        var owner = new TestOwner();
        using var node = root.AddChild("a", owner, new Share(Burst, 0, 20));
        root.Resize(15 * 4096L);
        var waiter = new TestWaiter();
        Assert.True(node.TryReserve(null, Of(Burst, 5), out var first));
        root.Resize(12 * 4096L);
        Assert.False(node.Reserve(new Flow(), BurstGate, Of(Burst, 2), waiter, out _));
        root.Resize(30 * 4096L);
        owner.Run();
        Assert.True(waiter.Served);
        waiter.Grant.Dispose();
        first.Dispose();
    }

    [Fact]
    public void Slots_are_added_at_once_and_taken_away_as_far_as_they_are_free()
    {
        using var root = Root(10, 0);
        var before = root.SlotsTotal(Store.Rank);
        Assert.Equal(before + 4, root.ResizeSlots(Store, before + 4));
        using (var node = root.AddChild("device", null, new Share(Store, 0, 0, before + 3, before + 3)))
        {
            Assert.Equal(before + 3, root.ResizeSlots(Store, 0));
            Assert.False(root.TryAddChild("another", null, [new Share(Store, 0, 0, 1, 1)], out _));
        }
        Assert.Equal(before + 3, root.SlotsFree(Store.Rank));
        Assert.Equal(0, root.ResizeSlots(Store, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => root.ResizeSlots(Store, -1));
        Assert.Throws<ArgumentException>(() => root.ResizeSlots(new Level(29, "Nowhere"), 1));
    }
}

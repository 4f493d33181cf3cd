using static Reservations.Tests.Levels;

namespace Reservations.Tests;

public sealed class TreeTests
{
    [Fact]
    public void Floors_come_from_the_parent_then_its_ancestors_then_the_root()
    {
        using var root = Root(20, 4);
        var owner = new TestOwner();
        using var target = root.AddChild("target", owner, new Share(Burst, 6, 6));
        using var session = target.AddChild("session", null, new Share(Burst, 4, 8));
        using var device = target.AddChild("device", null, new Share(Burst, 5, 5));
        Assert.Equal(0, target.GetLevelState(Burst).FloorBlocks);
        Assert.Equal(7, root.ReserveFree);
        using var connection = session.AddChild("connection", null, new Share(Burst, 9, 9));
        Assert.Equal(0, session.GetLevelState(Burst).FloorBlocks);
        Assert.Equal(2, root.ReserveFree);
        connection.Dispose();
        device.Dispose();
        session.Dispose();
        Assert.Equal(6, target.GetLevelState(Burst).FloorBlocks);
        Assert.Equal(10, root.ReserveFree);
    }

    [Fact]
    public void Admission_is_all_or_nothing()
    {
        using var root = Root(20, 4, new SlotBudget(Credit, 3, 64));
        using var target = root.AddChild("target", null, new Share(Burst, 6, 6));
        Assert.False(target.TryAddChild("session", null, [new Share(Burst, 10, 10), new Share(Credit, 0, 0, 4, 4)], out var node));
        Assert.Null(node);
        Assert.Equal(6, target.GetLevelState(Burst).FloorBlocks);
        Assert.Equal(10, root.ReserveFree);
        var error = Assert.Throws<BudgetException>(() => target.AddChild("session", null, new Share(Burst, 17, 17)));
        Assert.Contains("session", error.Message, StringComparison.Ordinal);
        Assert.Equal(10, root.ReserveFree);
    }

    [Fact]
    public void The_surplus_never_becomes_a_floor()
    {
        using var root = Root(20, 15);
        Assert.Throws<BudgetException>(() => root.AddChild("a", null, new Share(Burst, 6, 6)));
        using var node = root.AddChild("a", null, new Share(Burst, 5, 20));
        Assert.True(node.TryReserve(null, Of(Burst, 20), out var grant));
        grant.Dispose();
    }

    [Fact]
    public void Slots_are_counted_apart_per_level()
    {
        using var root = Root(20, 4, new SlotBudget(Store, 3, 64));
        using var a = root.AddChild("a", new TestOwner(), new Share(Store, 0, 0, 1, 3));
        using var b = root.AddChild("b", new TestOwner(), new Share(Store, 0, 0, 1, 3));
        Assert.True(a.TryReserve(null, Of(Store, 0, 2), out var two));
        Assert.False(b.TryReserve(null, Of(Store, 0, 2), out _));
        Assert.True(b.TryReserve(null, Of(Store, 0, 1), out var one));
        Assert.Equal(2, a.GetLevelState(Store).UsedSlots);
        two.Dispose();
        one.Dispose();
    }

    [Fact]
    public void A_child_with_another_owner_gives_its_floor_back_by_a_post()
    {
        using var root = Root(20);
        var parentOwner = new TestOwner();
        using var parent = root.AddChild("parent", parentOwner, new Share(Burst, 6, 6));
        var child = parent.AddChild("child", new TestOwner(), new Share(Burst, 4, 4));
        child.Dispose();
        Assert.Equal(2, parent.GetLevelState(Burst).FloorBlocks);
        parentOwner.Run();
        Assert.Equal(6, parent.GetLevelState(Burst).FloorBlocks);
    }

    [Fact]
    public void What_a_node_may_never_hold_is_refused_instead_of_waited_for()
    {
        using var root = Root(64, 10);
        using var node = root.AddChild("session", new TestOwner(), new Share(Credit, 2, 9), new Share(Burst, 8, 30));
        Assert.Throws<BudgetException>(() => node.Reserve(new Flow(), BurstGate, Of(Burst, 31), new TestWaiter(), out _));
        Assert.Throws<BudgetException>(() => node.Reserve(new Flow(), BurstGate, Of(Burst, 19), new TestWaiter(), out _));
        Assert.Throws<BudgetException>(() => node.Reserve(new Flow(), StoreGate, Of(Store, 1), new TestWaiter(), out _));
        Assert.Throws<BudgetException>(() => node.Reserve(new Flow(), CreditGate, new Demand(new Claim(Credit, 1), new Claim(Burst, 18)), new TestWaiter(), out _));
        Assert.False(node.TryReserve(null, Of(Burst, 31), out _));
        Assert.Equal(0, node.State.Waiters);
    }

    [Fact]
    public void Malformed_configurations_are_refused()
    {
        using var root = Root(64);
        Assert.Throws<ArgumentException>(() => root.AddChild("a", null, new Share(new Level(9, "Other"), 1, 1)));
        Assert.Throws<ArgumentException>(() => root.AddChild("a", null, new Share(Burst, 2, 1)));
        Assert.Throws<ArgumentException>(() => root.AddChild("a", null, new Share(Burst, 1, 1), new Share(Burst, 1, 1)));
        Assert.Throws<ArgumentException>(() => root.AddChild("a", null, new Share(Burst, 1, 1, Weight: 0)));
        Assert.Throws<ArgumentException>(() => ReservationRoot.Create(Options(4) with { Levels = [Burst, new Level(4, "Again")] }));
        Assert.Throws<ArgumentOutOfRangeException>(() => ReservationRoot.Create(Options(4) with { BlockSize = 3000 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => ReservationRoot.Create(Options(4) with { SurplusBytes = 1 << 20 }));
        Assert.Throws<ArgumentException>(() => new Gate("G", Control));
        Assert.Throws<ArgumentException>(() => new Demand());
        Assert.Throws<ArgumentException>(() => new Demand(new Claim(Burst, -1)));
        Assert.Throws<ArgumentException>(() => new Demand(new Claim(Burst, 1), new Claim(Burst, 1)));
        Assert.Throws<ArgumentException>(() => new Demand(new Claim(new Level(32, "High"), 1)));
    }

    [Fact]
    public void A_node_that_is_disposed_while_open_names_what_is_open()
    {
        using var root = Root(64);
        var node = root.AddChild("session 7", new TestOwner(), new Share(Credit, 4, 4), new Share(Burst, 8, 8));
        var child = node.AddChild("connection 1", null);
        Assert.True(node.TryReserve(null, new Demand(new Claim(Credit, 2), new Claim(Burst, 8)), out var grant));
        var waiter = new TestWaiter();
        Assert.False(node.Reserve(new Flow(), BurstGate, Of(Burst, 1), waiter, out _));
        var leak = Assert.Throws<LeakException>(node.Dispose).Message;
        Assert.Contains("session 7", leak, StringComparison.Ordinal);
        Assert.Contains("Credit 2 blocks", leak, StringComparison.Ordinal);
        Assert.Contains("Burst 8 blocks", leak, StringComparison.Ordinal);
        Assert.Contains("connection 1", leak, StringComparison.Ordinal);
        Assert.Contains("1 waiters at Burst", leak, StringComparison.Ordinal);
        Assert.Contains("session 7", Assert.Throws<LeakException>(root.Dispose).Message, StringComparison.Ordinal);
        Assert.True(node.CancelWait(waiter));
        grant.Dispose();
        child.Dispose();
        node.Dispose();
        node.Dispose();
        Assert.Throws<ObjectDisposedException>(() => node.AddChild("x", null));
        Assert.False(node.TryReserve(null, Of(Burst, 1), out _));
    }

    [Fact]
    public void A_snapshot_shows_the_tree_and_what_is_used()
    {
        using var root = Root(64, 20, new SlotBudget(Store, 3, 64));
        using var target = root.AddChild("target", null, new Share(Store, 2, 4, 1, 2));
        using var session = target.AddChild("session", new TestOwner(), new Share(Burst, 8, 18));
        Assert.True(session.TryReserve(null, Of(Burst, 18), out var grant));
        Assert.False(session.TryReserve(null, Of(Burst, 1), out _));
        var text = root.Snapshot().Text;
        Assert.Contains("surplus 20 (10 free)", text, StringComparison.Ordinal);
        Assert.Contains("tries denied 1", text, StringComparison.Ordinal);
        Assert.Matches(@"(?m)^  session\s+Burst\s+8\s+18\s+10\s+18\s+0\s+0\s+0", text);
        Assert.Matches(@"(?m)^target\s+Store\s+2\s+0\s+0\s+4\s+0\s+2\s+0", text);
        grant.Dispose();
    }
}

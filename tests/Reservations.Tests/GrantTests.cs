using static Reservations.Tests.Levels;

namespace Reservations.Tests;

public sealed class GrantTests
{
    [Fact]
    public void A_grant_counts_from_its_taking_to_its_release()
    {
        using var root = Root(64);
        using var node = root.AddChild("session", new TestOwner(), new Share(Burst, 8, 8));
        Assert.True(node.TryReserve(null, Of(Burst, 5), out var grant));
        Assert.Equal(5, node.GetLevelState(Burst).UsedBlocks);
        Assert.Equal(5, grant.BlocksOf(Burst));
        Assert.Same(node, grant.Node);
        Assert.False(node.TryReserve(null, Of(Burst, 4), out var none));
        Assert.True(none.IsEmpty);
        grant.Dispose();
        Assert.Equal(0, node.GetLevelState(Burst).UsedBlocks);
    }

    [Fact]
    public void A_prepaid_grant_of_16_blocks_is_one_run_after_the_start()
    {
        using var root = Root(600);
        using var node = root.AddChild("session", new TestOwner(), new Share(Control, 16, 16));
        using var grant = node.Prepaid(Of(Control, 16));
        var list = new BlockList();
        grant.Draw(Control, 16, list);
        Assert.Equal(16 * 4096, list.Length);
        Assert.Equal(1, list.Count);
        unsafe
        {
            Assert.Equal(0, (long)list.Address(0) % 4096);
        }
    }

    [Fact]
    public void A_second_release_is_caught()
    {
        using var root = Root(64);
        using var node = root.AddChild("session", new TestOwner(), new Share(Burst, 8, 8));
        Assert.True(node.TryReserve(null, Of(Burst, 5), out var grant));
        grant.Dispose();
        Assert.Throws<LeakException>(grant.Dispose);
        Assert.Throws<LeakException>(grant.PostRelease);
        Assert.True(node.TryReserve(null, Of(Burst, 1), out var next));
        Assert.Throws<LeakException>(grant.Dispose);
        next.Dispose();
    }

    [Fact]
    public void A_second_release_is_caught_also_when_the_node_is_closed_and_another_one_has_its_records()
    {
        using var root = Root(64);
        var past = new List<Grant>();
        for (var round = 0; round < 3; round++)
        {
            using var node = root.AddChild("session", new TestOwner(), new Share(Burst, 20, 20));
            var held = new List<Grant>();
            // More than one chunk of records, drawn from and not.
            for (var i = 0; i < 20; i++)
            {
                Assert.True(node.TryReserve(null, Of(Burst, 1), out var grant));
                if (i % 2 == 0) grant.Draw(Burst, 1, new BlockList());
                Assert.Same(node, grant.Node);
                held.Add(grant);
            }
            foreach (var grant in past)
            {
                Assert.Throws<LeakException>(grant.Dispose);
                Assert.Throws<LeakException>(grant.PostRelease);
                Assert.Throws<LeakException>(() => grant.Draw(Burst, 1, new BlockList()));
            }
            Assert.Equal(20, node.GetLevelState(Burst).UsedBlocks);
            foreach (var grant in held) grant.Dispose();
            Assert.Equal(0, node.GetLevelState(Burst).UsedBlocks);
            past.AddRange(held);
        }
        foreach (var grant in past) Assert.Throws<LeakException>(grant.Dispose);
    }

    [Fact]
    public void Drawing_more_than_the_grant_or_after_its_release_is_caught()
    {
        using var root = Root(64);
        using var node = root.AddChild("session", new TestOwner(), new Share(Burst, 8, 8));
        Assert.True(node.TryReserve(null, Of(Burst, 5), out var grant));
        var list = new BlockList(8);
        grant.Draw(Burst, 3, list);
        Assert.Throws<LeakException>(() => grant.Draw(Burst, 3, list));
        Assert.Throws<LeakException>(() => grant.Draw(Credit, 1, list));
        grant.Draw(Burst, 2, list);
        Assert.Equal(5 * 4096, list.Length);
        grant.Dispose();
        Assert.Throws<LeakException>(() => grant.Draw(Burst, 1, list));
        Assert.Throws<LeakException>(() => grant.BlocksOf(Burst));
        Assert.Throws<LeakException>(() => grant.Split(Burst));
        Assert.Throws<LeakException>(() => grant.MoveTo(null));
        Assert.Throws<LeakException>(() => grant.Release(Burst));
    }

    [Fact]
    public void The_default_grant_holds_nothing()
    {
        Grant grant = default;
        Assert.True(grant.IsEmpty);
        Assert.Equal(0, grant.BlocksOf(Burst));
        grant.Dispose();
        grant.PostRelease();
        Assert.Throws<LeakException>(() => grant.Node);
    }

    [Fact]
    public void Levels_go_back_one_by_one_or_split_off_with_their_blocks()
    {
        using var root = Root(64, 0, new SlotBudget(Credit, 2, 100));
        using var session = root.AddChild("session", new TestOwner(), new Share(Credit, 4, 4, 2, 2), new Share(Burst, 8, 8));
        var flow = new Flow();
        Assert.True(session.TryReserve(flow, new Demand(new Claim(Credit, 1, 1), new Claim(Burst, 4)), out var grant));
        Assert.Equal(1u << 5 | 1u << 4, flow.HeldRanks);
        var list = new BlockList(8);
        grant.Draw(Burst, 4, list);
        var burst = grant.Split(Burst);
        Assert.Equal(0, grant.BlocksOf(Burst));
        Assert.Equal(4, burst.BlocksOf(Burst));
        Assert.Throws<LeakException>(() => burst.Draw(Burst, 1, list));
        grant.Release(Credit);
        Assert.Equal(1u << 4, flow.HeldRanks);
        Assert.Throws<LeakException>(() => grant.Release(Credit));
        grant.Dispose();
        var other = new Flow();
        burst.MoveTo(other);
        Assert.True(flow.HoldsNothing);
        Assert.Equal(1u << 4, other.HeldRanks);
        burst.Dispose();
        Assert.True(other.HoldsNothing);
        Assert.Equal(0, session.State.UsedBlocks);
        Assert.Equal(0, session.GetLevelState(Credit).UsedSlots);
    }

    [Fact]
    public void A_posted_release_is_taken_in_by_the_owner()
    {
        using var root = Root(64);
        var owner = new TestOwner();
        using var node = root.AddChild("session", owner, new Share(Burst, 8, 8));
        var flow = new Flow();
        Assert.True(node.TryReserve(flow, Of(Burst, 5), out var first));
        Assert.True(node.TryReserve(flow, Of(Burst, 3), out var second));
        var thread = new Thread(() =>
        {
            first.PostRelease();
            second.PostRelease();
        });
        thread.Start();
        thread.Join();
        Assert.Equal(1, owner.Posts);
        Assert.Equal(8, node.State.UsedBlocks);
        Assert.Throws<LeakException>(first.Dispose);
        owner.Run();
        Assert.Equal(0, node.State.UsedBlocks);
        Assert.True(flow.HoldsNothing);
    }

    [Fact]
    public void Prepaid_comes_out_of_the_floor_only()
    {
        using var root = Root(64, 32);
        using var node = root.AddChild("session", new TestOwner(), new Share(Burst, 8, 16));
        Assert.Throws<BudgetException>(() => node.Prepaid(Of(Burst, 9)));
        node.Prepaid(Of(Burst, 8)).Dispose();
    }

    [Fact]
    public void A_try_for_more_than_any_node_has_is_denied_also_while_something_is_used()
    {
        using var root = Root(64, 0);
        using var node = root.AddChild("session", new TestOwner(), new Share(Burst, 8, 8));
        using var used = node.Prepaid(Of(Burst, 4));
        Assert.False(node.TryReserve(null, Of(Burst, int.MaxValue), out var grant));
        Assert.True(grant.IsEmpty);
        Assert.Equal(4, node.GetLevelState(Burst).UsedBlocks);
    }

    [Fact]
    public void A_rank_held_by_several_grants_is_free_when_the_last_one_ends()
    {
        using var root = Root(64, 0);
        using var node = root.AddChild("session", new TestOwner(), new Share(Burst, 8, 8));
        var flow = new Flow();
        node.TryReserve(flow, Of(Burst, 1), out var first);
        node.TryReserve(flow, Of(Burst, 1), out var second);
        node.TryReserve(flow, Of(Burst, 1), out var third);
        second.Dispose();
        first.Dispose();
        Assert.Equal(1u << Burst.Rank, flow.HeldRanks);
        third.Dispose();
        Assert.True(flow.HoldsNothing);
    }
}

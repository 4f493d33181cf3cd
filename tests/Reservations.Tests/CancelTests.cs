using static Reservations.Tests.Levels;

namespace Reservations.Tests;

public sealed class CancelTests : IDisposable
{
    private readonly ReservationRoot _root = Root(64);
    private readonly TestOwner _owner = new();
    private readonly ReservationNode _node;
    private readonly Grant _all;

    public CancelTests()
    {
        _node = _root.AddChild("session", _owner, new Share(Credit, 2, 2), new Share(Burst, 8, 8));
        Assert.True(_node.TryReserve(null, Of(Burst, 8), out _all));
    }

    public void Dispose()
    {
        _node.Dispose();
        _root.Dispose();
    }

    [Fact]
    public async Task A_cancelled_wait_ends_on_the_owner_and_leaves_nothing()
    {
        using var source = new CancellationTokenSource();
        var flow = new Flow();
        var wait = _node.ReserveAsync(flow, BurstGate, Of(Burst, 1), source.Token).AsTask();
        await source.CancelAsync();
        Assert.False(wait.IsCompleted);
        _owner.Run();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => wait);
        Assert.Equal(0, _node.State.Waiters);
        _all.Dispose();
        Assert.True(flow.HoldsNothing);
    }

    [Fact]
    public async Task A_grant_that_meets_a_cancel_goes_back()
    {
        using var source = new CancellationTokenSource();
        var flow = new Flow();
        var wait = _node.ReserveAsync(flow, BurstGate, Of(Burst, 1), source.Token).AsTask();
        _all.Dispose();
        // Served, not told yet: the cancel comes first.
        await source.CancelAsync();
        _owner.Run();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => wait);
        Assert.Equal(0, _node.State.UsedBlocks);
        Assert.True(flow.HoldsNothing);
    }

    [Fact]
    public async Task A_cancel_after_the_grant_changes_nothing()
    {
        using var source = new CancellationTokenSource();
        var wait = _node.ReserveAsync(new Flow(), BurstGate, Of(Burst, 1), source.Token).AsTask();
        _all.Dispose();
        _owner.Run();
        await source.CancelAsync();
        _owner.Run();
        (await wait).Dispose();
        Assert.Equal(0, _node.State.UsedBlocks);
    }

    [Fact]
    public async Task A_token_that_is_cancelled_already_queues_nothing()
    {
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
            await _node.ReserveAsync(new Flow(), BurstGate, Of(Burst, 1), new CancellationToken(canceled: true)));
        Assert.Equal(0, _node.State.Waiters);
        _all.Dispose();
    }

    [Fact]
    public void A_cancelled_wait_over_several_levels_gives_back_what_it_had_parked()
    {
        var waiter = new TestWaiter();
        var flow = new Flow();
        Assert.False(_node.Reserve(flow, CreditGate, new Demand(new Claim(Credit, 2), new Claim(Burst, 1)), waiter, out _));
        var second = new TestWaiter();
        Assert.False(_node.Reserve(new Flow(), CreditGate, Of(Credit, 1), second, out _));
        Assert.True(flow.HoldsNothing);
        Assert.True(_node.CancelWait(waiter));
        _owner.Run();
        Assert.True(second.Served);
        second.Grant.Dispose();
        _all.Dispose();
        Assert.Equal(0, _node.State.UsedBlocks);
    }

    [Fact]
    public async Task Cancels_that_race_grants_on_a_shared_node_lose_nothing()
    {
        using var node = _root.AddChild("device", null, new Share(Store, 1, 1));
        var store = Of(Store, 1);
        for (var i = 0; i < 2000; i++)
        {
            Assert.True(node.TryReserve(null, store, out var grant));
            using var source = new CancellationTokenSource();
            var wait = node.ReserveAsync(new Flow(), StoreGate, store, source.Token);
            Action first = i % 2 == 0 ? grant.Dispose : source.Cancel;
            Action second = i % 2 == 0 ? source.Cancel : grant.Dispose;
            var (one, other) = (Task.Run(first), Task.Run(second));
            try
            {
                (await wait).Dispose();
            }
            catch (OperationCanceledException)
            {
            }
            await Task.WhenAll(one, other);
            Assert.Equal(0, node.State.UsedBlocks);
            Assert.Equal(0, node.State.Waiters);
        }
        _all.Dispose();
    }
}

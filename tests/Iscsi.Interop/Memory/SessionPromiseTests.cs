namespace Iscsi.Interop.Memory;

/// <summary>The number of sessions that the daemon prints is the number it holds: no less, no more, and whoever is in stays in.</summary>
public sealed class SessionPromiseTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    [Theory]
    [InlineData("4MiB", 3)]
    [InlineData("15MiB", 3)]
    [InlineData("32MiB", 16)]
    public async Task Exactly_the_promised_sessions_log_in_and_one_that_leaves_makes_room(string memory, int atLeast)
    {
        await using var daemon = await Daemon.ServeAsync(["--memory", memory], ["memory,size=1MiB"]);
        var promise = MemoryPromise.Of(daemon);
        Assert.True(promise.Sessions >= atLeast, daemon.Log);
        await using var clients = await ClientGroup.OpenAsync(daemon, promise.Sessions);

        await clients.OneMoreIsRefusedAsync();
        await clients[0].LogoutAsync();
        await using var next = new Client(daemon, 2000);
        await LoginSoonAsync(next);
        await next.ReadAsync();
        await clients.OneMoreIsRefusedAsync();

        await next.LogoutAsync();
        Assert.Equal(0, await daemon.StopAsync());
    }

    [Theory]
    [InlineData("4MiB")]
    [InlineData("32MiB")]
    public async Task A_session_that_reconnects_gets_in_while_the_budget_is_full(string memory)
    {
        await using var daemon = await Daemon.ServeAsync(["--memory", memory], ["memory,size=1MiB"]);
        await using var clients = await ClientGroup.OpenAsync(daemon, MemoryPromise.Of(daemon).Sessions);

        for (var i = 0; i < 10; i++)
        {
            // Every other time the old connection is still there: then the new login ends it.
            if (i % 2 == 0) clients[0].Cut();
            await clients[0].LoginAsync();
            await clients[0].ReadAsync();
        }

        await clients.OneMoreIsRefusedAsync();
        for (var i = 1; i < clients.Count; i++) await clients[i].ReadAsync();
        Assert.Equal(0, await daemon.StopAsync());
    }

    [Theory]
    [InlineData("4MiB")]
    [InlineData("32MiB")]
    public async Task All_sessions_that_are_cut_at_once_log_in_again(string memory)
    {
        await using var daemon = await Daemon.ServeAsync(["--memory", memory], ["memory,size=1MiB"]);
        await using var clients = await ClientGroup.OpenAsync(daemon, MemoryPromise.Of(daemon).Sessions);

        for (var i = 0; i < 3; i++)
        {
            await clients.ForEachAsync(static client =>
            {
                client.Cut();
                return Task.CompletedTask;
            });
            await clients.ForEachAsync(static client => client.LoginAsync());
            await clients.ForEachAsync(static client => client.ReadAsync());
        }

        await clients.OneMoreIsRefusedAsync();
        Assert.Equal(0, await daemon.StopAsync());
    }

    [Fact]
    public async Task Places_of_lost_sessions_go_to_other_initiators_after_two_seconds()
    {
        await using var daemon = await Daemon.ServeAsync(["--memory", "4MiB"], ["memory,size=1MiB"]);
        var count = MemoryPromise.Of(daemon).Sessions;
        await using var clients = await ClientGroup.OpenAsync(daemon, count);
        await clients.ForEachAsync(static client =>
        {
            client.Cut();
            return Task.CompletedTask;
        });

        for (var i = 0; i < count; i++)
        {
            await using var other = new Client(daemon, 2000 + i);
            await LoginSoonAsync(other);
            await other.ReadAsync();
        }

        Assert.Equal(0, await daemon.StopAsync());
    }

    [Fact]
    public async Task A_thousand_logins_leave_no_trace_in_the_resident_size()
    {
        await using var daemon = await Daemon.ServeAsync(["--memory", "4MiB", "--log-level", "warning"], ["memory,size=1MiB"]);
        var promise = MemoryPromise.Of(daemon);
        await using var resident = ResidentSize.Watch(daemon);

        for (var i = 0; i < 1000; i++)
        {
            await using var client = new Client(daemon, i % promise.Sessions);
            await client.LoginAsync();
            await client.ReadAsync();
            if (i % 2 == 0) await client.LogoutAsync();
            else client.Cut();
        }

        resident.IsAtMost(promise);
        Assert.Equal(0, await daemon.StopAsync());
    }

    // The target answers a logout before it has taken the session's place back, and keeps a lost one a while.
    private static async Task LoginSoonAsync(Client client)
    {
        using var limit = new CancellationTokenSource(Limit);
        while (true)
        {
            try
            {
                await client.LoginAsync();
                return;
            }
            catch (Iscsi.Initiator.IscsiLoginException refused) when (refused.Status == Iscsi.Protocol.LoginStatus.OutOfResources)
            {
                await Task.Delay(50, limit.Token);
            }
        }
    }
}

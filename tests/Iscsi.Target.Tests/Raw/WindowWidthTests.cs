using Iscsi.Protocol;

namespace Iscsi.Target.Tests.Raw;

/// <summary>How wide the command window is: its floor, and more for a peer that sends much at once.</summary>
public sealed class WindowWidthTests
{
    private const int Floor = 8;
    private const int Gap = 24;
    private const long MemoryBytes = 32L << 20;

    private static readonly TargetLimits Limits = new() { WindowFloor = Floor, WindowGap = Gap };

    [Fact]
    public async Task It_opens_at_its_floor_and_stays_there_for_one_command_at_a_time()
    {
        await using var target = await RawTarget.StartAsync(Limits, witness: false, MemoryBytes);
        var client = await target.LoginAsync();
        for (var i = 0; i < 3 * Floor; i++) await client.ReadGoodAsync(0, 4096);
        Assert.Equal(Floor, WidthOf(client));
        Assert.Equal(target.Server.Core.Budget.UnusedCredits, target.Server.Core.UnusedCredits.Free);
    }

    [Fact]
    public async Task A_peer_that_fills_it_finds_it_wider_up_to_its_bound()
    {
        await using var target = await RawTarget.StartAsync(Limits, witness: false, MemoryBytes);
        var client = await target.LoginAsync();
        await FillAsync(target, client, Floor + Gap);
        Assert.Equal(Floor + Gap, WidthOf(client));
        Assert.Equal(target.Server.Core.Budget.UnusedCredits - Gap, target.Server.Core.UnusedCredits.Free);
    }

    [Fact]
    public async Task What_the_peer_no_longer_fills_goes_back_as_it_uses_what_it_was_told()
    {
        await using var target = await RawTarget.StartAsync(Limits, witness: false, MemoryBytes);
        var client = await target.LoginAsync();
        await FillAsync(target, client, Floor + Gap);
        var session = target.SessionOf(client);
        // A number that was told stays open, however long the peer is silent.
        for (var i = 0; i < 6; i++) await TickAsync(target, session);
        Assert.Equal(target.Server.Core.Budget.UnusedCredits - Gap, target.Server.Core.UnusedCredits.Free);
        for (var i = 0; i < Gap; i++) await client.ReadGoodAsync(0, 4096);
        Assert.Equal(Floor, WidthOf(client));
        await TickAsync(target, session);
        Assert.Equal(target.Server.Core.Budget.UnusedCredits, target.Server.Core.UnusedCredits.Free);
    }

    [Fact]
    public async Task The_end_of_a_session_gives_back_what_it_was_widened_by()
    {
        await using var target = await RawTarget.StartAsync(Limits, witness: false, MemoryBytes);
        var client = await target.LoginAsync();
        await FillAsync(target, client, Floor + Gap);
        client.Reset();
        await Poll.UntilAsync(
            () => target.Server.Core.UnusedCredits.Free == target.Server.Core.Budget.UnusedCredits,
            () => $"{target.Server.Core.UnusedCredits.Free} of {target.Server.Core.Budget.UnusedCredits} are free.");
    }

    [Fact]
    public async Task Sessions_that_all_fill_their_windows_share_what_unused_credits_may_take()
    {
        var limits = new TargetLimits { WindowFloor = Floor, WindowGap = 1000, WindowCeiling = 1000 };
        await using var target = await RawTarget.StartAsync(limits, witness: false, MemoryBytes);
        var total = target.Server.Core.Budget.UnusedCredits;
        var clients = new List<RawClient>();
        for (var i = 0; i < 4; i++) clients.Add(await target.LoginAsync(new RawLogin { Initiator = $"iqn.2026-11.net.example:host{i}" }));
        foreach (var client in clients) await FillAsync(target, client, Floor + (total / clients.Count));
        Assert.All(clients, client => Assert.Equal(Floor + (total / clients.Count), WidthOf(client)));
        Assert.Equal(total % clients.Count, target.Server.Core.UnusedCredits.Free);
    }

    [Fact]
    public async Task Without_a_surplus_it_stays_at_its_floor()
    {
        await using var target = await RawTarget.StartAsync(Limits, witness: false, memoryBytes: 8L << 20);
        var client = await target.LoginAsync();
        await SendAtOnceAsync(client);
        await SendAtOnceAsync(client);
        Assert.Equal(Floor, WidthOf(client));
    }

    private static int WidthOf(RawClient client) => (int)(client.MaxCmdSN - client.ExpCmdSN + 1);

    // As often as it takes: TCP may deliver what was sent at once in pieces.
    private static async Task FillAsync(RawTarget target, RawClient client, int width)
    {
        for (var round = 0; round < 50 && WidthOf(client) < width; round++) await SendAtOnceAsync(client);
        Assert.True(WidthOf(client) == width, $"{WidthOf(client)} wide, {width} were expected: {target.DescribeSessions()}");
    }

    // As many reads as the window lets out, in one send; then all their answers. They left before their slots were free: a ping brings the
    // width that came of it.
    private static async Task SendAtOnceAsync(RawClient client)
    {
        var commands = Enumerable.Range(0, WidthOf(client)).Select(_ => client.Read(0, 8)).ToArray();
        await client.SendAsync(commands.SelectMany(command => client.Frame(command)).ToArray());
        foreach (var _ in commands) Assert.True((await client.ReceiveAsync(Opcode.DataIn)).HasStatus);
        await client.ExpectAliveAsync();
    }

    // A heartbeat, and what it posted has run.
    private static async Task TickAsync(RawTarget target, Sessions.TargetSession session)
    {
        var done = new TaskCompletionSource();
        target.Server.Core.Tick();
        session.Post(done.SetResult);
        await done.Task;
    }
}

using System.Text;
using Iscsi.Protocol;
using Iscsi.Storage;
using Iscsi.Target.Tests.Raw;

namespace Iscsi.Target.Tests.LiveChange;

/// <summary>Targets that come and go, and access rules that change, while sessions are open.</summary>
public sealed class TargetChangeTests
{
    private const string Second = "iqn.2026-11.net.example:second";

    [Fact]
    public async Task A_target_that_is_added_is_discovered_and_serves()
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        await using var disk = new MemoryBlockDevice(64 * 512);
        target.Server.AddTarget(Second, t => t.AddLun(0, disk).AddLun(1, new NullBlockDevice(512 * 8)));

        var client = await target.LoginAsync(new RawLogin { Target = Second });
        await client.WriteGoodAsync(0, RawClient.Pattern(1, 512));
        Assert.Equal([RawTarget.TargetName, Second], target.Server.Targets.Select(t => t.Name));
        Assert.Contains("TargetName=" + Second, await DiscoverAsync(target), StringComparison.Ordinal);
        await client.DisposeAsync();
        await Poll.UntilAsync(() => target.Server.SessionCount == 0, () => "the session did not end");
        Assert.True(await RemoveAsync(target, Second));
    }

    [Fact]
    public async Task A_target_with_a_LUN_that_cannot_be_served_is_not_added_at_all()
    {
        await using var target = await RawTarget.StartAsync();
        await using var disk = new MemoryBlockDevice(64 * 512);
        var before = target.Server.Snapshot();
        Assert.Throws<ArgumentException>(() => target.Server.AddTarget(Second, t => t.AddLun(0, disk).AddLun(1, target.Gate)));
        Assert.Null(target.Server.FindTarget(Second));
        Assert.Equal(Nodes(before), Nodes(target.Server.Snapshot()));
        target.Server.AddTarget(Second, t => t.AddLun(0, disk));
        Assert.Throws<ArgumentException>(() => target.Server.AddTarget(Second, _ => { }));
    }

    [Fact]
    public async Task The_sessions_of_a_removed_target_are_told_and_drained_and_later_logins_find_no_target()
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var client = await target.LoginAsync();
        target.Gate.Close();
        await client.SendPduAsync(client.Read(0, 1));
        await Poll.UntilAsync(() => target.Gate.Waiting == 1, () => "no request came");

        var removal = target.Server.RemoveTargetAsync(RawTarget.TargetName, TestContext.Current.CancellationToken);
        var late = await target.ConnectAsync();
        Assert.Equal(LoginStatus.NotFound, (await late.TryLoginAsync(new RawLogin { Isid = 0x8000_0001_0001 })).LoginStatus);
        Assert.False(removal.IsCompleted);
        target.Gate.Open();

        Assert.Equal(ScsiStatus.Good, (await client.ReceiveAsync(Opcode.DataIn)).Status);
        await client.ReceiveAsync(Opcode.AsyncMessage);
        await client.ExpectCloseAsync();
        Assert.True(await removal);
        await target.ExpectEndAsync(client, ConnectionEndReason.TargetRemoved);
        Assert.Empty(target.Server.Core.Sessions.Snapshot());
        // The devices are free: they may be served again.
        target.Server.AddTarget(Second, t => t.AddLun(0, target.Gate));
        Assert.False(await target.Server.RemoveTargetAsync(RawTarget.TargetName, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task The_floor_of_a_lost_session_goes_back_with_its_target()
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var client = await target.LoginAsync();
        client.Reset();
        await Poll.UntilAsync(() => target.Server.Core.Sessions.Snapshot() is [{ OrphanedAt: not null }], () => "no lost session");
        Assert.True(await RemoveAsync(target, RawTarget.TargetName));
        Assert.Empty(target.Server.Core.Sessions.Snapshot());
    }

    [Fact]
    public async Task A_session_that_does_not_end_by_itself_is_cut()
    {
        await using var target = await RawTarget.StartAsync(new TargetLimits { DrainTimeout = TimeSpan.FromSeconds(5) }, witness: false);
        var client = await target.LoginAsync();
        // It owes data and sends none.
        await client.SendPduAsync(client.Write(0, 16));
        await client.ReceiveAsync(Opcode.ReadyToTransfer);
        var removal = target.Server.RemoveTargetAsync(RawTarget.TargetName, TestContext.Current.CancellationToken);
        await target.AdvanceUntilAsync(() => removal.IsCompleted, TimeSpan.FromSeconds(10));
        Assert.True(await removal);
    }

    [Fact]
    public async Task New_access_rules_hold_for_later_logins_and_leave_open_sessions_alone()
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var open = await target.LoginAsync();
        target.Served().SetAccess(access => access.AllowInitiators("iqn.2026-11.net.example:other"));

        await open.ExpectAliveAsync();
        await open.WriteGoodAsync(0, RawClient.Pattern(1, 512));
        var late = await target.ConnectAsync();
        Assert.Equal(LoginStatus.AuthorizationFailure, (await late.TryLoginAsync(new RawLogin { Isid = 0x8000_0001_0001 })).LoginStatus);
        Assert.DoesNotContain("TargetName", await DiscoverAsync(target), StringComparison.Ordinal);
        var other = await target.LoginAsync(new RawLogin { Initiator = "iqn.2026-11.net.example:other", Isid = 0x8000_0001_0001 });
        await other.ExpectAliveAsync();
    }

    [Fact]
    public async Task CHAP_can_be_required_from_now_on_and_no_longer()
    {
        await using var target = await RawTarget.StartAsync();
        target.Served().SetAccess(access => access.RequireChap("alice", "correct-horse-battery"));
        var late = await target.ConnectAsync();
        Assert.Equal(LoginStatus.AuthenticationFailure, (await late.TryLoginAsync(new RawLogin { Isid = 0x8000_0001_0001 })).LoginStatus);
        target.Served().SetAccess(_ => { });
        await target.LoginAsync(new RawLogin { Isid = 0x8000_0001_0001 });
    }

    [Fact]
    public async Task Access_rules_that_contradict_each_other_change_nothing()
    {
        await using var target = await RawTarget.StartAsync();
        Assert.Throws<ArgumentException>(() => target.Served().SetAccess(access => access.AnswerChap("disk", "correct-horse-battery")));
        Assert.Throws<ArgumentException>(() => target.Served().SetAccess(access => access.AddLun(5, target.Gate)));
        await target.LoginAsync(new RawLogin { Isid = 0x8000_0001_0001 });
    }

    [Fact]
    public async Task A_target_that_has_left_takes_no_LUN()
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var served = target.Served();
        Assert.True(await RemoveAsync(target, RawTarget.TargetName));
        await using var disk = new MemoryBlockDevice(512);
        Assert.Throws<InvalidOperationException>(() => served.AddLun(5, disk));
    }

    private static Task<bool> RemoveAsync(RawTarget target, string name) =>
        target.Server.RemoveTargetAsync(name, TestContext.Current.CancellationToken).WaitAsync(RawClient.Limit);

    // Loans come and go with the witness; nodes don't.
    private static string[] Nodes(string snapshot) =>
        [.. snapshot.Split('\n').Where(line => line.StartsWith("store", StringComparison.Ordinal) || line.StartsWith("slots Store", StringComparison.Ordinal))];

    private static async Task<string> DiscoverAsync(RawTarget target)
    {
        var client = await target.LoginAsync(new RawLogin { SessionType = "Discovery", Target = null, Isid = 0x8000_0001_0009 });
        var request = Encoding.UTF8.GetBytes("SendTargets=All\0");
        await client.SendPduAsync(client.Text(request.Length), request);
        var answer = Encoding.UTF8.GetString((await client.ReceiveAsync(Opcode.TextResponse)).Data);
        await client.DisposeAsync();
        return answer;
    }
}

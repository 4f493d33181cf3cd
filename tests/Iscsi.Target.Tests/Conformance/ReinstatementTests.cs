using Iscsi.Protocol;
using Iscsi.Target.Tests.Raw;

namespace Iscsi.Target.Tests.Conformance;

/// <summary>A login of the same initiator and ISID replaces the session (RFC 7143, 6.3.5).</summary>
public sealed class ReinstatementTests
{
    [Fact]
    public async Task The_old_connection_is_closed_and_the_new_one_works_at_once()
    {
        await using var target = await RawTarget.StartAsync();
        var old = await target.LoginAsync();
        await old.WriteGoodAsync(0, RawClient.Pattern(1, 4096));
        await old.SendPduAsync(old.Write(8, 32)); // owes data: they will never come
        await old.ReceiveAsync(Opcode.ReadyToTransfer);

        var successor = await target.LoginAsync(new RawLogin { ClearsAttention = false });
        Assert.NotEqual(old.Tsih, successor.Tsih);
        await old.ExpectCloseAsync();
        await target.ExpectEndAsync(old, ConnectionEndReason.SessionReinstated);
        var (status, _) = await successor.RunAsync(successor.TestUnitReady());
        Assert.Equal("6/29/07", status.SenseText);
        Assert.Equal(RawClient.Pattern(1, 4096), await successor.ReadGoodAsync(0, 4096));
        await successor.WriteGoodAsync(0, RawClient.Pattern(2, 65536));
        Assert.Equal(RawClient.Pattern(2, 65536), await successor.ReadGoodAsync(0, 65536));
    }

    [Fact]
    public async Task Another_ISID_or_another_name_is_another_session()
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var first = await target.LoginAsync();
        var second = await target.LoginAsync(new RawLogin { Isid = 0x8000_0002_0000 });
        var third = await target.LoginAsync(new RawLogin { Initiator = "iqn.2026-11.net.example:other" });
        foreach (var client in new[] { first, second, third }) await client.ExpectAliveAsync();
    }

    [Fact]
    public async Task Old_IO_in_the_device_holds_the_unit_back_for_the_successor_until_it_has_ended()
    {
        await using var target = await RawTarget.StartAsync();
        var old = await target.LoginAsync();
        target.Gate.Close();
        await old.SendPduAsync(old.Write(0, 8, dataLength: 4096), RawClient.Pattern(1, 4096));
        await Poll.UntilAsync(() => target.Gate.Waiting == 1, () => "The write did not reach the device.");

        var successor = await target.LoginAsync(new RawLogin { ClearsAttention = false });
        await old.ExpectCloseAsync();
        await target.ExpectEndAsync(old, ConnectionEndReason.SessionReinstated);
        // The other unit is free; this one is not, or the old write could overtake the new one.
        var (status, _) = await successor.RunAsync(successor.TestUnitReady(lun: 1UL << 48));
        Assert.Equal("6/29/07", status.SenseText);
        var attention = successor.TestUnitReady();
        await successor.SendPduAsync(attention);
        await successor.ExpectAliveAsync();
        Assert.Equal(1, target.Gate.Waiting);

        target.Gate.Open();
        Assert.Equal(RawClient.IttOf(attention), (await successor.ReceiveAsync(Opcode.ScsiResponse)).Itt);
        await successor.WriteGoodAsync(0, RawClient.Pattern(2, 4096));
        Assert.Equal(RawClient.Pattern(2, 4096), await successor.ReadGoodAsync(0, 4096));
    }

    [Fact]
    public async Task A_session_is_replaced_again_and_again_without_losing_memory()
    {
        await using var target = await RawTarget.StartAsync(memoryBytes: 4L << 20);
        var clients = new List<RawClient>();
        for (var round = 0; round < 30; round++)
        {
            var client = await target.LoginAsync();
            clients.Add(client);
            var data = RawClient.Pattern(round, 262144);
            await client.WriteGoodAsync(0, data);
            Assert.Equal(data, await client.ReadGoodAsync(0, data.Length));
            if (round % 3 == 0) await client.SendPduAsync(client.Write(0, 512));
        }
        foreach (var old in clients.SkipLast(1)) await target.ExpectEndAsync(old, ConnectionEndReason.SessionReinstated);
    }

    [Fact]
    public async Task The_floor_of_a_lost_session_is_kept_for_30_seconds_and_then_given_back()
    {
        await using var target = await RawTarget.StartAsync();
        var client = await target.LoginAsync();
        client.Reset();
        await Poll.UntilAsync(() => target.Log.EndOf(client.LocalEndPoint) is not null, () => "The connection did not end.");
        var session = Assert.Single(target.Server.Core.Sessions.Snapshot(), s => s.InitiatorName == RawLogin.DefaultInitiator);
        await Poll.UntilAsync(() => session.OrphanedAt is not null, () => "It is no orphan.");
        await target.AdvanceAsync(TimeSpan.FromSeconds(29));
        Assert.Contains(session, target.Server.Core.Sessions.Snapshot());
        await target.AdvanceAsync(TimeSpan.FromSeconds(1.5));
        await Poll.UntilAsync(() => !target.Server.Core.Sessions.Snapshot().Contains(session), () => "The floor was not given back.");
    }

    [Fact]
    public async Task A_successor_that_logs_out_while_old_IO_is_in_the_device_leaves_its_memory_to_it()
    {
        await using var target = await RawTarget.StartAsync();
        var old = await target.LoginAsync();
        target.Gate.Close();
        await old.SendPduAsync(old.Write(0, 8, dataLength: 4096), RawClient.Pattern(1, 4096));
        await Poll.UntilAsync(() => target.Gate.Waiting == 1, () => "The write did not reach the device.");
        var successor = await target.LoginAsync(new RawLogin { ClearsAttention = false });
        await successor.SendPduAsync(successor.Logout(LogoutReason.CloseSession));
        await successor.ReceiveAsync(Opcode.LogoutResponse);
        await successor.ExpectCloseAsync();
        await target.ExpectEndAsync(successor, ConnectionEndReason.LoggedOut);
        await Poll.UntilAsync(() => !target.Server.Core.Sessions.Exists(successor.Tsih), () => "It is still there.");
        Assert.True(target.Server.Core.Sessions.Exists(old.Tsih));
        // The third one finds the first: the unit is held back for it too.
        var third = await target.LoginAsync(new RawLogin { ClearsAttention = false });
        var attention = third.TestUnitReady();
        await third.SendPduAsync(attention);
        await third.ExpectAliveAsync();
        target.Gate.Open();
        Assert.Equal(RawClient.IttOf(attention), (await third.ReceiveAsync(Opcode.ScsiResponse)).Itt);
        await third.WriteGoodAsync(0, RawClient.Pattern(2, 4096));
        Assert.Equal(RawClient.Pattern(2, 4096), await third.ReadGoodAsync(0, 4096));
    }

    [Fact]
    public async Task Logins_of_one_name_that_race_leave_one_session_and_no_fault()
    {
        await using var target = await RawTarget.StartAsync();
        for (var round = 0; round < 25; round++)
        {
            var clients = new List<RawClient>();
            for (var i = 0; i < 4; i++) clients.Add(await target.ConnectAsync());
            var text = new RawLogin().Text();
            await Task.WhenAll(clients.Select(c => c.SendPduAsync(c.LoginRequest(new RawLogin(), text.Length), text)));
            if (round % 2 == 0) clients[round % 4].Reset();
            foreach (var client in clients.Where((_, i) => round % 2 != 0 || i != round % 4)) await client.TryReceiveAsync();
        }
        // While those that lost the race are being closed they hold connection reserves: a login may be told to try again (3/02).
        RawClient last = null!;
        RawPdu response = null!;
        await Poll.UntilAsync(
            async () =>
            {
                last = await target.ConnectAsync();
                response = await last.TryLoginAsync(new RawLogin());
                if (response.LoginStatus != LoginStatus.OutOfResources) return true;
                await last.ExpectCloseAsync();
                return false;
            },
            () => $"There is never room again: {target.DescribeSessions()}");
        Assert.Equal(LoginStatus.Success, response.LoginStatus);
        for (var lun = 0; lun < RawTarget.UnitCount; lun++) await last.RunAsync(last.TestUnitReady((ulong)lun << 48, immediate: true));
        await last.WriteGoodAsync(0, RawClient.Pattern(1, 65536));
        Assert.Equal(RawClient.Pattern(1, 65536), await last.ReadGoodAsync(0, 65536));
        await Poll.UntilAsync(() => target.Server.Core.Sessions.Snapshot().Length == 2, () => $"Old sessions stay: {target.DescribeSessions()}");
    }
}

using System.Text;
using Iscsi.Protocol;
using Iscsi.Target.Tests.Raw;

namespace Iscsi.Target.Tests.Conformance;

/// <summary>NOP, Text, Logout, and how a server stops.</summary>
public sealed class ControlTests
{
    [Theory]
    [InlineData(0, false)]
    [InlineData(1, false)]
    [InlineData(5, true)]
    [InlineData(4096, true)]
    [InlineData(8192, false)]
    public async Task A_ping_is_answered_with_its_own_data(int length, bool immediate)
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var client = await target.LoginAsync();
        var data = RawClient.Pattern(1, length);
        var header = client.NopOut(immediate, dataLength: length);
        await client.SendPduAsync(header, data);
        var answer = await client.ReceiveAsync(Opcode.NopIn);
        Assert.Equal((RawClient.IttOf(header), TaskTag.Reserved), (answer.Itt, answer.Ttt));
        Assert.Equal(data, answer.Data);
        Assert.Equal(client.CmdSN, answer.ExpCmdSN);
    }

    [Fact]
    public async Task A_ping_is_answered_with_no_more_data_than_the_peer_receives()
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var client = await target.LoginAsync(new RawLogin { MaxRecvDataSegmentLength = 512 });
        await client.SendPduAsync(client.NopOut(dataLength: 1000), RawClient.Pattern(1, 1000));
        Assert.Equal(RawClient.Pattern(1, 1000).AsSpan(0, 512).ToArray(), (await client.ReceiveAsync(Opcode.NopIn)).Data);
    }

    [Fact]
    public async Task A_ping_with_more_data_than_a_slot_holds_is_drained_and_answered()
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var client = await target.LoginAsync(new RawLogin { MaxRecvDataSegmentLength = 65536 });
        var header = client.NopOut(dataLength: 20000);
        await client.SendPduAsync(header, RawClient.Pattern(1, 20000));
        Assert.Equal(RawClient.IttOf(header), (await client.ReceiveAsync(Opcode.NopIn)).Itt);
        Assert.Equal(20000, target.SessionOf(client).Counters.DrainedBytes);
        await client.ExpectAliveAsync();
    }

    [Fact]
    public async Task A_bare_NOP_Out_is_not_answered()
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var client = await target.LoginAsync();
        await client.SendPduAsync(client.NopOut(immediate: true, itt: TaskTag.Reserved, dataLength: 3), new byte[3]);
        await client.ExpectAliveAsync();
    }

    [Fact]
    public async Task A_silent_peer_is_pinged_when_pings_are_on_and_its_answer_keeps_it()
    {
        var limits = new TargetLimits { PingInterval = TimeSpan.FromSeconds(5), PingTimeout = TimeSpan.FromSeconds(3) };
        await using var target = await RawTarget.StartAsync(limits, witness: false);
        var client = await target.LoginAsync();
        for (var round = 0; round < 3; round++)
        {
            await target.AdvanceAsync(TimeSpan.FromSeconds(5.5));
            var ping = await client.ReceiveAsync(Opcode.NopIn);
            Assert.Equal((TaskTag.Reserved, client.ExpStatSN), (ping.Itt, ping.StatSN));
            Assert.NotEqual(TaskTag.Reserved, ping.Ttt);
            await client.SendPduAsync(client.NopOut(immediate: true, itt: TaskTag.Reserved, ttt: ping.Ttt));
            await client.ExpectAliveAsync();
        }
    }

    [Fact]
    public async Task A_peer_that_does_not_answer_a_ping_loses_its_connection()
    {
        var limits = new TargetLimits { PingInterval = TimeSpan.FromSeconds(5), PingTimeout = TimeSpan.FromSeconds(3) };
        await using var target = await RawTarget.StartAsync(limits, witness: false);
        var client = await target.LoginAsync();
        await target.AdvanceAsync(TimeSpan.FromSeconds(5.5));
        await client.ReceiveAsync(Opcode.NopIn);
        await client.ExpectAliveAsync(); // a sign of life, but not the answer
        await target.AdvanceAsync(TimeSpan.FromSeconds(3.5));
        await client.ExpectCloseAsync();
        await target.ExpectEndAsync(client, ConnectionEndReason.PingTimeout);
    }

    [Fact]
    public async Task No_peer_is_pinged_unless_pings_are_on()
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var client = await target.LoginAsync();
        await target.AdvanceAsync(TimeSpan.FromHours(1));
        await client.ExpectAliveAsync();
    }

    [Fact]
    public async Task SendTargets_in_a_discovery_session_lists_the_target_with_its_address()
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var client = await target.LoginAsync(new RawLogin { SessionType = "Discovery", Target = null });
        var text = await TextAsync(client, "SendTargets=All\0");
        Assert.Equal($"TargetName={RawTarget.TargetName}\0TargetAddress={target.Server.Endpoints[0]},1\0", text);
        client.ShutdownSend();
        await client.ExpectCloseAsync();
        await target.ExpectEndAsync(client, ConnectionEndReason.PeerClosed);
    }

    [Fact]
    public async Task A_discovery_session_ends_when_it_asks_for_nothing_for_a_minute_though_it_answers_pings()
    {
        await using var target = await RawTarget.StartAsync(new TargetLimits { PingInterval = TimeSpan.FromSeconds(10) }, witness: false);
        var client = await target.LoginAsync(new RawLogin { SessionType = "Discovery", Target = null });
        await client.ExpectAliveAsync();
        for (var i = 0; i < 5; i++)
        {
            await target.AdvanceAsync(TimeSpan.FromSeconds(11));
            var ping = await client.ReceiveAsync(Opcode.NopIn);
            await client.SendPduAsync(client.NopOut(immediate: true, itt: TaskTag.Reserved, ttt: ping.Ttt));
            await Poll.UntilAsync(() => target.Clock.GetElapsedTime(target.SessionOf(client).LastReceived) == TimeSpan.Zero, () => "The answer did not come.");
        }
        await target.AdvanceAsync(TimeSpan.FromSeconds(6));
        await client.ExpectCloseAsync();
        await target.ExpectEndAsync(client, ConnectionEndReason.DiscoveryIdle);
    }

    [Fact]
    public async Task SendTargets_in_a_normal_session_tells_of_its_own_target_and_refuses_All()
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var client = await target.LoginAsync();
        Assert.StartsWith($"TargetName={RawTarget.TargetName}\0TargetAddress=", await TextAsync(client, "SendTargets=\0"), StringComparison.Ordinal);
        Assert.Equal("SendTargets=Reject\0", await TextAsync(client, "SendTargets=All\0"));
        Assert.Equal("X-nonsense=NotUnderstood\0", await TextAsync(client, "X-nonsense=1\0"));
    }

    [Fact]
    public async Task MaxRecvDataSegmentLength_can_be_declared_anew_and_holds_from_then_on()
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var client = await target.LoginAsync();
        Assert.Equal("", await TextAsync(client, "MaxRecvDataSegmentLength=1024\0"));
        await client.SendPduAsync(client.Read(0, 8));
        for (var i = 0; i < 4; i++) Assert.Equal(1024, (await client.ReceiveAsync(Opcode.DataIn)).Data.Length);
        Assert.Equal("", await TextAsync(client, "MaxRecvDataSegmentLength=65536\0"));
        await client.SendPduAsync(client.Read(0, 8));
        Assert.Equal(4096, (await client.ReceiveAsync(Opcode.DataIn)).Data.Length);
    }

    [Fact]
    public async Task Text_in_parts_is_put_together()
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var client = await target.LoginAsync();
        var itt = client.NextItt();
        var first = Encoding.UTF8.GetBytes("SendTar");
        await client.SendPduAsync(client.Text(first.Length, final: false, continued: true, itt: itt), first);
        var go = await client.ReceiveAsync(Opcode.TextResponse);
        Assert.False(go.IsFinal);
        Assert.NotEqual(TaskTag.Reserved, go.Ttt);
        var second = Encoding.UTF8.GetBytes("gets=\0");
        await client.SendPduAsync(client.Text(second.Length, ttt: go.Ttt, itt: itt), second);
        var answer = await client.ReceiveAsync(Opcode.TextResponse);
        Assert.True(answer.IsFinal);
        Assert.StartsWith("TargetName=", Encoding.UTF8.GetString(answer.Data), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("no equals sign\0")]
    [InlineData("=\0")]
    [InlineData("SendTargets=\0SendTargets=\0")]
    [InlineData("MaxRecvDataSegmentLength=1\0")]
    [InlineData("not terminated=1")]
    public async Task Text_that_can_not_be_read_is_a_protocol_error_and_ends_the_connection(string text)
    {
        await using var target = await RawTarget.StartAsync();
        var client = await target.LoginAsync();
        var bytes = Encoding.UTF8.GetBytes(text);
        var header = client.Text(bytes.Length);
        await client.SendPduAsync(header, bytes);
        await target.ExpectRejectAndEndAsync(client, header, RejectReason.ProtocolError, ConnectionEndReason.NegotiationError);
    }

    [Fact]
    public async Task A_text_request_with_a_transfer_tag_that_names_nothing_is_a_protocol_error_and_ends_the_connection()
    {
        await using var target = await RawTarget.StartAsync();
        var client = await target.LoginAsync();
        var header = client.Text(0, ttt: 0x4711);
        await client.SendPduAsync(header);
        await target.ExpectRejectAndEndAsync(client, header, RejectReason.ProtocolError, ConnectionEndReason.NegotiationError);
    }

    [Theory]
    [InlineData(LogoutReason.CloseSession, 0)]
    [InlineData(LogoutReason.CloseSession, 99)]
    [InlineData(LogoutReason.CloseConnection, 1)]
    public async Task A_logout_is_answered_and_the_connection_closed_and_the_session_gone(LogoutReason reason, ushort cid)
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var client = await target.LoginAsync();
        var header = client.Logout(reason, cid);
        await client.SendPduAsync(header);
        var answer = await client.ReceiveAsync(Opcode.LogoutResponse);
        Assert.Equal((RawClient.IttOf(header), (byte)LogoutResponse.Success), (answer.Itt, answer.Response));
        await client.ExpectCloseAsync();
        await target.ExpectEndAsync(client, ConnectionEndReason.LoggedOut);
        await Poll.UntilAsync(() => target.Server.Core.Sessions.Snapshot().Length == 0, () => "The session is still there.");
    }

    [Fact]
    public async Task A_session_that_logs_out_with_nothing_in_progress_is_gone_whether_or_not_the_initiator_closes()
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var client = await target.LoginAsync();
        await client.SendPduAsync(client.Logout(LogoutReason.CloseSession));
        await client.ReceiveAsync(Opcode.LogoutResponse);
        // The clock stands still: nothing is waited for.
        await Poll.UntilAsync(() => target.Server.Core.Sessions.Snapshot().Length == 0, () => "The session is still there.");
        await client.ExpectCloseAsync();
    }

    [Fact]
    public async Task A_logout_is_not_lost_to_data_that_come_after_it_for_a_command_in_progress()
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var client = await target.LoginAsync();
        await client.SendPduAsync(client.Write(0, 64));
        var r2t = await client.ReceiveAsync(Opcode.ReadyToTransfer);
        await client.SendPduAsync(client.Logout(LogoutReason.CloseSession));
        await client.SendSequenceAsync(r2t, new byte[64 * 512]);
        Assert.Equal((byte)LogoutResponse.Success, (await client.ReceiveAsync(Opcode.LogoutResponse)).Response);
        await client.SendSequenceAsync(r2t, new byte[64 * 512]);
        await client.ExpectCloseAsync();
    }

    [Theory]
    [InlineData(LogoutReason.CloseConnection, 2, LogoutResponse.CidNotFound)]
    [InlineData(LogoutReason.RemoveConnectionForRecovery, 1, LogoutResponse.RecoveryNotSupported)]
    public async Task A_logout_that_can_not_be_done_is_answered_and_the_connection_lives(LogoutReason reason, ushort cid, LogoutResponse response)
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var client = await target.LoginAsync();
        await client.SendPduAsync(client.Logout(reason, cid));
        Assert.Equal((byte)response, (await client.ReceiveAsync(Opcode.LogoutResponse)).Response);
        await client.ExpectAliveAsync();
    }

    [Fact]
    public async Task A_logout_reason_that_does_not_exist_is_an_invalid_field_and_ends_the_connection()
    {
        await using var target = await RawTarget.StartAsync();
        var client = await target.LoginAsync();
        var header = client.Logout((LogoutReason)77);
        await client.SendPduAsync(header);
        await target.ExpectRejectAndEndAsync(client, header, RejectReason.InvalidPduField, ConnectionEndReason.InvalidPduField);
    }

    [Fact]
    public async Task A_logout_with_tasks_in_progress_answers_none_of_them_after_it()
    {
        await using var target = await RawTarget.StartAsync();
        var client = await target.LoginAsync();
        target.Gate.Close();
        await client.SendPduAsync(client.Read(0, 8));
        await Poll.UntilAsync(() => target.Gate.Waiting == 1, () => "The read did not reach the device.");
        await client.SendPduAsync(client.Logout(LogoutReason.CloseSession, immediate: true));
        await client.ReceiveAsync(Opcode.LogoutResponse);
        target.Gate.Open();
        await client.ExpectCloseAsync();
        await target.ExpectEndAsync(client, ConnectionEndReason.LoggedOut);
    }

    [Fact]
    public async Task A_server_that_stops_tells_its_sessions_and_refuses_new_ones()
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var client = await target.LoginAsync();
        await client.WriteGoodAsync(0, RawClient.Pattern(1, 4096));
        var stop = target.Server.StopAsync();
        var told = await client.ReceiveAsync(Opcode.AsyncMessage);
        Assert.Equal((byte)AsyncEvent.ConnectionDropped, (byte)(told.At(36) >> 24));
        await client.ExpectCloseAsync();
        await target.ExpectEndAsync(client, ConnectionEndReason.ServerStopping);
        await stop;
    }

    [Fact]
    public async Task A_server_that_stops_answers_what_is_in_progress_takes_nothing_new_and_leaks_nothing()
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var client = await target.LoginAsync();
        target.Gate.Close();
        await client.SendPduAsync(client.Write(0, 8, dataLength: 4096), RawClient.Pattern(1, 4096));
        await Poll.UntilAsync(() => target.Gate.Waiting == 1, () => "The write did not reach the device.");
        var stop = target.Server.StopAsync();
        var session = target.SessionOf(client);
        await Poll.UntilAsync(() => session.IsDraining, () => "The session was not told to drain.");
        await client.SendPduAsync(client.Read(0, 8));
        await Poll.UntilAsync(() => session.Counters.IgnoredCommands == 1, () => "The read was not ignored.");
        Assert.False(stop.IsCompleted);
        target.Gate.Open();
        Assert.Equal(ScsiStatus.Good, (await client.ReceiveAsync(Opcode.ScsiResponse)).Status);
        await client.ReceiveAsync(Opcode.AsyncMessage);
        await client.ExpectCloseAsync();
        await stop;
        Assert.Empty(target.Server.Core.Sessions.Snapshot());
    }

    private static async Task<string> TextAsync(RawClient client, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        await client.SendPduAsync(client.Text(bytes.Length), bytes);
        var answer = await client.ReceiveAsync(Opcode.TextResponse);
        Assert.True(answer.IsFinal);
        return Encoding.UTF8.GetString(answer.Data);
    }
}

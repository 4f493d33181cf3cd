using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;

namespace Iscsi.Target.Tests.Raw;

/// <summary>CmdSN on the wire: what is outside the window, twice there, or missing (RFC 7143, 4.2.2.1; 11.6.1).</summary>
public sealed class CommandWindowTests
{
    [Fact]
    public async Task A_tag_is_free_for_the_next_command_once_the_status_is_out_although_the_rest_of_its_batch_waits()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "segments are made small by an option of Linux");
        await using var target = await RawTarget.StartAsync(witness: false);
        // Small segments and a small window keep the target's socket from taking the whole batch.
        var client = await target.LoginAsync(configure: static socket =>
        {
            socket.SetRawSocketOption(6, 2, [24, 2, 0, 0]); // TCP_MAXSEG 536
            socket.ReceiveBufferSize = 4096;
        });
        const uint tag = 7;
        var small = client.Command(RawClient.Read10(0, 1), 512, read: true, itt: tag);
        var large = client.Read(0, 2048);
        await client.SendAsync(new[] { small, large }.SelectMany(header => client.Frame(header)).ToArray());
        Assert.Equal(tag, (await client.ReceiveAsync(Opcode.DataIn)).Itt);
        await client.SendPduAsync(client.Command(RawClient.Read10(0, 1), 512, read: true, itt: tag));
        var ended = new HashSet<uint>();
        while (ended.Count < 2)
        {
            var pdu = await client.ReceiveAsync(Opcode.DataIn);
            if (pdu.HasStatus) Assert.True(ended.Add(pdu.Itt) && pdu.Status == ScsiStatus.Good);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_command_outside_the_window_is_ignored_its_data_drained_and_the_connection_lives(bool behind)
    {
        await using var target = await RawTarget.StartAsync();
        var client = await target.LoginAsync();
        var counters = target.SessionOf(client).Counters;
        var outside = behind ? client.ExpCmdSN - 1 : client.MaxCmdSN + 1;
        await client.SendPduAsync(client.Write(0, 8, dataLength: 4096, cmdSN: outside), RawClient.Pattern(1, 4096));
        await client.ExpectAliveAsync();
        Assert.Equal(1, counters.IgnoredCommands);
        Assert.Equal(4096, counters.DrainedBytes);
        Assert.Equal(new byte[4096], await client.ReadGoodAsync(0, 4096));
    }

    [Fact]
    public async Task The_unsolicited_data_of_an_ignored_command_are_drained_to_their_end_and_not_beyond()
    {
        await using var target = await RawTarget.StartAsync();
        var client = await target.LoginAsync();
        var counters = target.SessionOf(client).Counters;
        var command = client.Write(0, 16, final: false, cmdSN: client.MaxCmdSN + 5);
        await client.SendPduAsync(command);
        var itt = RawClient.IttOf(command);
        await client.SendPduAsync(client.DataOut(itt, TaskTag.Reserved, 0, 4096, final: false), new byte[4096]);
        await client.SendPduAsync(client.DataOut(itt, TaskTag.Reserved, 4096, 4096, dataSN: 1), new byte[4096]);
        await client.ExpectAliveAsync();
        Assert.Equal(1, counters.IgnoredCommands);
        Assert.Equal(8192, counters.DrainedBytes);

        var beyond = client.DataOut(itt, TaskTag.Reserved, 8192, 0, dataSN: 2);
        await client.SendPduAsync(beyond);
        await target.ExpectRejectAndEndAsync(client, beyond, RejectReason.ProtocolError, ConnectionEndReason.InvalidTag);
    }

    [Fact]
    public async Task A_duplicate_is_ignored_and_counted_whether_it_was_executed_or_is_held()
    {
        await using var target = await RawTarget.StartAsync();
        var client = await target.LoginAsync();
        var counters = target.SessionOf(client).Counters;
        var first = client.CmdSN;
        await client.SendPduAsync(client.TestUnitReady(cmdSN: first + 1)); // held: the one before it is missing
        await client.SendPduAsync(client.TestUnitReady(cmdSN: first + 1));
        await client.ExpectAliveAsync();
        Assert.Equal(1, counters.IgnoredCommands);

        var missing = client.TestUnitReady(cmdSN: first);
        await client.SendPduAsync(missing);
        Assert.Equal(RawClient.IttOf(missing), (await client.ReceiveAsync(Opcode.ScsiResponse)).Itt);
        await client.ReceiveAsync(Opcode.ScsiResponse);
        await client.SendPduAsync(client.TestUnitReady(cmdSN: first));
        client.CmdSN = first + 2;
        await client.ExpectAliveAsync();
        Assert.Equal(2, counters.IgnoredCommands);
    }

    [Fact]
    public async Task Commands_behind_a_hole_are_held_and_executed_in_order_when_it_is_filled()
    {
        await using var target = await RawTarget.StartAsync();
        var client = await target.LoginAsync();
        var first = client.CmdSN;
        var data = Enumerable.Range(0, 4).Select(i => RawClient.Pattern(i, 4096)).ToArray();
        var commands = Enumerable.Range(0, 4).Select(i => client.Write(0, 8, dataLength: 4096, cmdSN: first + (uint)i)).ToArray();
        for (var i = 3; i > 0; i--) await client.SendPduAsync(commands[i], data[i]);
        await client.ExpectAliveAsync();
        Assert.Equal(first, client.ExpCmdSN);

        await client.SendPduAsync(commands[0], data[0]);
        foreach (var command in commands) Assert.Equal(RawClient.IttOf(command), (await client.ReceiveAsync(Opcode.ScsiResponse)).Itt);
        client.CmdSN = first + 4;
        Assert.Equal(data[3], await client.ReadGoodAsync(0, 4096));
    }

    [Fact]
    public async Task A_write_behind_a_hole_takes_its_unsolicited_data_and_waits_for_its_turn()
    {
        await using var target = await RawTarget.StartAsync();
        var client = await target.LoginAsync();
        var first = client.CmdSN;
        // Without InitialR2T=No the data are unexpected, and the command is answered so; but not before its turn has come.
        var write = client.Write(0, 8, final: false, cmdSN: first + 1);
        await client.SendPduAsync(write);
        await client.SendPduAsync(client.DataOut(RawClient.IttOf(write), TaskTag.Reserved, 0, 4096), RawClient.Pattern(1, 4096));
        var behind = client.TestUnitReady(cmdSN: first + 2);
        await client.SendPduAsync(behind);
        await client.ExpectAliveAsync();
        Assert.Equal(first, client.ExpCmdSN);

        var missing = client.TestUnitReady(cmdSN: first);
        await client.SendPduAsync(missing);
        Assert.Equal(RawClient.IttOf(missing), (await client.ReceiveAsync(Opcode.ScsiResponse)).Itt);
        var answer = await client.ReceiveAsync(Opcode.ScsiResponse);
        Assert.Equal(RawClient.IttOf(write), answer.Itt);
        Assert.Equal(ScsiStatus.CheckCondition, answer.Status);
        Assert.Equal(RawClient.IttOf(behind), (await client.ReceiveAsync(Opcode.ScsiResponse)).Itt);
        client.CmdSN = first + 3;
        Assert.Equal(new byte[4096], await client.ReadGoodAsync(0, 4096));
        await client.ExpectAliveAsync();
        Assert.Equal(8u, client.MaxCmdSN - client.ExpCmdSN + 1);
    }

    [Fact]
    public async Task A_write_behind_a_hole_is_aborted_while_its_unsolicited_data_come_in()
    {
        await using var target = await RawTarget.StartAsync();
        var client = await target.LoginAsync();
        var first = client.CmdSN;
        var write = client.Write(0, 8, final: false, cmdSN: first + 1);
        await client.SendPduAsync(write);
        await client.SendPduAsync(client.DataOut(RawClient.IttOf(write), TaskTag.Reserved, 0, 2048, final: false), RawClient.Pattern(1, 2048));
        await client.SendPduAsync(client.TaskManagement(TaskManagementFunction.AbortTask, RawClient.IttOf(write), refCmdSN: first + 1));
        Assert.Equal((byte)TaskManagementResponse.FunctionComplete, (await client.ReceiveAsync(Opcode.TaskManagementResponse)).Response);
        await client.SendPduAsync(client.DataOut(RawClient.IttOf(write), TaskTag.Reserved, 2048, 2048, dataSN: 1), RawClient.Pattern(2, 2048));

        var missing = client.TestUnitReady(cmdSN: first);
        await client.SendPduAsync(missing);
        Assert.Equal(RawClient.IttOf(missing), (await client.ReceiveAsync(Opcode.ScsiResponse)).Itt);
        client.CmdSN = first + 2;
        Assert.Equal(new byte[4096], await client.ReadGoodAsync(0, 4096));
        await client.ExpectAliveAsync();
        Assert.Equal(8u, client.MaxCmdSN - client.ExpCmdSN + 1);
    }

    [Fact]
    public async Task A_hole_that_stays_for_its_limit_ends_the_session_and_not_before()
    {
        await using var target = await RawTarget.StartAsync();
        var client = await target.LoginAsync();
        await client.SendPduAsync(client.Write(0, 8, dataLength: 4096, cmdSN: client.CmdSN + 1), RawClient.Pattern(1, 4096));
        await client.ExpectAliveAsync();
        await target.AdvanceAsync(TimeSpan.FromSeconds(9.4));
        await client.ExpectAliveAsync();
        await target.AdvanceAsync(TimeSpan.FromSeconds(1.1));
        await client.ExpectCloseAsync();
        await target.ExpectEndAsync(client, ConnectionEndReason.CommandHoleTimeout);

        var second = await target.LoginAsync();
        Assert.Equal(new byte[4096], await second.ReadGoodAsync(0, 4096)); // the held write was never executed
    }

    [Fact]
    public async Task ABORT_TASK_of_a_command_that_never_came_fills_its_hole()
    {
        await using var target = await RawTarget.StartAsync();
        var client = await target.LoginAsync();
        var missing = client.CmdSN++;
        var held = client.TestUnitReady();
        await client.SendPduAsync(held);
        await client.SendPduAsync(client.TaskManagement(TaskManagementFunction.AbortTask, 0x7777, refCmdSN: missing));
        var answers = new[] { await client.ReceiveAsync(), await client.ReceiveAsync() };
        Assert.Contains(answers, a => a.Opcode == Opcode.ScsiResponse && a.Itt == RawClient.IttOf(held) && a.Status == ScsiStatus.Good);
        Assert.Contains(answers, a => a.Opcode == Opcode.TaskManagementResponse && a.Response == (byte)TaskManagementResponse.FunctionComplete);
        // Its number counts as received: the command itself comes too late.
        await client.SendPduAsync(client.TestUnitReady(cmdSN: missing));
        await client.ExpectAliveAsync();
        Assert.Equal(1, target.SessionOf(client).Counters.IgnoredCommands);
        // The slot of the hole came back: the window is as wide as ever.
        Assert.Equal(8u, client.MaxCmdSN - client.ExpCmdSN + 1);
    }

    [Theory]
    [InlineData(100)]
    [InlineData(-1)]
    public async Task ABORT_TASK_of_an_unknown_task_outside_the_window_says_that_it_does_not_exist(int refOffset)
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var client = await target.LoginAsync();
        await client.SendPduAsync(client.TaskManagement(TaskManagementFunction.AbortTask, 0x7777, refCmdSN: (uint)(client.CmdSN + refOffset)));
        var answer = await client.ReceiveAsync(Opcode.TaskManagementResponse);
        Assert.Equal(TaskManagementResponse.TaskDoesNotExist, (TaskManagementResponse)answer.Response);
        Assert.Equal(client.CmdSN, answer.ExpCmdSN);
    }

    [Fact]
    public async Task A_task_tag_in_use_is_a_protocol_error_and_ends_the_connection()
    {
        await using var target = await RawTarget.StartAsync();
        var client = await target.LoginAsync();
        var first = client.Write(0, 32);
        await client.SendPduAsync(first);
        await client.ReceiveAsync(Opcode.ReadyToTransfer);
        var second = client.Command(new byte[6], itt: RawClient.IttOf(first));
        await client.SendPduAsync(second);
        await target.ExpectRejectAndEndAsync(client, second, RejectReason.ProtocolError, ConnectionEndReason.InvalidTag);
    }

    [Fact]
    public async Task The_reserved_task_tag_on_a_command_is_a_protocol_error_and_ends_the_connection()
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var client = await target.LoginAsync();
        var header = client.Command(new byte[6], itt: TaskTag.Reserved);
        await client.SendPduAsync(header);
        await target.ExpectRejectAndEndAsync(client, header, RejectReason.ProtocolError, ConnectionEndReason.InvalidTag);
    }

    [Fact]
    public async Task Immediate_requests_beyond_the_reserve_are_rejected_and_the_connection_lives()
    {
        await using var target = await RawTarget.StartAsync();
        var client = await target.LoginAsync();
        target.Gate.Close();
        // Two immediate SCSI commands have a place; both are in the device.
        for (var i = 0; i < 2; i++)
            await client.SendPduAsync(client.Command(RawClient.Read10(0, 8), 4096, read: true, immediate: true));
        await Poll.UntilAsync(() => target.Gate.Waiting == 2, () => "The reads did not reach the device.");
        var third = client.Command(RawClient.Read10(0, 8), 4096, read: true, immediate: true);
        await client.SendPduAsync(third);
        await client.ExpectRejectAsync(RejectReason.ImmediateCommandReject, third);
        await client.ExpectAliveAsync();
        target.Gate.Open();
        for (var i = 0; i < 2; i++) Assert.True((await client.ReceiveAsync(Opcode.DataIn)).HasStatus);
        var again = client.Command(RawClient.Read10(0, 8), 4096, read: true, immediate: true);
        var (status, _) = await client.RunAsync(again);
        Assert.Equal(ScsiStatus.Good, status.Status);
    }

    [Fact]
    public async Task A_peer_that_has_used_its_window_is_told_of_the_new_one_by_one_empty_NOP_In_after_a_millisecond()
    {
        // A window of one: the status in a Data-In leaves before the command's slot is free, so it can't open the next number.
        await using var target = await RawTarget.StartAsync(new TargetLimits { WindowFloor = 1 }, witness: false);
        var client = await target.LoginAsync();
        await client.SendPduAsync(client.Read(0, 8));
        var status = await client.ReceiveAsync(Opcode.DataIn);
        Assert.Equal(client.CmdSN - 1, status.MaxCmdSN);
        var told = status.MaxCmdSN;
        var statSN = client.ExpStatSN;

        var seen = new List<RawPdu>();
        await Poll.UntilAsync(
            () =>
            {
                target.Clock.Advance(TimeSpan.FromMilliseconds(1));
                return target.SessionOf(client).Window.Advertised != told;
            },
            () => "The window was not told.");
        await client.SendPduAsync(client.NopOut(immediate: true, itt: 0xAAAA));
        while (true)
        {
            var pdu = (await client.TryReceiveAnyAsync())!;
            Assert.Equal(Opcode.NopIn, pdu.Opcode);
            if (pdu.Itt == 0xAAAA) break;
            seen.Add(pdu);
        }
        var nop = Assert.Single(seen);
        Assert.Equal((TaskTag.Reserved, TaskTag.Reserved), (nop.Itt, nop.Ttt));
        Assert.Empty(nop.Data);
        Assert.Equal(statSN, nop.StatSN); // not advanced
        Assert.Equal(client.CmdSN, nop.MaxCmdSN);
        Assert.Equal(statSN + 1, client.ExpStatSN); // only the echo's status counted
    }
}

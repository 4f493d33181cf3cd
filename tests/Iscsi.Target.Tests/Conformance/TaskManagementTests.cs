using Iscsi.Protocol;
using Iscsi.Target.Tests.Raw;

namespace Iscsi.Target.Tests.Conformance;

/// <summary>ABORT TASK, LOGICAL UNIT RESET and their likes, with the affected task in every place it can be (RFC 7143, 4.2.3, 11.5, 11.6).</summary>
public sealed class TaskManagementTests
{
    [Fact]
    public async Task ABORT_TASK_of_a_write_that_waits_for_data_is_answered_and_late_data_are_drained()
    {
        await using var target = await RawTarget.StartAsync();
        var client = await target.LoginAsync();
        var write = client.Write(0, 16);
        await client.SendPduAsync(write);
        var r2t = await client.ReceiveAsync(Opcode.ReadyToTransfer);
        await client.SendPduAsync(client.TaskManagement(TaskManagementFunction.AbortTask, RawClient.IttOf(write), RawClient.CmdSNOf(write)));
        await ExpectAnswerAsync(client, TaskManagementResponse.FunctionComplete);
        // On their way already: drained, up to the end of the sequence, and never stored.
        await client.SendPduAsync(client.DataOut(r2t.Itt, r2t.Ttt, 0, 4096, final: false), RawClient.Pattern(1, 4096));
        await client.SendPduAsync(client.DataOut(r2t.Itt, r2t.Ttt, 4096, 4096, dataSN: 1), RawClient.Pattern(1, 4096));
        await client.ExpectAliveAsync();
        Assert.Equal(new byte[8192], await client.ReadGoodAsync(0, 8192));
        Assert.Equal(8192, target.SessionOf(client).Counters.DrainedBytes);

        var beyond = client.DataOut(r2t.Itt, r2t.Ttt, 8192, 512, dataSN: 2);
        await client.SendPduAsync(beyond, new byte[512]);
        await target.ExpectRejectAndEndAsync(client, beyond, RejectReason.ProtocolError, ConnectionEndReason.InvalidTag);
    }

    [Fact]
    public async Task ABORT_TASK_of_a_command_that_owes_unsolicited_data_drains_them_when_they_come_late()
    {
        await using var target = await RawTarget.StartAsync();
        var client = await target.LoginAsync();
        var write = client.Write(0, 16, final: false);
        await client.SendPduAsync(write);
        await client.SendPduAsync(client.TaskManagement(TaskManagementFunction.AbortTask, RawClient.IttOf(write), RawClient.CmdSNOf(write)));
        await ExpectAnswerAsync(client, TaskManagementResponse.FunctionComplete);
        await client.SendPduAsync(client.DataOut(RawClient.IttOf(write), TaskTag.Reserved, 0, 4096), RawClient.Pattern(1, 4096));
        await client.ExpectAliveAsync();
        Assert.Equal(new byte[4096], await client.ReadGoodAsync(0, 4096));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task ABORT_TASK_of_a_task_in_the_device_is_answered_when_its_IO_has_ended_and_the_task_never_is(bool write)
    {
        await using var target = await RawTarget.StartAsync();
        var client = await target.LoginAsync();
        target.Gate.Close();
        var command = write ? client.Write(0, 8, dataLength: 4096) : client.Read(0, 8);
        await client.SendPduAsync(command, write ? RawClient.Pattern(1, 4096) : []);
        await Poll.UntilAsync(() => target.Gate.Waiting == 1, () => "It did not reach the device.");
        await client.SendPduAsync(client.TaskManagement(TaskManagementFunction.AbortTask, RawClient.IttOf(command), RawClient.CmdSNOf(command)));
        await client.ExpectAliveAsync(); // not answered yet
        target.Gate.Open();
        await ExpectAnswerAsync(client, TaskManagementResponse.FunctionComplete);
        await client.ExpectAliveAsync(); // and nothing after it
    }

    [Fact]
    public async Task ABORT_TASK_of_a_held_command_ends_it_and_its_number_stays_received()
    {
        await using var target = await RawTarget.StartAsync();
        var client = await target.LoginAsync();
        var missing = client.CmdSN++;
        var held = client.Write(0, 8, dataLength: 4096);
        await client.SendPduAsync(held, RawClient.Pattern(1, 4096));
        await client.SendPduAsync(client.TaskManagement(TaskManagementFunction.AbortTask, RawClient.IttOf(held), RawClient.CmdSNOf(held)));
        await ExpectAnswerAsync(client, TaskManagementResponse.FunctionComplete);
        var filler = client.TestUnitReady(cmdSN: missing);
        await client.SendPduAsync(filler);
        Assert.Equal(RawClient.IttOf(filler), (await client.ReceiveAsync(Opcode.ScsiResponse)).Itt);
        Assert.Equal(new byte[4096], await client.ReadGoodAsync(0, 4096));
        Assert.Equal(client.CmdSN, client.ExpCmdSN);
    }

    [Fact]
    public async Task ABORT_TASK_of_a_dormant_task_ends_it_before_it_runs()
    {
        await using var target = await RawTarget.StartAsync();
        var client = await target.LoginAsync();
        target.Gate.Close();
        var first = client.Read(0, 8);
        await client.SendPduAsync(first);
        var ordered = client.Write(0, 8, dataLength: 4096, attribute: TaskAttribute.Ordered);
        await client.SendPduAsync(ordered, RawClient.Pattern(1, 4096));
        await client.SendPduAsync(client.TaskManagement(TaskManagementFunction.AbortTask, RawClient.IttOf(ordered), RawClient.CmdSNOf(ordered)));
        await ExpectAnswerAsync(client, TaskManagementResponse.FunctionComplete);
        target.Gate.Open();
        Assert.Equal(RawClient.IttOf(first), (await client.ReceiveAsync(Opcode.DataIn)).Itt);
        Assert.Equal(new byte[4096], await client.ReadGoodAsync(0, 4096));
    }

    [Fact]
    public async Task An_aborted_IO_that_is_stuck_for_25_seconds_ends_the_session_and_its_memory_comes_back_when_it_ends()
    {
        await using var target = await RawTarget.StartAsync();
        var client = await target.LoginAsync();
        target.Gate.Close();
        var write = client.Write(0, 8, dataLength: 4096);
        await client.SendPduAsync(write, RawClient.Pattern(1, 4096));
        await Poll.UntilAsync(() => target.Gate.Waiting == 1, () => "It did not reach the device.");
        await client.SendPduAsync(client.TaskManagement(TaskManagementFunction.AbortTask, RawClient.IttOf(write), RawClient.CmdSNOf(write)));
        await client.ExpectAliveAsync();
        await target.AdvanceAsync(TimeSpan.FromSeconds(25.5));
        await client.ExpectCloseAsync();
        await target.ExpectEndAsync(client, ConnectionEndReason.StoreStuck);
        var session = Assert.Single(target.Server.Core.Sessions.Snapshot(), s => s.InitiatorName == RawLogin.DefaultInitiator);
        Assert.Null(session.OrphanedAt); // a zombie: its task still holds its memory
        target.Gate.Open();
        await Poll.UntilAsync(() => session.OrphanedAt is not null, () => "The task did not end.");
    }

    [Fact]
    public async Task A_LOGICAL_UNIT_RESET_ends_the_tasks_of_all_sessions_and_tells_them_29_03()
    {
        await using var target = await RawTarget.StartAsync();
        var resetter = await target.LoginAsync();
        var other = await target.LoginAsync(new RawLogin { Initiator = "iqn.2026-11.net.example:other" });
        target.Gate.Close();
        await resetter.SendPduAsync(resetter.Read(0, 8));
        var read = other.Read(0, 8);
        await other.SendPduAsync(read);
        await target.ExpectAtGateAsync(2, resetter, other);
        await resetter.SendPduAsync(resetter.TaskManagement(TaskManagementFunction.LogicalUnitReset));
        await target.ExpectStoppedAsync(other, read);
        await resetter.ExpectAliveAsync(); // it waits for both
        target.Gate.Open();
        await ExpectAnswerAsync(resetter, TaskManagementResponse.FunctionComplete);
        foreach (var client in new[] { resetter, other })
        {
            await client.ExpectAliveAsync(); // neither read is ever answered
            var (status, _) = await client.RunAsync(client.TestUnitReady());
            Assert.Equal("6/29/03", status.SenseText);
            (status, _) = await client.RunAsync(client.TestUnitReady());
            Assert.Equal(ScsiStatus.Good, status.Status);
            // The other unit was not reset.
            (status, _) = await client.RunAsync(client.TestUnitReady(lun: 1UL << 48));
            Assert.Equal(ScsiStatus.Good, status.Status);
        }
    }

    [Fact]
    public async Task A_LOGICAL_UNIT_RESET_waits_for_the_data_owed_to_it_and_no_task_is_answered_after_it()
    {
        await using var target = await RawTarget.StartAsync();
        var client = await target.LoginAsync();
        await client.SendPduAsync(client.Write(0, 16));
        var r2t = await client.ReceiveAsync(Opcode.ReadyToTransfer);
        await client.SendPduAsync(client.TaskManagement(TaskManagementFunction.LogicalUnitReset));
        await client.ExpectAliveAsync(); // not answered: 8 KiB are owed
        await client.SendPduAsync(client.DataOut(r2t.Itt, r2t.Ttt, 0, 4096, final: false), RawClient.Pattern(1, 4096));
        await client.ExpectAliveAsync();
        await client.SendPduAsync(client.DataOut(r2t.Itt, r2t.Ttt, 4096, 4096, dataSN: 1), RawClient.Pattern(1, 4096));
        await ExpectAnswerAsync(client, TaskManagementResponse.FunctionComplete);
        await client.ExpectAliveAsync();
        await client.RunAsync(client.TestUnitReady());
        Assert.Equal(new byte[8192], await client.ReadGoodAsync(0, 8192));
    }

    [Theory]
    [InlineData(TaskManagementFunction.LogicalUnitReset)]
    [InlineData(TaskManagementFunction.AbortTaskSet)]
    [InlineData(TaskManagementFunction.ClearTaskSet)]
    public async Task A_reset_gives_owed_data_up_after_a_second_without_progress_and_drains_them_later(TaskManagementFunction function)
    {
        await using var target = await RawTarget.StartAsync();
        var client = await target.LoginAsync();
        await client.SendPduAsync(client.Write(0, 16));
        var r2t = await client.ReceiveAsync(Opcode.ReadyToTransfer);
        await client.SendPduAsync(client.TaskManagement(function));
        await client.ExpectAliveAsync();
        await target.AdvanceAsync(TimeSpan.FromMilliseconds(900));
        await client.SendPduAsync(client.DataOut(r2t.Itt, r2t.Ttt, 0, 4096, final: false), RawClient.Pattern(1, 4096)); // progress
        await client.ExpectAliveAsync();
        await target.AdvanceAsync(TimeSpan.FromMilliseconds(900));
        await client.ExpectAliveAsync();
        await target.AdvanceAsync(TimeSpan.FromMilliseconds(700));
        await ExpectAnswerAsync(client, TaskManagementResponse.FunctionComplete);
        await client.SendPduAsync(client.DataOut(r2t.Itt, r2t.Ttt, 4096, 4096, dataSN: 1), RawClient.Pattern(1, 4096));
        await client.ExpectAliveAsync();
    }

    [Fact]
    public async Task A_connection_that_ends_while_a_reset_waits_for_its_data_leaves_nothing_behind()
    {
        await using var target = await RawTarget.StartAsync();
        var resetter = await target.LoginAsync();
        var owing = await target.LoginAsync(new RawLogin { Initiator = "iqn.2026-11.net.example:owing" });
        await owing.SendPduAsync(owing.Write(0, 16));
        await owing.ReceiveAsync(Opcode.ReadyToTransfer);
        await resetter.SendPduAsync(resetter.TaskManagement(TaskManagementFunction.LogicalUnitReset));
        await resetter.ExpectAliveAsync();
        owing.Reset();
        await ExpectAnswerAsync(resetter, TaskManagementResponse.FunctionComplete);
        await Poll.UntilAsync(() => target.Log.EndOf(owing.LocalEndPoint) is not null, () => "The connection did not end.");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_reset_starts_none_of_the_dormant_tasks_it_ends(bool byOther)
    {
        await using var target = await RawTarget.StartAsync();
        var client = await target.LoginAsync();
        var other = await target.LoginAsync(new RawLogin { Initiator = "iqn.2026-11.net.example:other" });
        target.Gate.Close();
        var read = client.Read(0, 8);
        await client.SendPduAsync(read);
        await client.SendPduAsync(client.TestUnitReady(attribute: TaskAttribute.Ordered)); // waits for the read
        await client.SendPduAsync(client.TestUnitReady()); // waits for the ORDERED one, and could run once that has ended
        await target.ExpectAtGateAsync(1, client);
        await client.ExpectAliveAsync();
        var resetter = byOther ? other : client;
        await resetter.SendPduAsync(resetter.TaskManagement(TaskManagementFunction.LogicalUnitReset));
        await target.ExpectStoppedAsync(client, read);
        await resetter.ExpectAliveAsync();
        target.Gate.Open();
        await ExpectAnswerAsync(resetter, TaskManagementResponse.FunctionComplete);
        await client.ExpectAliveAsync(); // none of the three was answered
    }

    [Fact]
    public async Task Resets_of_two_sessions_that_wait_for_the_same_task_are_both_answered()
    {
        await using var target = await RawTarget.StartAsync();
        var client = await target.LoginAsync();
        var resetters = new[]
        {
            await target.LoginAsync(new RawLogin { Initiator = "iqn.2026-11.net.example:one" }),
            await target.LoginAsync(new RawLogin { Initiator = "iqn.2026-11.net.example:two" }),
        };
        target.Gate.Close();
        await client.SendPduAsync(client.Read(0, 8));
        await Poll.UntilAsync(() => target.Gate.Waiting == 1, () => "The read did not reach the device.");
        foreach (var resetter in resetters)
        {
            await resetter.SendPduAsync(resetter.TaskManagement(TaskManagementFunction.LogicalUnitReset));
            await resetter.ExpectAliveAsync();
        }
        target.Gate.Open();
        foreach (var resetter in resetters) await ExpectAnswerAsync(resetter, TaskManagementResponse.FunctionComplete);
    }

    [Fact]
    public async Task ABORT_TASK_SET_ends_the_tasks_of_this_session_on_this_unit_only()
    {
        await using var target = await RawTarget.StartAsync();
        var client = await target.LoginAsync();
        var other = await target.LoginAsync(new RawLogin { Initiator = "iqn.2026-11.net.example:other" });
        target.Gate.Close();
        await client.SendPduAsync(client.Read(0, 8));
        var survivor = other.Read(0, 8);
        await other.SendPduAsync(survivor);
        await Poll.UntilAsync(() => target.Gate.Waiting == 2, () => "The reads did not reach the device.");
        var elsewhere = client.Write(2048, 8, lun: 1UL << 48);
        await client.SendPduAsync(elsewhere);
        var r2t = await client.ReceiveAsync(Opcode.ReadyToTransfer);
        await client.SendPduAsync(client.TaskManagement(TaskManagementFunction.AbortTaskSet));
        await client.ExpectAliveAsync();
        target.Gate.Open();
        await ExpectAnswerAsync(client, TaskManagementResponse.FunctionComplete);
        Assert.Equal(RawClient.IttOf(survivor), (await other.ReceiveAsync(Opcode.DataIn)).Itt);
        await client.SendPduAsync(client.DataOut(r2t.Itt, r2t.Ttt, 0, 4096, lun: 1UL << 48), new byte[4096]);
        Assert.Equal(RawClient.IttOf(elsewhere), (await client.ReceiveAsync(Opcode.ScsiResponse)).Itt);
    }

    [Theory]
    [InlineData(TaskManagementFunction.LogicalUnitReset)]
    [InlineData(TaskManagementFunction.AbortTaskSet)]
    [InlineData(TaskManagementFunction.ClearTaskSet)]
    public async Task A_function_for_a_unit_that_is_not_there_says_so(TaskManagementFunction function)
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var client = await target.LoginAsync();
        await client.SendPduAsync(client.TaskManagement(function, lun: 7UL << 48));
        await ExpectAnswerAsync(client, TaskManagementResponse.LunDoesNotExist);
    }

    [Theory]
    [InlineData(TaskManagementFunction.TaskReassign, TaskManagementResponse.ReassignmentNotSupported)]
    [InlineData((TaskManagementFunction)77, TaskManagementResponse.FunctionNotSupported)]
    [InlineData(TaskManagementFunction.ClearAca, TaskManagementResponse.FunctionNotSupported)]
    public async Task A_function_that_is_not_done_says_so(TaskManagementFunction function, TaskManagementResponse response)
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var client = await target.LoginAsync();
        await client.SendPduAsync(client.TaskManagement(function));
        await ExpectAnswerAsync(client, response);
    }

    [Fact]
    public async Task Two_aborts_of_the_same_task_are_both_answered()
    {
        await using var target = await RawTarget.StartAsync();
        var client = await target.LoginAsync();
        target.Gate.Close();
        var read = client.Read(0, 8);
        await client.SendPduAsync(read);
        await Poll.UntilAsync(() => target.Gate.Waiting == 1, () => "It did not reach the device.");
        await client.SendPduAsync(client.TaskManagement(TaskManagementFunction.AbortTask, RawClient.IttOf(read), RawClient.CmdSNOf(read)));
        await client.SendPduAsync(client.TaskManagement(TaskManagementFunction.AbortTask, RawClient.IttOf(read), RawClient.CmdSNOf(read)));
        await client.ExpectAliveAsync();
        target.Gate.Open();
        await ExpectAnswerAsync(client, TaskManagementResponse.FunctionComplete);
        await ExpectAnswerAsync(client, TaskManagementResponse.FunctionComplete);
        await client.ExpectAliveAsync();
    }

    private static async Task ExpectAnswerAsync(RawClient client, TaskManagementResponse response) =>
        Assert.Equal(response, (TaskManagementResponse)(await client.ReceiveAsync(Opcode.TaskManagementResponse)).Response);
}

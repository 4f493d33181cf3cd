using Iscsi.Protocol;
using Iscsi.Target.Scsi;
using Iscsi.Target.Tests.Raw;

namespace Iscsi.Target.Tests.Conformance;

/// <summary>TARGET WARM RESET, TARGET COLD RESET (RFC 7143, 11.5.1) and I_T NEXUS RESET (RFC 7144).</summary>
public sealed class ResetTests
{
    private const string OtherName = "iqn.2026-11.net.example:other";
    private static readonly byte[] Reserve6 = [0x16, 0, 0, 0, 0, 0];
    private static readonly ulong[] Luns = [0, 1UL << 48];

    [Fact]
    public async Task A_TARGET_WARM_RESET_ends_the_tasks_of_all_sessions_on_all_units_and_tells_them_29_02()
    {
        await using var target = await RawTarget.StartAsync();
        var resetter = await target.LoginAsync();
        var other = await target.LoginAsync(new RawLogin { Initiator = OtherName });
        target.Gate.Close();
        await resetter.SendPduAsync(resetter.Read(0, 8));
        var read = other.Read(0, 8);
        await other.SendPduAsync(read);
        await target.ExpectAtGateAsync(2, resetter, other);
        await other.SendPduAsync(other.Write(0, 16, lun: Luns[1]));
        await other.ReceiveAsync(Opcode.ReadyToTransfer);
        await resetter.SendPduAsync(resetter.TaskManagement(TaskManagementFunction.TargetWarmReset));
        await target.ExpectStoppedAsync(other, read);
        await resetter.ExpectAliveAsync(); // it waits for all three
        target.Gate.Open();
        await other.ExpectAliveAsync();
        await target.AdvanceAsync(TimeSpan.FromSeconds(2)); // what is owed to the write is given up
        await ExpectAnswerAsync(resetter, TaskManagementResponse.FunctionComplete);
        foreach (var client in new[] { resetter, other })
        {
            await client.ExpectAliveAsync();
            foreach (var lun in Luns)
            {
                var (status, _) = await client.RunAsync(client.TestUnitReady(lun));
                Assert.Equal("6/29/02", status.SenseText);
                (status, _) = await client.RunAsync(client.TestUnitReady(lun));
                Assert.Equal(ScsiStatus.Good, status.Status);
            }
        }
    }

    [Theory]
    [InlineData(TaskManagementFunction.TargetWarmReset)]
    [InlineData(TaskManagementFunction.TargetColdReset)]
    public async Task A_target_reset_frees_what_RESERVE_reserved_and_starts_what_was_stopped(TaskManagementFunction function)
    {
        await using var target = await RawTarget.StartAsync();
        var client = await target.LoginAsync();
        var other = await target.LoginAsync(new RawLogin { Initiator = OtherName });
        var (status, _) = await other.RunAsync(other.Command(Reserve6, lun: Luns[1]));
        Assert.Equal(ScsiStatus.Good, status.Status);
        (status, _) = await client.RunAsync(client.TestUnitReady(Luns[1]));
        Assert.Equal(ScsiStatus.ReservationConflict, status.Status);
        (status, _) = await other.RunAsync(other.Command([0x1B, 0, 0, 0, 0, 0]));
        Assert.Equal(ScsiStatus.Good, status.Status);
        await client.SendPduAsync(client.TaskManagement(function));
        await ExpectAnswerAsync(client, TaskManagementResponse.FunctionComplete);
        if (function == TaskManagementFunction.TargetColdReset) client = await target.LoginAsync(new RawLogin { ClearsAttention = false });
        foreach (var lun in Luns)
        {
            (status, _) = await client.RunAsync(client.TestUnitReady(lun));
            Assert.Equal(ScsiStatus.CheckCondition, status.Status);
            (status, _) = await client.RunAsync(client.TestUnitReady(lun));
            Assert.Equal(ScsiStatus.Good, status.Status);
        }
    }

    [Fact]
    public async Task A_TARGET_COLD_RESET_is_answered_then_all_sessions_of_the_target_end_and_the_next_ones_hear_29_00()
    {
        // The witness is another target's.
        await using var target = await RawTarget.StartAsync();
        var resetter = await target.LoginAsync();
        var other = await target.LoginAsync(new RawLogin { Initiator = OtherName });
        await resetter.SendPduAsync(resetter.TaskManagement(TaskManagementFunction.TargetColdReset));
        await ExpectAnswerAsync(resetter, TaskManagementResponse.FunctionComplete);
        var message = await other.ReceiveAsync(Opcode.AsyncMessage);
        Assert.Equal((byte)AsyncEvent.SessionDropped, (byte)(message.At(36) >> 24));
        await resetter.ExpectCloseAsync();
        await other.ExpectCloseAsync();
        await target.ExpectEndAsync(resetter, ConnectionEndReason.TargetReset);
        await target.ExpectEndAsync(other, ConnectionEndReason.TargetReset);
        foreach (var name in new[] { RawLogin.DefaultInitiator, OtherName })
        {
            var client = await target.LoginAsync(new RawLogin { Initiator = name, ClearsAttention = false });
            var (status, _) = await client.RunAsync(client.TestUnitReady());
            Assert.Equal("6/29/00", status.SenseText);
        }
    }

    [Fact]
    public async Task A_TARGET_COLD_RESET_waits_for_tasks_in_the_device_before_it_is_answered_and_ends_anything()
    {
        await using var target = await RawTarget.StartAsync();
        var resetter = await target.LoginAsync();
        var other = await target.LoginAsync(new RawLogin { Initiator = OtherName });
        target.Gate.Close();
        var write = other.Write(0, 8, dataLength: 4096);
        await other.SendPduAsync(write, RawClient.Pattern(1, 4096));
        await target.ExpectAtGateAsync(1, other);
        await resetter.SendPduAsync(resetter.TaskManagement(TaskManagementFunction.TargetColdReset));
        await target.ExpectStoppedAsync(other, write);
        await resetter.ExpectAliveAsync();
        await other.ExpectAliveAsync();
        target.Gate.Open();
        await ExpectAnswerAsync(resetter, TaskManagementResponse.FunctionComplete);
        await other.ReceiveAsync(Opcode.AsyncMessage);
        await other.ExpectCloseAsync();
    }

    [Fact]
    public async Task An_I_T_NEXUS_RESET_ends_the_session_after_its_answer_and_loses_what_the_nexus_had()
    {
        await using var target = await RawTarget.StartAsync();
        var client = await target.LoginAsync(new RawLogin { ProtocolLevel = 2 });
        var other = await target.LoginAsync(new RawLogin { Initiator = OtherName });
        await client.RunAsync(client.Command(Reserve6));
        target.Gate.Close();
        await client.SendPduAsync(client.Read(0, 8));
        await Poll.UntilAsync(() => target.Gate.Waiting == 1, () => "The read did not reach the device.");
        await client.SendPduAsync(client.TaskManagement(TaskManagementFunction.NexusReset, lun: 7UL << 48));
        await client.ExpectAliveAsync();
        target.Gate.Open();
        await ExpectAnswerAsync(client, TaskManagementResponse.FunctionComplete);
        await client.ExpectCloseAsync();
        var (status, _) = await other.RunAsync(other.Command(Reserve6));
        Assert.Equal(ScsiStatus.Good, status.Status);
        client = await target.LoginAsync(new RawLogin { ClearsAttention = false });
        (status, _) = await client.RunAsync(client.TestUnitReady(Luns[1]));
        Assert.Equal("6/29/07", status.SenseText);
    }

    [Fact]
    public void A_reset_takes_the_place_of_lesser_ones_and_of_cleared_commands_but_not_of_changes()
    {
        var set = UnitAttention.NexusLoss.With(UnitAttention.CommandsCleared).With(UnitAttention.ModeParametersChanged);
        Assert.Equal(UnitAttention.NexusLoss | UnitAttention.CommandsCleared | UnitAttention.ModeParametersChanged, set);
        set = set.With(UnitAttention.LogicalUnitReset);
        Assert.Equal(UnitAttention.LogicalUnitReset | UnitAttention.ModeParametersChanged, set);
        Assert.Equal(set, set.With(UnitAttention.NexusLoss));
        Assert.Equal(UnitAttention.HardReset | UnitAttention.ModeParametersChanged, set.With(UnitAttention.HardReset));
    }

    [Fact]
    public void Every_unit_attention_condition_has_a_code_of_its_own_and_resets_are_reported_first()
    {
        var seen = new List<string>();
        for (var set = UnitAttention.All; set != UnitAttention.None; set &= ~set.First())
        {
            Assert.Equal(seen.Count < 6, (set.First() & UnitAttention.Resets) != UnitAttention.None);
            seen.Add(set.First().Sense().ToString());
        }
        Assert.Equal(
            [
                "29/00", "29/01", "29/04", "29/02", "29/03", "29/07", "28/00", "2A/09", "3F/03", "3F/0E", "2A/01", "2A/06", "2A/03", "2A/04", "2A/05",
                "2F/00", "38/07", "2A/02", "2A/10", "3F/05", "5D/00",
            ],
            seen);
    }

    private static async Task ExpectAnswerAsync(RawClient client, TaskManagementResponse response) =>
        Assert.Equal(response, (TaskManagementResponse)(await client.ReceiveAsync(Opcode.TaskManagementResponse)).Response);
}

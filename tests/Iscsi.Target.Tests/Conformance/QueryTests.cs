using Iscsi.Protocol;
using Iscsi.Target.Scsi;
using Iscsi.Target.Tasks;
using Iscsi.Target.Tests.Raw;

namespace Iscsi.Target.Tests.Conformance;

/// <summary>What RFC 7144 adds with iSCSIProtocolLevel 2: QUERY TASK, QUERY TASK SET, QUERY ASYNCHRONOUS EVENT; and who is told of it.</summary>
public sealed class QueryTests
{
    private static readonly RawLogin Level2 = new() { ProtocolLevel = 2 };

    [Theory]
    [InlineData(TaskManagementFunction.QueryTask)]
    [InlineData(TaskManagementFunction.QueryTaskSet)]
    [InlineData(TaskManagementFunction.NexusReset)]
    [InlineData(TaskManagementFunction.QueryAsynchronousEvent)]
    public async Task Without_level_2_the_functions_of_RFC_7144_do_not_exist(TaskManagementFunction function)
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        foreach (var level in new int?[] { null, 1 })
        {
            var client = await target.LoginAsync(new RawLogin { ProtocolLevel = level });
            await client.SendPduAsync(client.TaskManagement(function));
            await ExpectAnswerAsync(client, TaskManagementResponse.FunctionNotSupported);
        }
    }

    [Fact]
    public async Task QUERY_TASK_finds_the_task_of_a_tag_on_its_unit()
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var client = await target.LoginAsync(Level2);
        target.Gate.Close();
        var read = client.Read(0, 8);
        await client.SendPduAsync(read);
        await Poll.UntilAsync(() => target.Gate.Waiting == 1, () => "The read did not reach the device.");
        await Ask(client, RawClient.IttOf(read), 0, TaskManagementResponse.FunctionSucceeded);
        await Ask(client, RawClient.IttOf(read), 1UL << 48, TaskManagementResponse.FunctionComplete);
        await Ask(client, 0x7777, 0, TaskManagementResponse.FunctionComplete);
        await Ask(client, RawClient.IttOf(read), 7UL << 48, TaskManagementResponse.LunDoesNotExist);
        target.Gate.Open();
        await client.ReceiveAsync(Opcode.DataIn);
        await Ask(client, RawClient.IttOf(read), 0, TaskManagementResponse.FunctionComplete);

        static async Task Ask(RawClient client, uint tag, ulong lun, TaskManagementResponse expected)
        {
            await client.SendPduAsync(client.TaskManagement(TaskManagementFunction.QueryTask, tag, lun: lun));
            await ExpectAnswerAsync(client, expected);
        }
    }

    [Fact]
    public async Task QUERY_TASK_SET_sees_the_tasks_of_this_nexus_only()
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var client = await target.LoginAsync(Level2);
        var other = await target.LoginAsync(new RawLogin { Initiator = "iqn.2026-11.net.example:other" });
        target.Gate.Close();
        await other.SendPduAsync(other.Read(0, 8));
        await Poll.UntilAsync(() => target.Gate.Waiting == 1, () => "The read did not reach the device.");
        await client.SendPduAsync(client.TaskManagement(TaskManagementFunction.QueryTaskSet));
        await ExpectAnswerAsync(client, TaskManagementResponse.FunctionComplete);
        await client.SendPduAsync(client.Read(0, 8));
        await Poll.UntilAsync(() => target.Gate.Waiting == 2, () => "The read did not reach the device.");
        await client.SendPduAsync(client.TaskManagement(TaskManagementFunction.QueryTaskSet));
        await ExpectAnswerAsync(client, TaskManagementResponse.FunctionSucceeded);
        target.Gate.Open();
        await client.ReceiveAsync(Opcode.DataIn);
    }

    [Fact]
    public async Task QUERY_ASYNCHRONOUS_EVENT_tells_the_first_unit_attention_and_that_there_are_more_and_ends_none()
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var client = await target.LoginAsync(Level2);
        var nexus = target.SessionOf(client).Nexus;
        var unit = target.SessionOf(client).Target!.Units.Units[0];
        await Ask(TaskManagementResponse.FunctionComplete, 0);
        nexus.Raise(unit, UnitAttention.CapacityDataHasChanged);
        await Ask(TaskManagementResponse.FunctionSucceeded, 0x162A09);
        nexus.Raise(unit, UnitAttention.HardReset);
        await Ask(TaskManagementResponse.FunctionSucceeded, 0x262902);
        var (status, _) = await client.RunAsync(client.TestUnitReady());
        Assert.Equal("6/29/02", status.SenseText);

        async Task Ask(TaskManagementResponse response, uint information)
        {
            await client.SendPduAsync(client.TaskManagement(TaskManagementFunction.QueryAsynchronousEvent));
            var answer = await client.ReceiveAsync(Opcode.TaskManagementResponse);
            Assert.Equal(response, (TaskManagementResponse)answer.Response);
            Assert.Equal(information, answer.At(8) >> 8);
        }
    }

    [Theory]
    [InlineData(1, "DA000000")]
    [InlineData(2, "DE070000")]
    public async Task REPORT_SUPPORTED_TASK_MANAGEMENT_FUNCTIONS_tells_what_the_session_can_ask_for(int level, string expected)
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var client = await target.LoginAsync(new RawLogin { ProtocolLevel = level });
        var (_, data) = await client.RunAsync(client.Command([0xA3, 0x0D, 0, 0, 0, 0, 0, 0, 0, 64, 0, 0], edtl: 64, read: true));
        Assert.Equal(expected, Convert.ToHexString(data));
        (_, data) = await client.RunAsync(client.Command([0xA3, 0x0D, 0x80, 0, 0, 0, 0, 0, 0, 64, 0, 0], edtl: 64, read: true));
        Assert.Equal(expected[..6] + "0C" + new string('0', 24), Convert.ToHexString(data));
        var (status, _) = await client.RunAsync(client.Command([0xA3, 0x0D, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0], edtl: 64, read: true));
        Assert.Equal("5/24/00", status.SenseText);
    }

    [Fact]
    public void Every_function_in_the_table_is_there_once()
    {
        var functions = TaskManagementTable.Rows.ToArray().Select(row => row.Function).ToArray();
        Assert.Equal(functions.Distinct(), functions);
        var missing = Enum.GetValues<TaskManagementFunction>().Except(functions);
        Assert.Equal([TaskManagementFunction.ClearAca, TaskManagementFunction.TaskReassign], missing);
    }

    private static async Task ExpectAnswerAsync(RawClient client, TaskManagementResponse response) =>
        Assert.Equal(response, (TaskManagementResponse)(await client.ReceiveAsync(Opcode.TaskManagementResponse)).Response);
}

using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;
using Iscsi.Target.Tests.Raw;
using static Iscsi.Target.Tests.Scsi.Copy.CopyHarness;

namespace Iscsi.Target.Tests.Scsi.Copy;

/// <summary>Copies as tasks of a session: their data, their memory, and how they are stopped.</summary>
public sealed class CopyTaskTests
{
    private const int Blocks = 1000;

    private static byte[] List(RawTarget target, ushort destination = 1, byte listIdentifier = 7)
    {
        var units = target.Server.Core.Targets.Find(RawTarget.TargetName)!.Units.Units;
        return Lid1([Cscd(units[0]), Cscd(units[1])], [Segment(0, destination, Blocks, 0, 2000)], listIdentifier);
    }

    private static async Task<byte[]> SendAsync(RawClient client, byte[] cdb, byte[] list, ulong lun = 0)
    {
        var command = client.Command(cdb, (uint)list.Length, write: true, dataLength: list.Length, lun: lun);
        await client.SendPduAsync(command, list);
        return command;
    }

    private static async Task<RawPdu> ResponseAsync(RawClient client) => await client.ReceiveAsync(Opcode.ScsiResponse);

    [Fact]
    public async Task A_copy_between_two_units_moves_its_blocks_through_one_burst()
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var client = await target.LoginAsync();
        var data = RawClient.Pattern(3, 64 * 512);
        await client.WriteGoodAsync(0, data);
        var list = List(target);
        await SendAsync(client, ExtendedCopy(list.Length), list);
        Assert.Equal(ScsiStatus.Good, (await ResponseAsync(client)).Status);
        Assert.Equal(data, await client.ReadGoodAsync(2000, data.Length, LogicalUnitNumber.Encode(1)));
    }

    [Fact]
    public async Task ABORT_TASK_of_a_copy_is_answered_when_its_request_has_ended_and_nothing_of_it_runs_after()
    {
        await using var target = await RawTarget.StartAsync();
        var client = await target.LoginAsync();
        target.Gate.Close();
        var list = List(target, destination: 0);
        var command = await SendAsync(client, ExtendedCopy(list.Length), list);
        await Poll.UntilAsync(() => target.Gate.Waiting == 1, () => "It did not reach the device.");
        await client.SendPduAsync(client.TaskManagement(TaskManagementFunction.AbortTask, RawClient.IttOf(command), RawClient.CmdSNOf(command)));
        await client.ExpectAliveAsync(); // not answered yet
        target.Gate.Open();
        Assert.Equal(TaskManagementResponse.FunctionComplete, (TaskManagementResponse)(await client.ReceiveAsync(Opcode.TaskManagementResponse)).Response);
        target.Gate.Close();
        await client.ExpectAliveAsync();
        Assert.Equal(0, target.Gate.Waiting);
    }

    [Fact]
    public async Task COPY_OPERATION_ABORT_is_answered_when_the_copy_has_ended_with_COPY_ABORTED()
    {
        await using var target = await RawTarget.StartAsync();
        var client = await target.LoginAsync();
        target.Gate.Close();
        var list = List(target, destination: 0);
        var copy = await SendAsync(client, ExtendedCopy(list.Length), list);
        await Poll.UntilAsync(() => target.Gate.Waiting == 1, () => "It did not reach the device.");
        var abort = client.Command([0x83, 0x1C, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        await client.SendPduAsync(abort);
        // It is executed on another thread: a ping may be answered before.
        var session = target.SessionOf(client);
        var record = session.Target!.Units.Units[0].Copies.Find(session.Nexus, 7)!;
        await Poll.UntilAsync(() => record.IsAbortRequested, () => "The copy was not asked to stop.");
        await client.ExpectAliveAsync(); // not answered yet
        target.Gate.Open();
        RawPdu[] responses = [await ResponseAsync(client), await ResponseAsync(client)];
        var ofCopy = Assert.Single(responses, r => r.Itt == RawClient.IttOf(copy));
        Assert.Equal(ScsiStatus.CheckCondition, ofCopy.Status);
        Assert.Equal((byte)SenseKey.CopyAborted, ofCopy.Data[2 + 2]);
        Assert.Equal(ScsiStatus.Good, Assert.Single(responses, r => r.Itt == RawClient.IttOf(abort)).Status);

        await client.SendPduAsync(client.Command(Receive(OperationCode.ReceiveCopyStatusLid4, 7), 1024, read: true));
        Assert.Equal(0x60, (await client.ReceiveAsync(Opcode.DataIn)).Data[5]);
    }

    [Fact]
    public async Task A_reset_of_the_destination_stops_a_copy_that_was_sent_to_the_source()
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var client = await target.LoginAsync();
        target.Gate.Close();
        var list = List(target);
        await SendAsync(client, ExtendedCopy(list.Length), list);
        await Poll.UntilAsync(() => target.Gate.Waiting == 1, () => "It did not reach the device.");
        await client.SendPduAsync(client.TaskManagement(TaskManagementFunction.LogicalUnitReset, lun: LogicalUnitNumber.Encode(1)));
        await client.ExpectAliveAsync();
        target.Gate.Open();
        Assert.Equal(TaskManagementResponse.FunctionComplete, (TaskManagementResponse)(await client.ReceiveAsync(Opcode.TaskManagementResponse)).Response);
        await client.ExpectAliveAsync();
    }

    [Fact]
    public async Task A_write_over_the_wire_revokes_a_token_before_it_is_stored()
    {
        await using var target = await RawTarget.StartAsync();
        var client = await target.LoginAsync();
        var populate = Populate(Ranges((0, 64)));
        await SendAsync(client, Token(OperationCode.PopulateToken, populate.Length, 5), populate);
        Assert.Equal(ScsiStatus.Good, (await ResponseAsync(client)).Status);
        await client.SendPduAsync(client.Command(Receive(OperationCode.ReceiveRodTokenInformation, 5), 1024, read: true));
        var token = (await client.ReceiveAsync(Opcode.DataIn)).Data[38..550];

        var use = Use(token, Ranges((1000, 64)));
        await SendAsync(client, Token(OperationCode.WriteUsingToken, use.Length, 6), use);
        Assert.Equal(ScsiStatus.Good, (await ResponseAsync(client)).Status);
        await client.WriteGoodAsync(63, RawClient.Pattern(1, 512));
        await SendAsync(client, Token(OperationCode.WriteUsingToken, use.Length, 6), use);
        var refused = await ResponseAsync(client);
        Assert.Equal(ScsiStatus.CheckCondition, refused.Status);
        Assert.Equal([0x23, 0x06], refused.Data[(2 + 12)..(2 + 14)]);
    }

    [Fact]
    public async Task A_token_is_made_only_when_a_write_to_its_blocks_has_ended()
    {
        await using var target = await RawTarget.StartAsync();
        var client = await target.LoginAsync();
        target.Gate.Close();
        var write = client.Write(8, 8, dataLength: 4096);
        await client.SendPduAsync(write, RawClient.Pattern(1, 4096));
        await Poll.UntilAsync(() => target.Gate.Waiting == 1, () => "It did not reach the device.");
        var populate = Populate(Ranges((0, 64)));
        var command = await SendAsync(client, Token(OperationCode.PopulateToken, populate.Length, 5), populate);
        await client.ExpectAliveAsync();
        target.Gate.Open();
        Assert.Equal(RawClient.IttOf(write), (await ResponseAsync(client)).Itt);
        var response = await ResponseAsync(client);
        Assert.Equal(RawClient.IttOf(command), response.Itt);
        Assert.Equal(ScsiStatus.Good, response.Status);
    }
}

using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;
using Iscsi.Target.Scsi.Media;
using Iscsi.Target.Tests.Raw;
using Iscsi.Target.Tests.Scsi.Media;

namespace Iscsi.Target.Tests.Conformance;

/// <summary>SANITIZE over connections, beside a witness that reads and writes another LUN all the time. The end of each test checks that no grant is open.</summary>
public sealed class MediumOperationTests
{
    private static readonly byte[] List = MediumHarness.OverwriteList(1, 0xAA);

    private static byte[] Sanitize(RawClient client, bool immediate) => client.Command(
        MediumHarness.Sanitize(OperationCode.SanitizeOverwrite, List.Length, immediate), (uint)List.Length, write: true, dataLength: List.Length);

    private static async Task ExpectAsync(RawClient client, byte[] command, string sense)
    {
        var (status, _) = await client.RunAsync(command);
        Assert.Equal(ScsiStatus.CheckCondition, status.Status);
        Assert.Equal(sense, status.Sense.ToString());
    }

    private static async Task ExpectAnswerAsync(RawClient client) =>
        Assert.Equal(TaskManagementResponse.FunctionComplete, (TaskManagementResponse)(await client.ReceiveAsync(Opcode.TaskManagementResponse)).Response);

    private static UnitMedium MediumOf(RawTarget target) => target.Server.Core.Targets.Find(RawTarget.TargetName)!.Units.Units[0].Medium;

    [Fact]
    public async Task Aborts_and_resets_are_answered_at_once_and_it_goes_on()
    {
        await using var target = await RawTarget.StartAsync();
        var client = await target.LoginAsync();
        target.Gate.Close();
        var sanitize = Sanitize(client, immediate: false);
        await client.SendPduAsync(sanitize, List);
        await Poll.UntilAsync(() => target.Gate.Waiting == 1, () => "It did not reach the device.");
        await ExpectAsync(client, client.TestUnitReady(), "2/04/1B");

        await client.SendPduAsync(client.TaskManagement(TaskManagementFunction.AbortTask, RawClient.IttOf(sanitize), RawClient.CmdSNOf(sanitize)));
        await ExpectAnswerAsync(client);
        await client.SendPduAsync(client.TaskManagement(TaskManagementFunction.LogicalUnitReset));
        await ExpectAnswerAsync(client);
        await ExpectAsync(client, client.TestUnitReady(), "6/29/03");
        await ExpectAsync(client, client.TestUnitReady(), "2/04/1B");
        await client.DisposeAsync();

        var other = await target.LoginAsync();
        await ExpectAsync(other, other.TestUnitReady(), "2/04/1B");
        target.Gate.Open();
        Assert.Equal(MediumOutcome.Done, await MediumOf(target).Run);
        Assert.Equal(-1, (await other.ReadGoodAsync(0, 8192)).AsSpan().IndexOfAnyExcept((byte)0xAA));
    }

    [Fact]
    public async Task A_write_whose_data_come_too_late_is_refused_and_leaves_nothing()
    {
        await using var target = await RawTarget.StartAsync();
        var client = await target.LoginAsync();
        await client.SendPduAsync(client.Write(0, 16));
        var r2t = await client.ReceiveAsync(Opcode.ReadyToTransfer);

        var other = await target.LoginAsync(new RawLogin { Initiator = "iqn.2026-11.net.example:other" });
        target.Gate.Close();
        var (status, _) = await other.RunAsync(Sanitize(other, immediate: true), List);
        Assert.Equal(ScsiStatus.Good, status.Status);

        await client.SendSequenceAsync(r2t, RawClient.Pattern(1, 8192));
        var response = await client.ReceiveAsync(Opcode.ScsiResponse);
        Assert.Equal("2/04/1B", response.Sense.ToString());
        target.Gate.Open();
        Assert.Equal(MediumOutcome.Done, await MediumOf(target).Run);
        Assert.Equal(-1, (await client.ReadGoodAsync(0, 8192)).AsSpan().IndexOfAnyExcept((byte)0xAA));
    }

    [Fact]
    public async Task A_server_that_stops_meanwhile_answers_the_command_and_leaves_no_grant_open()
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var client = await target.LoginAsync();
        target.Gate.Close();
        await client.SendPduAsync(Sanitize(client, immediate: false), List);
        await Poll.UntilAsync(() => target.Gate.Waiting == 1, () => "It did not reach the device.");
        var stop = MediumOf(target).StopAsync();
        target.Gate.Open();
        await stop;
        Assert.Equal(MediumOutcome.Suspended, await MediumOf(target).Run);
        Assert.Equal(ScsiStatus.Busy, (await client.ReceiveAsync(Opcode.ScsiResponse)).Status);
    }
}

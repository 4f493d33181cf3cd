using System.Buffers.Binary;
using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;
using Iscsi.Target.Tests.Raw;

namespace Iscsi.Target.Tests.Conformance;

/// <summary>TAS and QERR (SPC-4, Control mode page; SAM-5, aborting commands), and what is said about ACA.</summary>
public sealed class TaskSetControlTests
{
    private const ulong Key = 0x1111;
    private const byte TaskAbortedStatus = 0x40;
    private static readonly byte[] BadCommand = [0xFF, 0, 0, 0, 0, 0];

    [Fact]
    public async Task With_TAS_zero_preempted_tasks_end_silently_and_their_nexus_hears_2F_00()
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var (preemptor, victim) = await LoginBothAsync(target);
        target.Gate.Close();
        var read = victim.Read(0, 8);
        await victim.SendPduAsync(read);
        await target.ExpectAtGateAsync(1, victim);
        var preempt = await SendPreemptAsync(preemptor);
        await target.ExpectStoppedAsync(victim, read);
        await preemptor.ExpectAliveAsync(); // it waits for the read
        target.Gate.Open();
        await ExpectGoodAsync(preemptor, preempt);
        await victim.ExpectAliveAsync();
        var (status, _) = await victim.RunAsync(victim.TestUnitReady());
        Assert.Equal("6/2A/05", status.SenseText);
        (status, _) = await victim.RunAsync(victim.TestUnitReady());
        Assert.Equal("6/2F/00", status.SenseText);
    }

    [Fact]
    public async Task With_TAS_one_preempted_tasks_end_with_TASK_ABORTED_wherever_they_are()
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var (preemptor, victim) = await LoginBothAsync(target);
        await SetControlAsync(target, 5, TaskAbortedStatus);
        await TakeAttentionAsync(preemptor, victim);
        target.Gate.Close();
        var inDevice = victim.Read(0, 8);
        await victim.SendPduAsync(inDevice);
        var inDeviceWriting = victim.Write(0, 8, dataLength: 4096);
        await victim.SendPduAsync(inDeviceWriting, RawClient.Pattern(1, 4096));
        await target.ExpectAtGateAsync(2, victim);
        var owing = victim.Write(0, 16);
        await victim.SendPduAsync(owing);
        var r2t = await victim.ReceiveAsync(Opcode.ReadyToTransfer);
        var owingUnsolicited = victim.Write(64, 16, final: false);
        await victim.SendPduAsync(owingUnsolicited);
        var dormant = victim.TestUnitReady(attribute: TaskAttribute.Ordered);
        await victim.SendPduAsync(dormant);
        await victim.ExpectAliveAsync();

        var preempt = await SendPreemptAsync(preemptor);
        await preemptor.ExpectAliveAsync();
        await ExpectAbortedAsync(victim, dormant);
        await victim.SendPduAsync(victim.DataOut(r2t.Itt, r2t.Ttt, 0, 8192), RawClient.Pattern(2, 8192));
        await ExpectAbortedAsync(victim, owing);
        await victim.SendPduAsync(victim.DataOut(RawClient.IttOf(owingUnsolicited), TaskTag.Reserved, 0, 8192), RawClient.Pattern(2, 8192));
        await ExpectAbortedAsync(victim, owingUnsolicited);
        await preemptor.ExpectAliveAsync(); // not before those in the device have ended
        target.Gate.Open();
        await ExpectAbortedAsync(victim, inDevice, inDeviceWriting);
        await ExpectGoodAsync(preemptor, preempt);
        // One unit attention, of the registration; none of the commands.
        var (status, _) = await victim.RunAsync(victim.TestUnitReady());
        Assert.Equal("6/2A/05", status.SenseText);
        (status, _) = await victim.RunAsync(victim.TestUnitReady());
        Assert.Equal(ScsiStatus.Good, status.Status);
    }

    [Fact]
    public async Task A_reset_takes_no_notice_of_TAS()
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var (resetter, victim) = await LoginBothAsync(target);
        await SetControlAsync(target, 5, TaskAbortedStatus);
        await TakeAttentionAsync(resetter, victim);
        target.Gate.Close();
        var read = victim.Read(0, 8);
        await victim.SendPduAsync(read);
        await target.ExpectAtGateAsync(1, victim);
        await resetter.SendPduAsync(resetter.TaskManagement(TaskManagementFunction.LogicalUnitReset));
        await target.ExpectStoppedAsync(victim, read);
        await resetter.ExpectAliveAsync();
        target.Gate.Open();
        await resetter.ReceiveAsync(Opcode.TaskManagementResponse);
        await victim.ExpectAliveAsync();
        var (status, _) = await victim.RunAsync(victim.TestUnitReady());
        Assert.Equal("6/29/03", status.SenseText);
    }

    [Theory]
    [InlineData((int)QueueErrorManagement.AbortAll)]
    [InlineData((int)QueueErrorManagement.AbortNexus)]
    public async Task With_QERR_a_CHECK_CONDITION_ends_the_other_tasks_of_its_nexus_before_it_is_sent(int management)
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var (client, other) = await LoginBothAsync(target);
        await SetControlAsync(target, 3, (byte)(management << 1));
        await TakeAttentionAsync(client, other);
        target.Gate.Close();
        await client.SendPduAsync(client.Read(0, 8));
        var survivor = other.Read(0, 8);
        await other.SendPduAsync(survivor);
        await Poll.UntilAsync(() => target.Gate.Waiting == 2, () => "They did not reach the device.");
        await client.SendPduAsync(client.Write(0, 16));
        var r2t = await client.ReceiveAsync(Opcode.ReadyToTransfer);
        var elsewhere = client.Write(0, 16, lun: 1UL << 48);
        await client.SendPduAsync(elsewhere);
        var r2tElsewhere = await client.ReceiveAsync(Opcode.ReadyToTransfer);
        var failing = client.Command(BadCommand);
        await client.SendPduAsync(failing);
        await client.SendPduAsync(client.TestUnitReady(attribute: TaskAttribute.Ordered)); // dormant: waits for the failing one
        await client.ExpectAliveAsync(); // no status yet: the read is in the device
        target.Gate.Open();
        var status = await client.ReceiveAsync(Opcode.ScsiResponse);
        Assert.Equal(RawClient.IttOf(failing), status.Itt);
        Assert.Equal("5/20/00", status.SenseText);
        // The one that came after it was not aborted.
        Assert.Equal(ScsiStatus.Good, (await client.ReceiveAsync(Opcode.ScsiResponse)).Status);
        await client.SendPduAsync(client.DataOut(r2t.Itt, r2t.Ttt, 0, 8192), new byte[8192]); // drained
        await client.ExpectAliveAsync();
        await client.SendPduAsync(client.DataOut(r2tElsewhere.Itt, r2tElsewhere.Ttt, 0, 8192, lun: 1UL << 48), new byte[8192]);
        Assert.Equal(RawClient.IttOf(elsewhere), (await client.ReceiveAsync(Opcode.ScsiResponse)).Itt);
        Assert.Equal(RawClient.IttOf(survivor), (await other.ReceiveAsync(Opcode.DataIn)).Itt);
    }

    [Fact]
    public async Task Without_QERR_others_go_on()
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var client = await target.LoginAsync();
        target.Gate.Close();
        var read = client.Read(0, 8);
        await client.SendPduAsync(read);
        await Poll.UntilAsync(() => target.Gate.Waiting == 1, () => "It did not reach the device.");
        var (status, _) = await client.RunAsync(client.Command(BadCommand));
        Assert.Equal("5/20/00", status.SenseText);
        target.Gate.Open();
        Assert.Equal(RawClient.IttOf(read), (await client.ReceiveAsync(Opcode.DataIn)).Itt);
    }

    [Fact]
    public async Task A_task_that_waits_for_others_under_QERR_can_itself_be_aborted()
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var client = await target.LoginAsync();
        await SetControlAsync(target, 3, (byte)QueueErrorManagement.AbortAll << 1);
        await TakeAttentionAsync(client);
        target.Gate.Close();
        await client.SendPduAsync(client.Read(0, 8));
        await Poll.UntilAsync(() => target.Gate.Waiting == 1, () => "It did not reach the device.");
        var failing = client.Command(BadCommand);
        await client.SendPduAsync(failing);
        await client.SendPduAsync(client.TaskManagement(TaskManagementFunction.AbortTask, RawClient.IttOf(failing), RawClient.CmdSNOf(failing)));
        await client.ExpectAliveAsync();
        target.Gate.Open();
        Assert.Equal(TaskManagementResponse.FunctionComplete, (TaskManagementResponse)(await client.ReceiveAsync(Opcode.TaskManagementResponse)).Response);
        await client.ExpectAliveAsync(); // neither the read nor the failing one is answered
    }

    [Fact]
    public async Task The_ACA_attribute_is_refused_without_touching_anything()
    {
        await using var target = await RawTarget.StartAsync();
        var client = await target.LoginAsync();
        var (status, _) = await client.RunAsync(client.Command([0x16, 0, 0, 0, 0, 0], attribute: TaskAttribute.Aca));
        Assert.Equal("5/49/00", status.SenseText);
        Assert.False(target.SessionOf(client).Target!.Units.Units[0].Reservations.IsReservedByReserve);
    }

    [Theory]
    [InlineData("000000000004", 5)]
    [InlineData("28000000000000000804", 9)]
    [InlineData("88000000000000000000000000080004", 15)]
    public async Task NACA_one_is_an_invalid_field_and_the_pointer_says_so(string cdb, int offsetBytes)
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var client = await target.LoginAsync();
        var (status, _) = await client.RunAsync(client.Command(Convert.FromHexString(cdb), edtl: 4096, read: true));
        Assert.Equal("5/24/00", status.SenseText);
        var field = status.Sense.Field!.Value;
        Assert.Equal((true, offsetBytes, 2), (field.InCdb, (int)field.OffsetBytes, (int)field.Bit!.Value));
    }

    // A third session changes the Control mode page of LUN 0 (SPC-4): 4 bytes of mode parameter header, then the page.
    private static async Task SetControlAsync(RawTarget target, int offsetBytes, byte bits)
    {
        var client = await target.LoginAsync(new RawLogin { Initiator = "iqn.2026-11.net.example:setter" });
        var (_, page) = await client.RunAsync(client.Command([0x1A, 0x08, 0x0A, 0, 64, 0], edtl: 64, read: true));
        page[0] = 0;
        page[2] = 0;
        page[4] &= 0x7F;
        page[4 + offsetBytes] |= bits;
        var (status, _) = await client.RunAsync(
            client.Command([0x15, 0x10, 0, 0, (byte)page.Length, 0], edtl: (uint)page.Length, write: true, dataLength: page.Length), page);
        Assert.True(status.Status == ScsiStatus.Good, status.ToString());
    }

    // What the nexus was told: MODE PARAMETERS CHANGED.
    private static async Task TakeAttentionAsync(params RawClient[] clients)
    {
        foreach (var client in clients)
        {
            var (status, _) = await client.RunAsync(client.TestUnitReady());
            Assert.Equal("6/2A/01", status.SenseText);
        }
    }

    // Both are registered: the first can preempt the second by its key.
    private static async Task<(RawClient First, RawClient Second)> LoginBothAsync(RawTarget target)
    {
        var first = await target.LoginAsync();
        var second = await target.LoginAsync(new RawLogin { Initiator = "iqn.2026-11.net.example:other" });
        await RegisterAsync(first, 0x2222);
        await RegisterAsync(second, Key);
        return (first, second);
    }

    private static async Task RegisterAsync(RawClient client, ulong key)
    {
        var (status, _) = await client.RunAsync(client.Command(ReserveOut(0), edtl: 24, write: true, dataLength: 24), Parameters(0, key));
        Assert.Equal(ScsiStatus.Good, status.Status);
    }

    private static async Task<byte[]> SendPreemptAsync(RawClient client)
    {
        var command = client.Command(ReserveOut(5), edtl: 24, write: true, dataLength: 24);
        await client.SendPduAsync(command, Parameters(0x2222, Key));
        return command;
    }

    private static byte[] ReserveOut(byte action) => [0x5F, action, 0, 0, 0, 0, 0, 0, 24, 0];

    private static byte[] Parameters(ulong key, ulong serviceActionKey)
    {
        var data = new byte[24];
        BinaryPrimitives.WriteUInt64BigEndian(data, key);
        BinaryPrimitives.WriteUInt64BigEndian(data.AsSpan(8), serviceActionKey);
        return data;
    }

    private static async Task ExpectGoodAsync(RawClient client, byte[] command)
    {
        var status = await client.ReceiveAsync(Opcode.ScsiResponse);
        Assert.Equal(RawClient.IttOf(command), status.Itt);
        Assert.True(status.Status == ScsiStatus.Good, status.ToString());
    }

    private static async Task ExpectAbortedAsync(RawClient client, params byte[][] commands)
    {
        var tags = new HashSet<uint>();
        for (var i = 0; i < commands.Length; i++)
        {
            var status = await client.ReceiveAsync(Opcode.ScsiResponse);
            Assert.Equal(ScsiStatus.TaskAborted, status.Status);
            tags.Add(status.Itt);
        }
        Assert.Equal(commands.Select(RawClient.IttOf).ToHashSet(), tags);
    }
}

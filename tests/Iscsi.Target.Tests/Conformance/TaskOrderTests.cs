using Iscsi.Protocol;
using Iscsi.Target.Tests.Raw;

namespace Iscsi.Target.Tests.Conformance;

/// <summary>SIMPLE, ORDERED and HEAD OF QUEUE (SAM-5, 8): what runs beside what.</summary>
public sealed class TaskOrderTests
{
    [Fact]
    public async Task SIMPLE_tasks_run_side_by_side()
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var client = await target.LoginAsync();
        target.Gate.Close();
        for (var i = 0; i < 5; i++) await client.SendPduAsync(client.Read(0, 8));
        await Poll.UntilAsync(() => target.Gate.Waiting == 5, () => $"Only {target.Gate.Waiting} reached the device.");
        target.Gate.Open();
        for (var i = 0; i < 5; i++) await client.ReceiveAsync(Opcode.DataIn);
    }

    [Fact]
    public async Task An_ORDERED_task_waits_for_those_before_it_and_those_after_it_wait_for_it()
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var client = await target.LoginAsync();
        target.Gate.Close();
        var simple = client.Write(0, 8, dataLength: 4096);
        var ordered = client.Write(0, 8, dataLength: 4096, attribute: TaskAttribute.Ordered);
        var after = client.Read(0, 8);
        await client.SendPduAsync(simple, RawClient.Pattern(1, 4096));
        await client.SendPduAsync(ordered, RawClient.Pattern(2, 4096));
        await client.SendPduAsync(after);
        await Poll.UntilAsync(() => target.Gate.Waiting == 1, () => "The first did not reach the device.");
        await client.ExpectAliveAsync();
        Assert.Equal(1, target.Gate.Waiting);
        target.Gate.Open();
        foreach (var command in new[] { simple, ordered })
            Assert.Equal(RawClient.IttOf(command), (await client.ReceiveAsync(Opcode.ScsiResponse)).Itt);
        Assert.Equal(RawClient.Pattern(2, 4096), (await client.ReceiveAsync(Opcode.DataIn)).Data);
    }

    [Fact]
    public async Task A_HEAD_OF_QUEUE_task_runs_at_once()
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var client = await target.LoginAsync();
        target.Gate.Close();
        await client.SendPduAsync(client.Read(0, 8));
        await client.SendPduAsync(client.Read(0, 8, attribute: TaskAttribute.Ordered));
        var head = client.TestUnitReady(attribute: TaskAttribute.HeadOfQueue);
        await client.SendPduAsync(head);
        Assert.Equal(RawClient.IttOf(head), (await client.ReceiveAsync(Opcode.ScsiResponse)).Itt);
        target.Gate.Open();
        await client.ReceiveAsync(Opcode.DataIn);
        await client.ReceiveAsync(Opcode.DataIn);
    }

    [Theory]
    [InlineData(TaskAttribute.Simple)]
    [InlineData(TaskAttribute.Untagged)]
    [InlineData(TaskAttribute.Ordered)]
    public async Task What_comes_after_a_HEAD_OF_QUEUE_task_waits_for_it_unless_it_is_one_too(TaskAttribute attribute)
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var client = await target.LoginAsync();
        target.Gate.Close();
        await client.SendPduAsync(client.Read(0, 8, attribute: TaskAttribute.HeadOfQueue));
        var after = client.TestUnitReady(attribute: attribute);
        await client.SendPduAsync(after);
        await client.ExpectAliveAsync();
        var head = client.TestUnitReady(attribute: TaskAttribute.HeadOfQueue);
        await client.SendPduAsync(head);
        Assert.Equal(RawClient.IttOf(head), (await client.ReceiveAsync(Opcode.ScsiResponse)).Itt);
        await client.ExpectAliveAsync();
        target.Gate.Open();
        await client.ReceiveAsync(Opcode.DataIn);
        Assert.Equal(RawClient.IttOf(after), (await client.ReceiveAsync(Opcode.ScsiResponse)).Itt);
    }

    [Fact]
    public async Task Sessions_have_task_sets_of_their_own()
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var client = await target.LoginAsync();
        var other = await target.LoginAsync(new RawLogin { Initiator = "iqn.2026-11.net.example:other" });
        target.Gate.Close();
        await client.SendPduAsync(client.Read(0, 8, attribute: TaskAttribute.Ordered));
        await other.SendPduAsync(other.Read(0, 8));
        await Poll.UntilAsync(() => target.Gate.Waiting == 2, () => "One waits for the other.");
        target.Gate.Open();
        await client.ReceiveAsync(Opcode.DataIn);
        await other.ReceiveAsync(Opcode.DataIn);
    }

    [Fact]
    public async Task An_attribute_that_does_not_exist_is_an_invalid_field_and_ends_the_connection()
    {
        await using var target = await RawTarget.StartAsync();
        var client = await target.LoginAsync();
        var header = client.TestUnitReady(attribute: (TaskAttribute)7);
        await client.SendPduAsync(header);
        await target.ExpectRejectAndEndAsync(client, header, RejectReason.InvalidPduField, ConnectionEndReason.InvalidPduField);
    }
}

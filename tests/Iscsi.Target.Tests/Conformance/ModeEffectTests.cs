using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;
using Iscsi.Target.Tests.Raw;

namespace Iscsi.Target.Tests.Conformance;

/// <summary>What mode pages change about the answers of a whole target.</summary>
public sealed class ModeEffectTests
{
    private static async Task SelectAsync(RawClient client, ControlModePage page)
    {
        var list = new byte[4 + ControlModePage.Size];
        page.Write(list.AsSpan(4));
        byte[] cdb = [OperationCode.ModeSelect6, 0x10, 0, 0, (byte)list.Length, 0];
        var (status, _) = await client.RunAsync(client.Command(cdb, (uint)list.Length, write: true, dataLength: list.Length), list);
        Assert.Equal(ScsiStatus.Good, status.Status);
    }

    private static async Task<ControlModePage> CurrentAsync(RawClient client)
    {
        var (status, data) = await client.RunAsync(client.Command([OperationCode.ModeSense6, 0x08, 0x0A, 0, 255, 0], 255, read: true));
        Assert.Equal(ScsiStatus.Good, status.Status);
        return ControlModePage.TryParse(data.AsSpan(4))!;
    }

    [Fact]
    public async Task D_SENSE_makes_autosense_come_in_descriptor_format_on_every_session()
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var client = await target.LoginAsync();
        var other = await target.LoginAsync(new RawLogin { Isid = 0x400000000077 });

        var (outOfRange, _) = await client.RunAsync(client.Read(uint.MaxValue, 1));
        Assert.Equal(0x70, outOfRange.Data[2] & 0x7F);

        await SelectAsync(client, await CurrentAsync(client) with { DescriptorFormatSense = true });

        var (attention, _) = await other.RunAsync(other.TestUnitReady());
        Assert.Equal(0x72, attention.Data[2]);
        Assert.Equal("6/2A/01", attention.SenseText);
        (outOfRange, _) = await client.RunAsync(client.Read(uint.MaxValue, 1));
        Assert.Equal(0x72, outOfRange.Data[2]);
        Assert.Equal("5/21/00", outOfRange.SenseText);
        var (invalid, _) = await client.RunAsync(client.Command([OperationCode.Read10, 0xE0, 0, 0, 0, 0, 0, 0, 1, 0], 512, read: true));
        Assert.Equal(0x72, invalid.Data[2]);
        Assert.Equal(new FieldPointer(InCdb: true, 1, 7), invalid.Sense.Field);
    }

    [Fact]
    public async Task A_unit_reset_ends_what_was_not_saved()
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var client = await target.LoginAsync();
        await SelectAsync(client, await CurrentAsync(client) with { DescriptorFormatSense = true, SoftwareWriteProtect = true });
        Assert.True((await CurrentAsync(client)).SoftwareWriteProtect);

        var reset = client.TaskManagement(TaskManagementFunction.LogicalUnitReset);
        await client.SendPduAsync(reset);
        await client.ReceiveAsync(Opcode.TaskManagementResponse);
        await client.RunAsync(client.TestUnitReady());

        var page = await CurrentAsync(client);
        Assert.False(page.SoftwareWriteProtect);
        Assert.False(page.DescriptorFormatSense);
    }
}

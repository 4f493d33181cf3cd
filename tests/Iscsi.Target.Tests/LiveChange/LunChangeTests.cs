using System.Buffers.Binary;
using Iscsi.Protocol;
using Iscsi.Storage;
using Iscsi.Target.Tests.Raw;
using Reservations;

namespace Iscsi.Target.Tests.LiveChange;

/// <summary>LUNs that come, go and change under a session.</summary>
public sealed class LunChangeTests
{
    private const ulong Lun2 = 2UL << 48;

    private static MemoryBlockDevice NewDisk(long blocks = 64) => new(blocks * 512);

    [Fact]
    public async Task A_LUN_that_is_added_is_served_and_who_is_connected_is_told_on_the_other_LUNs()
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        await using var disk = NewDisk();
        var client = await target.LoginAsync();
        Assert.Equal("5/25/00", (await SenseAsync(client, Lun2)));

        target.Served().AddLun(2, disk);

        Assert.Equal("6/3F/0E", await SenseAsync(client, 0));
        Assert.Equal("6/29/00", await SenseAsync(client, Lun2));
        await client.WriteGoodAsync(0, RawClient.Pattern(1, 512), Lun2);
        Assert.Equal(RawClient.Pattern(1, 512), await client.ReadGoodAsync(0, 512, Lun2));
        Assert.Equal(new[] { 0, 1, 2 }, await ReportLunsAsync(client));
        // What REPORT LUNS told needs no attention on LUN 1 any more.
        Assert.Null(await SenseAsync(client, 1UL << 48));
    }

    [Fact]
    public async Task A_LUN_that_is_removed_is_gone_and_who_is_connected_is_told_on_the_other_LUNs()
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var client = await target.LoginAsync();

        Assert.True(await target.Served().RemoveLunAsync(1));

        Assert.Equal("5/25/00", await SenseAsync(client, 1UL << 48));
        Assert.Equal("6/3F/0E", await SenseAsync(client, 0));
        Assert.Equal(new[] { 0 }, await ReportLunsAsync(client));
        Assert.False(await target.Served().RemoveLunAsync(1));
    }

    [Fact]
    public async Task A_request_that_the_device_has_begun_ends_as_it_would_have_and_the_LUN_is_removed_then()
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var client = await target.LoginAsync();
        target.Gate.Close();
        await client.SendPduAsync(client.Read(0, 1));
        await Poll.UntilAsync(() => target.Gate.Waiting == 1, () => "no request came");

        var removal = target.Served().RemoveLunAsync(0);
        await client.ExpectAliveAsync();
        Assert.False(removal.IsCompleted);
        target.Gate.Open();

        Assert.Equal(ScsiStatus.Good, (await client.ReceiveAsync(Opcode.DataIn)).Status);
        Assert.True(await removal);
    }

    [Fact]
    public async Task A_long_read_ends_at_its_next_chunk_with_LOGICAL_UNIT_NOT_SUPPORTED()
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var client = await target.LoginAsync();
        target.Gate.Close();
        await client.SendPduAsync(client.Read(0, 2048)); // four bursts
        await Poll.UntilAsync(() => target.Gate.Waiting == 1, () => "no request came");
        var removal = target.Served().RemoveLunAsync(0);
        await client.ExpectAliveAsync();
        target.Gate.Open();

        Assert.Equal("5/25/00", (await StatusAsync(client)).SenseText);
        Assert.True(await removal);
    }

    [Fact]
    public async Task A_write_that_waits_for_its_data_takes_them_and_stores_nothing()
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var client = await target.LoginAsync();
        await client.SendPduAsync(client.Write(0, 16));
        var r2t = await client.ReceiveAsync(Opcode.ReadyToTransfer);
        var removal = target.Served().RemoveLunAsync(0);
        await client.ExpectAliveAsync();
        Assert.False(removal.IsCompleted);

        await client.SendSequenceAsync(r2t, RawClient.Pattern(1, 8192));

        Assert.Equal("5/25/00", (await client.ReceiveAsync(Opcode.ScsiResponse)).SenseText);
        Assert.True(await removal);
        var medium = new byte[8192];
        await target.Gate.ReadAsync(0, BlockList.Over(medium));
        Assert.Equal(new byte[8192], medium);
    }

    [Fact]
    public async Task What_waits_for_the_device_or_for_an_older_task_is_answered_without_waiting_for_it()
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        await using var disk = new GatedBlockDevice(NewDisk(), new StoreNeed(1, 0));
        var client = await target.LoginAsync();
        target.Served().AddLun(2, disk);
        Assert.Equal("6/29/00", await SenseAsync(client, Lun2));
        disk.Close();
        await client.SendPduAsync(client.Read(0, 1, lun: Lun2));
        await Poll.UntilAsync(() => disk.Waiting == 1, () => "no request came");
        var waiting = client.Read(1, 1, lun: Lun2); // for the only slot of the device
        await client.SendPduAsync(waiting);
        var dormant = client.Read(2, 1, lun: Lun2, attribute: TaskAttribute.Ordered);
        await client.SendPduAsync(dormant);
        await client.ExpectAliveAsync();

        var removal = target.Served().RemoveLunAsync(2);
        var status = await client.ReceiveAsync(Opcode.ScsiResponse);
        Assert.Equal((RawClient.IttOf(waiting), "5/25/00"), (status.Itt, status.SenseText));
        Assert.False(removal.IsCompleted);
        disk.Open();

        Assert.Equal(ScsiStatus.Good, (await client.ReceiveAsync(Opcode.DataIn)).Status);
        status = await client.ReceiveAsync(Opcode.ScsiResponse);
        Assert.Equal((RawClient.IttOf(dormant), "5/25/00"), (status.Itt, status.SenseText));
        Assert.True(await removal);
        Assert.DoesNotContain("store " + RawTarget.TargetName + " LUN 2", target.Server.Snapshot(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task While_a_LUN_is_being_removed_its_storage_is_in_use_and_its_number_is_free()
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        await using var other = NewDisk();
        var client = await target.LoginAsync();
        target.Gate.Close();
        await client.SendPduAsync(client.Read(0, 1));
        await Poll.UntilAsync(() => target.Gate.Waiting == 1, () => "no request came");
        var removal = target.Served().RemoveLunAsync(0);

        var refused = Assert.Throws<ArgumentException>(() => target.Served().AddLun(7, target.Gate));
        Assert.Contains("still in use as LUN 0", refused.Message, StringComparison.Ordinal);
        target.Served().AddLun(0, other);
        Assert.Equal("6/29/00", await SenseAsync(client, 0));

        target.Gate.Open();
        Assert.True(await removal);
        target.Served().AddLun(7, target.Gate);
    }

    [Fact]
    public async Task Waiting_for_a_removal_can_be_given_up_and_the_LUN_leaves_all_the_same()
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var client = await target.LoginAsync();
        target.Gate.Close();
        await client.SendPduAsync(client.Read(0, 1));
        await Poll.UntilAsync(() => target.Gate.Waiting == 1, () => "no request came");
        using var cancel = new CancellationTokenSource();
        var removal = target.Served().RemoveLunAsync(0, cancel.Token);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => removal);
        Assert.Null(target.Served().FindLun(0));
        target.Gate.Open();
        await Poll.UntilAsync(() => CanAdd(target), () => "the LUN did not leave");
    }

    [Fact]
    public async Task Another_disk_under_a_LUN_is_a_new_one_and_its_INQUIRY_data_have_changed()
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        await using var other = NewDisk();
        var client = await target.LoginAsync();
        await target.Served().RemoveLunAsync(0);
        target.Served().AddLun(0, other);
        Assert.Equal("6/29/00", await SenseAsync(client, 0));
        Assert.Equal("6/3F/03", await SenseAsync(client, 0));
        Assert.Null(await SenseAsync(client, 0));
    }

    [Fact]
    public async Task Without_a_session_a_LUN_is_removed_at_once()
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        Assert.True(await target.Served().RemoveLunAsync(0));
        Assert.Null(target.Served().FindLun(0));
        Assert.Equal(1, Assert.Single(target.Served().Luns).Number);
    }

    [Fact]
    public async Task Devices_whose_bounce_blocks_the_store_floor_does_not_hold_are_refused_and_nothing_changes()
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var client = await target.LoginAsync();
        var floor = target.Server.Core.Budget.StoreFloorBlocks;
        await using var half = new GatedBlockDevice(NewDisk(), new StoreNeed(2, floor / 2 / 2));
        await using var tooMuch = new GatedBlockDevice(NewDisk(), new StoreNeed(2, floor / 2));
        target.Served().AddLun(2, half);
        await target.SettleAsync(client); // what sent its last answer is given back
        var before = target.Server.Snapshot();

        var refused = Assert.Throws<BudgetException>(() => target.Served().AddLun(3, tooMuch));
        Assert.Contains("bounce blocks", refused.Message, StringComparison.Ordinal);
        Assert.Equal(before, target.Server.Snapshot());
        Assert.Equal("6/3F/0E", await SenseAsync(client, 0));
        Assert.Null(await SenseAsync(client, 0));

        // What the first one gives back, the other one may have.
        await target.Served().RemoveLunAsync(2);
        target.Served().AddLun(3, tooMuch);
    }

    [Fact]
    public async Task A_LUN_that_becomes_read_only_refuses_writes_and_says_so()
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var client = await target.LoginAsync();
        var lun = target.Served().FindLun(0)!;

        lun.SetReadOnly(true);
        Assert.True(lun.IsReadOnly);
        Assert.Equal("6/2A/01", await SenseAsync(client, 0));
        Assert.Equal("7/27/00", (await client.RunAsync(client.Write(0, 1, dataLength: 512), new byte[512])).Status.SenseText);
        Assert.True(await IsWriteProtectedAsync(client));
        // Nothing new is nothing to tell.
        lun.SetReadOnly(true);
        Assert.Null(await SenseAsync(client, 0));

        lun.SetReadOnly(false);
        Assert.Equal("6/2A/01", await SenseAsync(client, 0));
        Assert.False(await IsWriteProtectedAsync(client));
        await client.WriteGoodAsync(0, RawClient.Pattern(2, 512));
    }

    [Fact]
    public async Task A_device_that_is_read_only_itself_stays_so()
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        await using var disk = new ReadOnlyBlockDevice(NewDisk());
        var client = await target.LoginAsync();
        var lun = target.Served().AddLun(2, disk, new LunOptions { IsReadOnly = true });
        Assert.Equal("6/29/00", await SenseAsync(client, Lun2));
        lun.SetReadOnly(false);
        Assert.True(lun.IsReadOnly);
        Assert.Null(await SenseAsync(client, Lun2));
    }

    [Fact]
    public async Task A_file_that_has_grown_is_as_large_as_it_is_once_the_device_looks_again()
    {
        var path = Path.GetTempFileName();
        try
        {
            await File.WriteAllBytesAsync(path, new byte[8192], TestContext.Current.CancellationToken);
            await using var disk = await FileBlockDevice.OpenAsync(path);
            await using var target = await RawTarget.StartAsync(witness: false);
            var client = await target.LoginAsync();
            target.Served().AddLun(2, disk);
            Assert.Equal("6/29/00", await SenseAsync(client, Lun2));
            await disk.ResizeAsync(16384);
            Assert.Equal("6/2A/09", await SenseAsync(client, Lun2));
            var (_, capacity) = await client.RunAsync(client.Command([0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0], 8, read: true, lun: Lun2));
            Assert.Equal(31u, BinaryPrimitives.ReadUInt32BigEndian(capacity));
            await target.Served().RemoveLunAsync(2);
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static bool CanAdd(RawTarget target)
    {
        try
        {
            target.Served().AddLun(7, target.Gate);
            return true;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }

    /// <summary>Sense of TEST UNIT READY; null: GOOD.</summary>
    private static async Task<string?> SenseAsync(RawClient client, ulong lun)
    {
        var (status, _) = await client.RunAsync(client.TestUnitReady(lun));
        return status.Status == ScsiStatus.Good ? null : status.SenseText;
    }

    private static async Task<RawPdu> StatusAsync(RawClient client)
    {
        while (true)
        {
            var pdu = await client.ReceiveAsync();
            if (pdu.Opcode == Opcode.ScsiResponse || pdu.HasStatus) return pdu;
        }
    }

    private static async Task<bool> IsWriteProtectedAsync(RawClient client)
    {
        var (_, data) = await client.RunAsync(client.Command([0x1A, 0x08, 0x3F, 0, 0xFF, 0], 255, read: true));
        return (data[2] & 0x80) != 0;
    }

    private static async Task<int[]> ReportLunsAsync(RawClient client)
    {
        var (_, data) = await client.RunAsync(client.Command([0xA0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0], 256, read: true));
        return [.. Enumerable.Range(0, BinaryPrimitives.ReadInt32BigEndian(data) / 8).Select(i => (int)data[8 + (i * 8) + 1])];
    }
}

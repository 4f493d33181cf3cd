using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;
using Iscsi.Storage;
using Iscsi.Target.Memory;
using Iscsi.Target.Scsi;
using Iscsi.Target.Scsi.Media;
using Iscsi.Target.Tests.Raw;
using Reservations;

namespace Iscsi.Target.Tests.Scsi.Media;

/// <summary>SANITIZE (SBC-3).</summary>
public sealed class SanitizeTests
{
    private static readonly string[] AllowedWhileItRuns =
        ["INQUIRY", "REPORT LUNS", "REQUEST SENSE", "REPORT SUPPORTED OPERATION CODES", "REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS", "REPORT TARGET PORT GROUPS"];

    private static byte[] CdbOf(ScsiCommandRow row)
    {
        var cdb = new byte[row.CdbLength];
        cdb[0] = row.OperationCode;
        cdb[1] = row.ServiceAction ?? 0;
        return cdb;
    }

    private static GatedBlockDevice Gated(int blocks = MediumHarness.Blocks) => new(new MemoryBlockDevice(blocks * 512));

    private static Task ReachesAsync(GatedBlockDevice device) => Poll.UntilAsync(() => device.Waiting == 1, () => "It did not reach the device.");

    [Theory]
    [InlineData(512)]
    [InlineData(4096)]
    public async Task OVERWRITE_writes_every_block_with_the_pattern_from_its_first_byte_on(int blockSize)
    {
        await using var h = new MediumHarness(new MemoryBlockDevice(3 << 20, blockSize));
        await h.FillDiskAsync(0xEE);
        var r = await h.OverwriteAsync(MediumHarness.OverwriteList(1, 1, 2, 3));
        Assert.Equal(ScsiStatus.Good, r.Status);
        var disk = await h.ReadDiskAsync();
        for (var at = 0; at < disk.Length; at++) Assert.Equal(1 + (at % blockSize % 3), disk[at]);
        Assert.False(h.Medium.HasObstacle);
    }

    [Theory]
    [InlineData(1, false, new byte[] { 0x0F })]
    [InlineData(2, false, new byte[] { 0x0F, 0x0F })]
    [InlineData(2, true, new byte[] { 0xF0, 0x0F })]
    [InlineData(3, true, new byte[] { 0x0F, 0xF0, 0x0F })]
    public void The_last_pass_writes_the_pattern_and_INVERT_inverts_it_from_pass_to_pass(int passes, bool inverts, byte[] written)
    {
        var operation = new MediumOperation(MediumWork.SanitizeOverwrite) { Passes = passes, Inverts = inverts, Pattern = [0x0F] };
        for (var pass = 0; pass < passes; pass++)
        {
            var block = new byte[512];
            operation.Fill(block, 512, pass);
            Assert.All(block, b => Assert.Equal(written[pass], b));
        }
    }

    [Fact]
    public async Task Every_pass_reaches_the_medium_before_the_next_one()
    {
        var device = new StubBlockDevice(new BlockDeviceInfo { BlockSize = 512, BlockCount = 1024, Identity = "stub" });
        await using var h = new MediumHarness(device);
        await h.OverwriteAsync(MediumHarness.OverwriteList(3, 0xAA));
        Assert.Equal(["write 0 512", "write 512 512", "flush", "write 0 512", "write 512 512", "flush", "write 0 512", "write 512 512", "flush"], device.Calls);
    }

    [Fact]
    public async Task BLOCK_ERASE_deallocates_every_block_and_all_read_as_zeroes()
    {
        await using var h = new MediumHarness();
        await h.FillDiskAsync(0xEE);
        await h.GoodAsync(MediumHarness.BlockErase);
        Assert.Equal(-1, (await h.ReadDiskAsync()).AsSpan().IndexOfAnyExcept((byte)0));
        var extents = new BlockExtent[8];
        var count = await h.Device.GetExtentsAsync(new BlockRange(0, MediumHarness.Blocks), extents);
        Assert.Equal([new BlockExtent(0, MediumHarness.Blocks, false)], extents[..count]);
    }

    [Fact]
    public async Task The_characteristics_page_says_that_blocks_can_be_read_after_a_block_erase_where_there_is_one()
    {
        Assert.Equal(0x40, new ScsiHarness().RunGood(ScsiHarness.Inquiry(0xB1))[7]);
        Assert.Equal(0x00, new ScsiHarness(info => info with { Unmap = DeviceSupport.None }).RunGood(ScsiHarness.Inquiry(0xB1))[7]);
        await using var h = new MediumHarness(new StubBlockDevice(new BlockDeviceInfo { BlockSize = 512, BlockCount = 64, Identity = "stub" }));
        Assert.Equal("5/24/00", (await h.SenseAsync(MediumHarness.BlockErase)).ToString());
    }

    [Fact]
    public void CRYPTOGRAPHIC_ERASE_does_not_exist() => new ScsiHarness().AssertInvalidField(MediumHarness.Sanitize(0x03), 1, 4);

    [Theory]
    [InlineData(0x01, 0)]
    [InlineData(0x01, 4)]
    [InlineData(0x01, 517)]
    [InlineData(0x02, 1)]
    [InlineData(0x1F, 8)]
    public void A_parameter_list_of_the_wrong_length_is_an_invalid_field(byte serviceAction, int length) =>
        new ScsiHarness().AssertInvalidField(MediumHarness.Sanitize(serviceAction, length), 7, dataOut: new byte[length]);

    [Theory]
    [InlineData("00 00 0001 AA", "26/00", 0, 4)] // OVERWRITE COUNT
    [InlineData("21 00 0001 AA", "26/00", 0, 6)] // TEST
    [InlineData("01 01 0001 AA", "26/00", 1, null)]
    [InlineData("01 00 0000 AA", "26/00", 2, null)]
    [InlineData("01 00 0201 AA", "26/00", 2, null)]
    [InlineData("01 00 0002 AA", "1A/00", null, null)]
    public async Task A_wrong_parameter_list_is_refused_and_nothing_is_written(string list, string additional, int? at, int? bit)
    {
        await using var h = new MediumHarness();
        await h.FillDiskAsync(0xEE);
        var r = await h.OverwriteAsync(Convert.FromHexString(list.Replace(" ", "", StringComparison.Ordinal)));
        Assert.Equal(ScsiStatus.CheckCondition, r.Status);
        Assert.Equal("5/" + additional, r.Sense.ToString());
        Assert.Equal(at is null ? null : new FieldPointer(false, (ushort)at, (byte?)bit), r.Sense.Field);
        Assert.Equal(-1, (await h.ReadDiskAsync()).AsSpan().IndexOfAnyExcept((byte)0xEE));
        Assert.False(h.Medium.HasObstacle);
    }

    [Fact]
    public void A_read_only_unit_refuses_it()
    {
        var h = new ScsiHarness(info => info with { IsReadOnly = true });
        h.AssertSense(MediumHarness.BlockErase, SenseKey.DataProtect, AdditionalSense.WriteProtected);
        h.AssertSense(MediumHarness.Sanitize(1, 5), SenseKey.DataProtect, AdditionalSense.WriteProtected, new byte[5]);
    }

    [Fact]
    public async Task While_it_runs_every_command_is_answered_as_the_standard_says_and_others_with_the_progress()
    {
        await using var device = Gated();
        await using var h = new MediumHarness(device, isRemovable: true);
        device.Close();
        Assert.Equal(ScsiStatus.Good, (await h.OverwriteAsync(MediumHarness.OverwriteList(1, 0xAA), immediate: true)).Status);
        await ReachesAsync(device);
        foreach (var row in ScsiCommandTable.Rows.ToArray())
        {
            if (!row.Exists(h.Unit)) continue;
            var (r, _) = h.Begin(CdbOf(row));
            if (AllowedWhileItRuns.Contains(row.Name))
            {
                // An empty CDB may be wrong; it is not the operation that refuses it.
                Assert.True(r.Status == ScsiStatus.Good || r.Sense.Key == SenseKey.IllegalRequest, $"{row.Name}: {r.Sense}");
                continue;
            }
            Assert.True(r.Status == ScsiStatus.CheckCondition, row.Name);
            Assert.True(r.Sense.ToString() == "2/04/1B", $"{row.Name}: {r.Sense}");
            Assert.NotNull(r.Sense.Progress);
        }
        device.Open();
        Assert.Equal(MediumOutcome.Done, await h.Medium.Run);
        await h.GoodAsync(MediumHarness.TestUnitReady);
    }

    [Fact]
    public async Task REQUEST_SENSE_tells_how_far_it_is()
    {
        await using var device = new StepBlockDevice(4096); // two megabytes, eight requests
        await using var h = new MediumHarness(device);
        await h.OverwriteAsync(MediumHarness.OverwriteList(2, 0xAA), immediate: true);
        for (var step = 0; step < 16; step++)
        {
            await device.ArrivedAsync();
            var sense = await h.PollAsync();
            Assert.Equal("2/04/1B", sense.ToString());
            Assert.Equal((ushort)(step * 65536 / 16), sense.Progress);
            device.LetOneEnd();
        }
        Assert.Equal(MediumOutcome.Done, await h.Medium.Run);
        Assert.True((await h.PollAsync()).IsNoSense);
    }

    [Fact]
    public async Task Without_IMMED_the_status_comes_with_the_end()
    {
        await using var device = Gated();
        await using var h = new MediumHarness(device);
        device.Close();
        var command = h.OverwriteAsync(MediumHarness.OverwriteList(1, 0xAA));
        await ReachesAsync(device);
        Assert.False(command.IsCompleted);
        device.Open();
        Assert.Equal(ScsiStatus.Good, (await command).Status);
    }

    [Fact]
    public async Task Aborting_the_command_and_resetting_everything_does_not_stop_it()
    {
        await using var device = Gated();
        await using var h = new MediumHarness(device);
        device.Close();
        var list = MediumHarness.OverwriteList(1, 0xAA);
        var (r, _) = h.Begin(MediumHarness.Sanitize(1, list.Length), list);
        var command = ScsiDispatcher.ExecuteAsync(r).AsTask();
        await ReachesAsync(device);
        r.Abort();
        await command;
        h.Medium.OnReset();
        h.Units.Detach(h.Nexus);
        Assert.True(h.Medium.IsOperating);
        device.Open();
        Assert.Equal(MediumOutcome.Done, await h.Medium.Run);
        Assert.Equal(-1, (await h.ReadDiskAsync()).AsSpan().IndexOfAnyExcept((byte)0xAA));
    }

    [Fact]
    public async Task It_begins_when_the_requests_that_are_at_the_device_have_ended()
    {
        await using var h = new MediumHarness();
        var write = new TestRangeEntry();
        Assert.True(h.Unit.Ranges.TryEnter(write, new BlockRange(0, 8), isExclusive: false));
        var command = h.SendAsync(MediumHarness.BlockErase);
        Assert.True(h.Medium.IsOperating);
        Assert.False(command.IsCompleted);
        var late = new TestRangeEntry();
        Assert.False(h.Unit.Ranges.TryEnter(late, new BlockRange(8, 8), isExclusive: false));
        h.Unit.Ranges.Leave(write);
        Assert.Equal(ScsiStatus.Good, (await command).Status);
        await late.Entered.WaitAsync(TimeSpan.FromSeconds(60));
        h.Unit.Ranges.Leave(late);
    }

    [Fact]
    public async Task Aborted_before_it_was_accepted_it_has_never_been()
    {
        await using var h = new MediumHarness();
        var write = new TestRangeEntry();
        h.Unit.Ranges.TryEnter(write, new BlockRange(0, 8), isExclusive: false);
        var (r, _) = h.Begin(MediumHarness.BlockErase);
        var command = ScsiDispatcher.ExecuteAsync(r).AsTask();
        r.Abort();
        await command;
        Assert.Equal(ScsiStatus.CheckCondition, r.Status);
        Assert.False(h.Medium.HasObstacle);
        Assert.Equal(0, h.Background.Node.State.UsedBlocks);
        h.Unit.Ranges.Leave(write);
        await h.GoodAsync(MediumHarness.BlockErase);
    }

    [Fact]
    public async Task Its_memory_is_one_block_and_one_request_of_the_device_from_before_it_is_accepted_to_its_end()
    {
        await using var device = Gated();
        await using var h = new MediumHarness(device, store: new StoreNeed(1, 0));
        Assert.True(h.Lane!.Node.TryReserve(null, h.Lane.Demand, out var other));
        device.Close();
        var command = h.OverwriteAsync(MediumHarness.OverwriteList(1, 0xAA), immediate: true);
        await Poll.UntilAsync(() => h.Lane.Node.State.Waiters == 1, () => "It does not wait for the device.");
        Assert.Equal(1, h.Background.Node.State.UsedBlocks);
        Assert.False(command.IsCompleted);
        other.Dispose();
        Assert.Equal(ScsiStatus.Good, (await command).Status);
        await ReachesAsync(device);
        Assert.Equal(1, h.Background.Node.State.UsedBlocks);
        Assert.False(h.Lane.Node.TryReserve(null, h.Lane.Demand, out _));
        device.Open();
        await h.Medium.Run;
        Assert.Equal(0, h.Background.Node.State.UsedBlocks);
        Assert.True(h.Lane.Node.TryReserve(null, h.Lane.Demand, out other));
        other.Dispose();
    }

    [Fact]
    public async Task Without_memory_it_is_not_accepted_and_the_initiator_asks_again()
    {
        await using var h = new MediumHarness();
        Assert.True(h.Background.Node.TryReserve(null, BackgroundMemory.Demand, out var other));
        Assert.Equal(ScsiStatus.Busy, (await h.SendAsync(MediumHarness.BlockErase)).Status);
        Assert.False(h.Medium.HasObstacle);
        other.Dispose();
        await h.GoodAsync(MediumHarness.BlockErase);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task After_a_device_error_every_command_but_a_few_is_03_31_03(bool flush)
    {
        await using var device = new FaultInjectionBlockDevice(
            new MemoryBlockDevice(1 << 20), seed: 1, new FaultRule { Operations = flush ? BlockOperations.Flush : BlockOperations.Write, SkipCalls = flush ? 0 : 2 });
        await using var h = new MediumHarness(device, isRemovable: true);
        var failed = await h.OverwriteAsync(MediumHarness.OverwriteList(1, 0xAA));
        Assert.Equal("3/31/03", failed.Sense.ToString());
        foreach (var row in ScsiCommandTable.Rows.ToArray())
        {
            if (!row.Exists(h.Unit) || AllowedWhileItRuns.Contains(row.Name) || row.Name.StartsWith("SANITIZE", StringComparison.Ordinal)) continue;
            var (r, _) = h.Begin(CdbOf(row));
            // A failed flush is latched as for any other command, and refuses a format before the reason is looked at.
            var expected = flush && row.Name == "FORMAT UNIT" ? "3/0C/00" : "3/31/03";
            Assert.True(r.Sense.ToString() == expected, $"{row.Name}: {r.Sense}");
        }
        Assert.Equal("3/31/03", (await h.PollAsync()).ToString());
    }

    [Fact]
    public async Task EXIT_FAILURE_MODE_ends_a_failure_that_AUSE_allowed_and_no_other()
    {
        await using var device = new FaultInjectionBlockDevice(new MemoryBlockDevice(1 << 20), seed: 1);
        await using var h = new MediumHarness(device);
        var exit = MediumHarness.Sanitize(OperationCode.SanitizeExitFailureMode);
        await h.GoodAsync(exit); // nothing has failed

        device.Add(new FaultRule());
        Assert.Equal("3/31/03", (await h.SenseAsync(MediumHarness.Sanitize(2, unrestricted: true))).ToString());
        await h.GoodAsync(exit);
        await h.GoodAsync(MediumHarness.TestUnitReady);

        Assert.Equal("3/31/03", (await h.SenseAsync(MediumHarness.BlockErase)).ToString());
        Assert.Equal("5/24/00", (await h.SenseAsync(exit)).ToString());
        // Another one that could be exited would be a way around.
        Assert.Equal("5/24/00", (await h.SenseAsync(MediumHarness.Sanitize(2, unrestricted: true))).ToString());
        device.Clear();
        await h.GoodAsync(MediumHarness.BlockErase);
        await h.GoodAsync(MediumHarness.TestUnitReady);
    }

    private sealed class TestRangeEntry : RangeLockEntry
    {
        private readonly TaskCompletionSource _entered = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Entered => _entered.Task;

        protected internal override void OnEntered() => _entered.SetResult();
    }
}

using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;
using Iscsi.Storage;
using Iscsi.Target.Scsi;
using Iscsi.Target.Scsi.Media;
using Iscsi.Target.Tests.Raw;

namespace Iscsi.Target.Tests.Scsi.Media;

/// <summary>FORMAT UNIT (SBC-3).</summary>
public sealed class FormatTests
{
    private static readonly byte[] Plain = [OperationCode.FormatUnit, 0, 0, 0, 0, 0];
    private static readonly byte[] WithShortList = [OperationCode.FormatUnit, 0x10, 0, 0, 0, 0];
    private static readonly byte[] WithLongList = [OperationCode.FormatUnit, 0x30, 0, 0, 0, 0];

    private static byte[] Bytes(string hex) => Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal));

    [Fact]
    public async Task Without_a_list_every_block_is_deallocated()
    {
        await using var h = new MediumHarness();
        await h.FillDiskAsync(0xEE);
        await h.GoodAsync(Plain);
        var extents = new BlockExtent[1];
        Assert.Equal(1, await h.Device.GetExtentsAsync(new BlockRange(0, MediumHarness.Blocks), extents));
        Assert.False(extents[0].IsAllocated);
        Assert.Equal(-1, (await h.ReadDiskAsync()).AsSpan().IndexOfAnyExcept((byte)0));
    }

    [Theory]
    [InlineData(false, "00 00 0000", 0x00, false)]
    [InlineData(false, "00 F0 0000", 0x00, false)] // FOV, DPRY, DCRT, STPF
    [InlineData(true, "00 00 00 00 00000000", 0x00, false)]
    [InlineData(false, "00 88 0000 00 00 0000", 0x00, false)] // IP: the default pattern
    [InlineData(false, "00 88 0000 20 00 0000", 0x00, true)] // SI: written
    [InlineData(false, "00 88 0000 00 01 0001 5A", 0x5A, true)]
    [InlineData(true, "00 88 00 00 00000000 00 01 0001 5A", 0x5A, true)]
    public async Task A_list_says_what_blocks_read_as_afterwards(bool isLong, string list, byte value, bool isAllocated)
    {
        await using var h = new MediumHarness();
        await h.FillDiskAsync(0xEE);
        await h.GoodAsync(isLong ? WithLongList : WithShortList, Bytes(list));
        Assert.Equal(-1, (await h.ReadDiskAsync()).AsSpan().IndexOfAnyExcept(value));
        var extents = new BlockExtent[1];
        await h.Device.GetExtentsAsync(new BlockRange(0, MediumHarness.Blocks), extents);
        Assert.Equal(isAllocated, extents[0].IsAllocated);
    }

    [Theory]
    [InlineData(false, "00 00", "1A/00", null, null)]
    [InlineData(true, "00 00 0000", "1A/00", null, null)]
    [InlineData(false, "00 88 0000", "1A/00", null, null)]
    [InlineData(false, "00 88 0000 00 01 0002 5A", "1A/00", null, null)]
    [InlineData(false, "01 00 0000", "26/00", 0, 0)] // PROTECTION FIELD USAGE
    [InlineData(false, "00 01 0000", "26/00", 1, 0)] // VS
    [InlineData(false, "00 20 0000", "26/00", 1, 5)] // DCRT without FOV
    [InlineData(false, "00 08 0000", "26/00", 1, 3)] // IP without FOV
    [InlineData(false, "00 00 0008", "26/00", 2, null)] // defects
    [InlineData(true, "00 00 00 00 00000008", "26/00", 4, null)]
    [InlineData(true, "00 00 01 00 00000000", "26/00", 2, null)]
    [InlineData(true, "00 00 00 10 00000000", "26/00", 3, null)]
    [InlineData(false, "00 88 0000 40 00 0000", "26/00", 4, 6)]
    [InlineData(false, "00 88 0000 00 02 0000", "26/00", 5, null)]
    [InlineData(false, "00 88 0000 00 00 0001 5A", "26/00", 6, null)]
    [InlineData(false, "00 88 0000 00 01 0000", "26/00", 6, null)]
    [InlineData(false, "00 88 0000 00 01 0201 5A", "26/00", 6, null)]
    public async Task A_wrong_list_is_refused_and_nothing_is_formatted(bool isLong, string list, string additional, int? at, int? bit)
    {
        await using var h = new MediumHarness();
        await h.FillDiskAsync(0xEE);
        var sense = await h.SenseAsync(isLong ? WithLongList : WithShortList, Bytes(list));
        Assert.Equal("5/" + additional, sense.ToString());
        Assert.Equal(at is null ? null : new FieldPointer(false, (ushort)at, (byte?)bit), sense.Field);
        Assert.Equal(-1, (await h.ReadDiskAsync()).AsSpan().IndexOfAnyExcept((byte)0xEE));
    }

    [Theory]
    [InlineData(0x40, 6)] // FMTPINFO: no protection information
    [InlineData(0x80, 7)]
    [InlineData(0x08, 3)] // CMPLST without a list
    [InlineData(0x01, 2)] // a format without a list
    [InlineData(0x11, 2)] // a reserved format
    public void A_field_that_makes_no_sense_is_refused(byte byte1, int bit) =>
        new ScsiHarness().AssertInvalidField([OperationCode.FormatUnit, byte1, 0, 0, 0, 0], 1, bit);

    [Fact]
    public async Task While_it_runs_others_are_told_04_04_with_the_progress_and_IMMED_answers_at_once()
    {
        await using var device = new GatedBlockDevice(new MemoryBlockDevice(1 << 20));
        await using var h = new MediumHarness(device);
        device.Close();
        await h.GoodAsync(WithShortList, Bytes("00 8A 0000 00 01 0001 5A"));
        var sense = await h.SenseAsync(MediumHarness.TestUnitReady);
        Assert.Equal("2/04/04", sense.ToString());
        Assert.Equal((ushort)0, sense.Progress);
        Assert.Equal("2/04/04", (await h.PollAsync()).ToString());
        Assert.Equal("2/04/04", (await h.SenseAsync(MediumHarness.BlockErase)).ToString());
        await h.GoodAsync(ScsiHarness.Inquiry());
        device.Open();
        Assert.Equal(MediumOutcome.Done, await h.Medium.Run);
        await h.GoodAsync(MediumHarness.TestUnitReady);
    }

    [Fact]
    public async Task A_format_that_failed_leaves_the_medium_corrupted_until_another_one_succeeds()
    {
        await using var device = new FaultInjectionBlockDevice(new MemoryBlockDevice(1 << 20), seed: 1, new FaultRule { Operations = BlockOperations.WriteZeroes });
        await using var h = new MediumHarness(device);
        Assert.Equal("3/31/01", (await h.SenseAsync(Plain)).ToString());
        Assert.Equal("3/31/00", (await h.SenseAsync(MediumHarness.TestUnitReady)).ToString());
        Assert.Equal("3/31/00", (await h.SenseAsync(MediumHarness.Sanitize(OperationCode.SanitizeExitFailureMode))).ToString());
        device.Clear();
        await h.GoodAsync(Plain);
        await h.GoodAsync(MediumHarness.TestUnitReady);
    }

    [Fact]
    public async Task It_does_not_end_a_sanitize_operation_that_failed()
    {
        await using var device = new FaultInjectionBlockDevice(new MemoryBlockDevice(1 << 20), seed: 1, new FaultRule { Operations = BlockOperations.WriteZeroes });
        await using var h = new MediumHarness(device);
        await h.SendAsync(MediumHarness.BlockErase);
        device.Clear();
        Assert.Equal("3/31/03", (await h.SenseAsync(Plain)).ToString());
        Assert.Equal("3/31/03", (await h.SenseAsync(MediumHarness.TestUnitReady)).ToString());
    }

    [Fact]
    public void A_read_only_unit_refuses_it() => new ScsiHarness(info => info with { IsReadOnly = true })
        .AssertSense(Plain, SenseKey.DataProtect, AdditionalSense.WriteProtected);

    [Fact]
    public async Task A_device_that_cannot_deallocate_is_written_with_zeroes()
    {
        var device = new StubBlockDevice(new BlockDeviceInfo
        {
            BlockSize = 512, BlockCount = 64, WriteZeroes = DeviceSupport.None, Identity = "stub",
        });
        await using var h = new MediumHarness(device);
        await h.FillDiskAsync(0xEE);
        device.Calls.Clear();
        await h.GoodAsync(Plain);
        Assert.Equal(["write 0 64", "flush"], device.Calls);
        Assert.Equal(-1, device.Bytes.IndexOfAnyExcept((byte)0));
    }
}

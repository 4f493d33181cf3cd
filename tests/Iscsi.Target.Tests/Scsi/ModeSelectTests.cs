using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;
using Iscsi.Storage;
using Iscsi.Target.Scsi;

namespace Iscsi.Target.Tests.Scsi;

public sealed class ModeSelectTests : IDisposable
{
    private const byte PageFormat = 0x10;
    private const byte Save = 0x01;

    private readonly string _directory = Directory.CreateTempSubdirectory().FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private LunOptions Kept => new() { StatePath = Path.Combine(_directory, "state") };

    private static byte[] Select6(int length, byte flags = PageFormat) => [OperationCode.ModeSelect6, flags, 0, 0, (byte)length, 0];

    private static byte[] Select10(int length, byte flags = PageFormat) =>
        [OperationCode.ModeSelect10, flags, 0, 0, 0, 0, 0, (byte)(length >> 8), (byte)length, 0];

    private static byte[] Page(ScsiHarness h, byte code, byte control = 0) =>
        h.RunGood([OperationCode.ModeSense6, 0x08, (byte)((control << 6) | code), 0, 255, 0])[4..];

    private static byte[] Control(ScsiHarness h, Func<ControlModePage, ControlModePage> change)
    {
        var page = new byte[ControlModePage.Size];
        change(h.Unit.Control).Write(page);
        return page;
    }

    private static byte[] Caching(bool isEnabled)
    {
        var page = new byte[CachingModePage.Size];
        new CachingModePage { WriteCacheEnabled = isEnabled }.Write(page);
        return page;
    }

    private static byte[] List6(params byte[][] parts) => [0, 0, 0, 0, .. parts.SelectMany(p => p)];

    private static void Select(ScsiHarness h, byte[] list, byte flags = PageFormat) => h.RunGood(Select6(list.Length, flags), list);

    private static void AssertRefused(ScsiHarness h, byte[] list, int offsetBytes, int? bit = null, bool isLong = false)
    {
        h.AssertSense(
            isLong ? Select10(list.Length) : Select6(list.Length), SenseKey.IllegalRequest, AdditionalSense.InvalidFieldInParameterList, list);
        Assert.Equal(new FieldPointer(InCdb: false, (ushort)offsetBytes, (byte?)bit), h.Request.Sense.Field);
    }

    [Fact]
    public void SWP_refuses_writes_with_27_02_lets_reads_pass_and_sets_WP_until_it_is_cleared()
    {
        var h = new ScsiHarness();
        Select(h, List6(Control(h, c => c with { SoftwareWriteProtect = true })));
        Assert.True(h.Unit.Control.SoftwareWriteProtect);
        h.AssertSense(ScsiHarness.Cdb10(OperationCode.Write10, 0, 0, 1), SenseKey.DataProtect, AdditionalSense.SoftwareWriteProtected, new byte[512]);
        h.AssertSense(ScsiHarness.Cdb10(OperationCode.WriteSame10, 0, 0, 1), SenseKey.DataProtect, AdditionalSense.SoftwareWriteProtected, new byte[512]);
        h.RunGood(ScsiHarness.Cdb10(OperationCode.Read10, 0, 0, 1));
        Assert.Equal(0x90, h.RunGood([OperationCode.ModeSense6, 0, 0x3F, 0, 255, 0])[2]);

        Select(h, List6(Control(h, c => c with { SoftwareWriteProtect = false })));
        h.RunGood(ScsiHarness.Cdb10(OperationCode.Write10, 0, 0, 1), new byte[512]);
        Assert.Equal(0x10, h.RunGood([OperationCode.ModeSense6, 0, 0x3F, 0, 255, 0])[2]);
    }

    [Fact]
    public void SWP_makes_what_is_in_the_cache_durable_first()
    {
        var h = new ScsiHarness();
        Select(h, List6(Control(h, c => c with { SoftwareWriteProtect = true })));
        Assert.Equal(["flush"], h.Device.Calls);
    }

    [Fact]
    public void A_read_only_device_refuses_with_27_00_whatever_SWP_says()
    {
        var h = new ScsiHarness(info => info with { IsReadOnly = true });
        Select(h, List6(Control(h, c => c with { SoftwareWriteProtect = true })));
        h.AssertSense(ScsiHarness.Cdb10(OperationCode.Write10, 0, 0, 1), SenseKey.DataProtect, AdditionalSense.WriteProtected, new byte[512]);
    }

    [Fact]
    public void Switching_the_cache_off_flushes_it_once_and_then_every_write_goes_through()
    {
        var h = new ScsiHarness();
        Assert.False(h.Unit.WritesThrough);
        Select(h, List6(Caching(isEnabled: false)));
        Assert.True(h.Unit.WritesThrough);
        Assert.Equal(["flush"], h.Device.Calls);

        h.Device.Calls.Clear();
        h.RunGood(ScsiHarness.Cdb10(OperationCode.WriteSame10, 0, 0, 8), new byte[512]);
        Assert.Equal(["zero 0 8 None", "flush"], h.Device.Calls);

        Select(h, List6(Caching(isEnabled: true)));
        h.Device.Calls.Clear();
        h.RunGood(ScsiHarness.Cdb10(OperationCode.WriteSame10, 0, 0, 8), new byte[512]);
        Assert.Equal(["zero 0 8 None"], h.Device.Calls);
    }

    [Fact]
    public void A_cache_whose_flush_fails_is_not_switched_off()
    {
        var h = new ScsiHarness();
        h.Device.FlushFailure = new BlockDeviceException(BlockDeviceError.WriteFailed, "broken");
        h.AssertSense(Select6(24), SenseKey.MediumError, AdditionalSense.WriteError, List6(Caching(isEnabled: false)));
        Assert.False(h.Unit.WritesThrough);
        Assert.True(h.Unit.IsWriteErrorLatched);
    }

    [Fact]
    public void A_device_that_writes_through_can_not_be_given_a_cache()
    {
        var h = new ScsiHarness(info => info with { HasVolatileWriteCache = false });
        AssertRefused(h, List6(Caching(isEnabled: true)), 6, 2);
    }

    [Fact]
    public void D_SENSE_TAS_and_QERR_are_kept_as_they_are_set()
    {
        var h = new ScsiHarness();
        var wanted = h.Unit.Control with
        {
            DescriptorFormatSense = true, TaskAbortedStatus = true, QueueErrorManagement = QueueErrorManagement.AbortAll,
        };
        Select(h, List6(Control(h, _ => wanted)));
        Assert.Equal(wanted, h.Unit.Control);
        Assert.Equal(wanted, ControlModePage.TryParse(Page(h, 0x0A)));
        Assert.NotEqual(wanted, ControlModePage.TryParse(Page(h, 0x0A, control: 2)));
    }

    [Fact]
    public void The_reserved_QERR_is_refused()
    {
        var h = new ScsiHarness();
        AssertRefused(h, List6(Control(h, c => c with { QueueErrorManagement = (QueueErrorManagement)2 })), 7);
        Assert.Equal(QueueErrorManagement.Continue, h.Unit.Control.QueueErrorManagement);
    }

    [Fact]
    public void MODE_SELECT_10_has_the_longer_header_and_a_long_block_descriptor()
    {
        var h = new ScsiHarness();
        byte[] list =
        [
            0, 0, 0, 0, 1, 0, 0, 16, // LONGLBA
            0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 2, 0,
            .. Control(h, c => c with { TaskAbortedStatus = true }),
        ];
        h.RunGood(Select10(list.Length), list);
        Assert.True(h.Unit.Control.TaskAbortedStatus);
    }

    [Fact]
    public void What_MODE_SENSE_returned_can_be_sent_back()
    {
        var h = new ScsiHarness(options: Kept);
        var other = h.NewNexus();
        var six = h.RunGood([OperationCode.ModeSense6, 0, 0x3F, 0xFF, 255, 0]);
        h.RunGood(Select6(six.Length), six);
        var ten = h.RunGood([OperationCode.ModeSense10, 0x10, 0x3F, 0xFF, 0, 0, 0, 4, 0, 0]);
        h.RunGood(Select10(ten.Length), ten);
        Assert.False(other.HasUnitAttention);
    }

    [Fact]
    public void An_empty_list_changes_nothing_and_is_no_error()
    {
        var h = new ScsiHarness();
        h.RunGood(Select6(0));
        h.RunGood(Select10(0));
        h.RunGood(Select6(4, flags: 0), List6());
    }

    [Fact]
    public void A_page_without_PF_is_an_invalid_field_of_the_CDB()
    {
        var h = new ScsiHarness();
        h.AssertInvalidField(Select6(24, flags: 0), 1, 4, List6(Caching(isEnabled: true)));
    }

    [Fact]
    public void SP_is_an_invalid_field_where_nothing_can_be_saved() =>
        new ScsiHarness().AssertInvalidField(Select6(24, PageFormat | Save), 1, 0, List6(Caching(isEnabled: true)));

    [Fact]
    public void Every_truncation_of_a_list_is_a_length_error_and_changes_nothing()
    {
        var h = new ScsiHarness();
        byte[] whole =
        [
            0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 8, 0, 0, 0, 2, 0,
            .. Caching(isEnabled: false), .. Control(h, c => c with { SoftwareWriteProtect = true }),
        ];
        int[] ends = [16, 36, 48];
        for (var length = 1; length <= whole.Length; length++)
        {
            var list = whole[..length];
            if (ends.Contains(length)) continue;
            h.AssertSense(Select10(length), SenseKey.IllegalRequest, AdditionalSense.ParameterListLengthError, list);
        }
        Assert.True(h.Unit.Caching.WriteCacheEnabled);
        Assert.False(h.Unit.Control.SoftwareWriteProtect);
    }

    [Fact]
    public void Fewer_data_than_the_CDB_says_are_a_length_error()
    {
        var h = new ScsiHarness();
        h.AssertSense(Select6(24), SenseKey.IllegalRequest, AdditionalSense.ParameterListLengthError, List6(Caching(isEnabled: false))[..20]);
    }

    [Fact]
    public void A_list_beyond_the_bound_is_a_length_error() =>
        new ScsiHarness().AssertSense(Select10(4097), SenseKey.IllegalRequest, AdditionalSense.ParameterListLengthError, new byte[4097]);

    [Fact]
    public void An_error_in_a_later_page_leaves_an_earlier_one_as_it_was()
    {
        var h = new ScsiHarness();
        var bad = Control(h, c => c with { QueueAlgorithmModifier = 0 });
        AssertRefused(h, List6(Caching(isEnabled: false), bad), 4 + 20 + 3, 4);
        Assert.True(h.Unit.Caching.WriteCacheEnabled);
        Assert.Empty(h.Device.Calls);
    }

    public static TheoryData<byte[], int, int?> WrongLists() => new()
    {
        { [0, 1, 0, 0], 1, null }, // MEDIUM TYPE
        { [0, 0, 0, 4, 0, 0, 0, 0], 3, null }, // BLOCK DESCRIPTOR LENGTH
        { [0, 0, 0, 8, 0, 0, 7, 0xFF, 0, 0, 2, 0], 4, null }, // NUMBER OF LOGICAL BLOCKS
        { [0, 0, 0, 8, 0, 0, 8, 0, 0, 0, 0x10, 0], 9, null }, // LOGICAL BLOCK LENGTH
        { [0, 0, 0, 0, 0x02, 0x02, 0, 0], 4, 5 }, // no such page
        { [0, 0, 0, 0, 0x4A, 0x7F, 0, 0], 5, null }, // no such subpage
        { [0, 0, 0, 0, 0x48, 0x00, 0, 0x12], 5, null }, // the long header of a page without subpages
        { [0, 0, 0, 0, 0x08, 0x0A, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 5, null }, // PAGE LENGTH
        { [0, 0, 0, 0, 0x4A, 0x01, 0, 0x1B, .. new byte[27]], 6, null }, // PAGE LENGTH of a subpage
        { [0, 0, 0, 0, 0x0A, 0x0A, 0x22, 0x10, 0, 0, 0, 0, 0xFF, 0xFE, 0, 0], 13, 0 }, // BUSY TIMEOUT PERIOD
    };

    [Theory]
    [MemberData(nameof(WrongLists))]
    public void A_wrong_field_is_refused_with_a_pointer_to_it(byte[] list, int offsetBytes, int? bit) =>
        AssertRefused(new ScsiHarness(), list, offsetBytes, bit);

    [Theory]
    [InlineData(2, 1, 2)] // MEDIUM TYPE
    [InlineData(7, 16, 6)] // a long block descriptor without LONGLBA
    public void A_wrong_field_of_the_longer_header_is_refused_too(int at, byte value, int offsetBytes)
    {
        var list = new byte[8 + 16];
        list[at] = value;
        AssertRefused(new ScsiHarness(), list, offsetBytes, isLong: true);
    }

    [Fact]
    public void Every_bit_that_is_not_in_the_changeable_mask_is_refused_with_a_pointer_to_it()
    {
        var h = new ScsiHarness();
        foreach (var page in ModePages.All)
        {
            var index = ModePages.IndexOf(page.Code, page.Subcode);
            if (!h.Unit.Modes.Has(index)) continue;
            for (var i = page.HeaderSize; i < page.Size; i++)
            {
                for (var bit = 0; bit < 8; bit++)
                {
                    if ((h.Unit.Modes.Changeable(index)[i] & (1 << bit)) != 0) continue;
                    var sent = h.Unit.Modes.Current(index).ToArray();
                    sent[i] ^= (byte)(1 << bit);
                    AssertRefused(h, List6(sent), 4 + i, bit);
                }
            }
        }
    }

    [Fact]
    public void Another_nexus_is_told_of_a_change_and_of_nothing_else()
    {
        var h = new ScsiHarness();
        var other = h.NewNexus();
        Select(h, List6(Caching(isEnabled: true)));
        Assert.Equal(UnitAttention.None, other.Pending(h.Unit));
        Select(h, List6(Caching(isEnabled: false)));
        Assert.Equal(UnitAttention.ModeParametersChanged, other.Pending(h.Unit));
        Assert.Equal(UnitAttention.None, h.Nexus.Pending(h.Unit));
        var r = h.Run([OperationCode.TestUnitReady, 0, 0, 0, 0, 0], nexus: other);
        Assert.Equal("6/2A/01", r.Sense.ToString());
    }

    [Fact]
    public void What_was_saved_is_in_force_after_a_restart_and_what_was_not_is_gone()
    {
        var h = new ScsiHarness(options: Kept);
        Assert.Equal(0x88, Page(h, 0x08)[0]);
        Select(h, List6(Caching(isEnabled: false)), PageFormat | Save);
        Select(h, List6(Control(h, c => c with { DescriptorFormatSense = true })));
        Assert.Equal(Page(h, 0x08), Page(h, 0x08, control: 3));
        Assert.NotEqual(Page(h, 0x0A), Page(h, 0x0A, control: 3));

        var again = new ScsiHarness(options: Kept);
        Assert.False(again.Unit.Caching.WriteCacheEnabled);
        Assert.False(again.Unit.Control.DescriptorFormatSense);
        Assert.True(CachingModePage.TryParse(Page(again, 0x08, control: 2))!.WriteCacheEnabled);
    }

    [Fact]
    public void SP_saves_all_pages_also_those_that_are_not_sent()
    {
        var h = new ScsiHarness(options: Kept);
        Select(h, List6(Control(h, c => c with { DescriptorFormatSense = true })));
        Select(h, List6(Caching(isEnabled: false)), PageFormat | Save);
        Assert.True(new ScsiHarness(options: Kept).Unit.Control.DescriptorFormatSense);
    }

    [Fact]
    public void SP_without_a_list_saves_the_pages_as_they_are()
    {
        var h = new ScsiHarness(options: Kept);
        Select(h, List6(Control(h, c => c with { DescriptorFormatSense = true })));
        h.RunGood(Select6(0, PageFormat | Save));
        Assert.True(new ScsiHarness(options: Kept).Unit.Control.DescriptorFormatSense);
    }

    [Fact]
    public void A_reset_that_brings_a_saved_WCE_of_zero_back_flushes_what_the_cache_has()
    {
        var h = new ScsiHarness(options: Kept);
        Select(h, List6(Caching(isEnabled: false)), PageFormat | Save);
        Select(h, List6(Caching(isEnabled: true)));
        h.Device.Calls.Clear();
        h.Unit.Modes.Reset();
        Assert.True(h.Unit.WritesThrough);
        Assert.Equal(["flush"], h.Device.Calls);
        h.Unit.Modes.Reset();
        Assert.Single(h.Device.Calls);
    }

    [Fact]
    public void A_save_that_fails_changes_nothing()
    {
        var h = new ScsiHarness(options: new LunOptions { StatePath = Path.Combine(_directory, "missing", "state") });
        h.AssertSense(Select6(24, PageFormat | Save), SenseKey.HardwareError, AdditionalSense.InternalTargetFailure, List6(Caching(isEnabled: false)));
        Assert.True(h.Unit.Caching.WriteCacheEnabled);
    }

    [Theory]
    [InlineData("zz")]
    [InlineData("0812")]
    [InlineData("0a0a22140000000000000000")] // the reserved QERR
    public void A_saved_page_that_can_not_be_is_the_default(string value)
    {
        var first = new ScsiHarness(options: Kept);
        first.Unit.State.Set(("mode-page/0A/00", value));
        Assert.Equal(new ScsiHarness().Unit.Control, new ScsiHarness(options: Kept).Unit.Control);
    }

    [Fact]
    public void A_saved_page_changes_nothing_that_is_not_changeable()
    {
        var first = new ScsiHarness(options: Kept);
        first.Unit.State.Set(("mode-page/0A/00", Convert.ToHexString(Enumerable.Repeat((byte)0xFF, 12).ToArray())));
        var control = new ScsiHarness(options: Kept).Unit.Control;
        Assert.Equal(1, control.TaskSetType);
        Assert.True(control.SoftwareWriteProtect);
        Assert.Equal(QueueErrorManagement.AbortNexus, control.QueueErrorManagement);
    }

    [Fact]
    public void A_reset_of_the_unit_brings_the_saved_values_back()
    {
        var h = new ScsiHarness(options: Kept);
        Select(h, List6(Control(h, c => c with { DescriptorFormatSense = true })), PageFormat | Save);
        Select(h, List6(Caching(isEnabled: false)));
        h.Unit.Modes.Reset();
        Assert.True(h.Unit.Control.DescriptorFormatSense);
        Assert.True(h.Unit.Caching.WriteCacheEnabled);
    }

    [Fact]
    public void Random_lists_never_throw()
    {
        const int seed = 1914;
        var random = new Random(seed);
        var h = new ScsiHarness();
        for (var i = 0; i < 20_000; i++)
        {
            var list = new byte[random.Next(0, 120)];
            random.NextBytes(list);
            for (var b = 0; b < list.Length; b++)
                if (random.Next(3) != 0) list[b] = 0;
            if (list.Length > 12 && (i & 1) == 0)
            {
                list[1] = list[3] = 0;
                list[4] = (byte)(random.Next(2) * 0x40 + ModePages.All[random.Next(ModePages.All.Length)].Code);
            }
            var r = h.Run(Select6(list.Length), list);
            Assert.True(r.Status is ScsiStatus.Good or ScsiStatus.CheckCondition, $"seed {seed}, round {i}");
        }
    }
}

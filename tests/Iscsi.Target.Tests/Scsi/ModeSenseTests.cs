using System.Buffers.Binary;
using Iscsi.Protocol.Scsi;

namespace Iscsi.Target.Tests.Scsi;

public sealed class ModeSenseTests
{
    private static byte[] ModeSense6(byte pageAndControl, byte flags = 0, byte subpage = 0, byte allocationLength = 255) =>
        [OperationCode.ModeSense6, flags, pageAndControl, subpage, allocationLength, 0];

    private static byte[] ModeSense10(byte pageAndControl, byte flags = 0, byte subpage = 0, byte allocationLength = 255) =>
        [OperationCode.ModeSense10, flags, pageAndControl, subpage, 0, 0, 0, 0, allocationLength, 0];

    private static List<(byte Code, byte Subpage)> Pages(ReadOnlySpan<byte> pages)
    {
        var found = new List<(byte, byte)>();
        while (pages.Length > 0)
        {
            var hasSubpage = (pages[0] & 0x40) != 0;
            found.Add(((byte)(pages[0] & 0x3F), hasSubpage ? pages[1] : (byte)0));
            pages = pages[(hasSubpage ? 4 + BinaryPrimitives.ReadUInt16BigEndian(pages[2..]) : 2 + pages[1])..];
        }
        return found;
    }

    [Fact]
    public void MODE_SENSE_6_of_all_pages_is_header_block_descriptor_and_the_sorted_pages()
    {
        var data = new ScsiHarness().RunGood(ModeSense6(0x3F));
        Assert.Equal(data.Length - 1, data[0]);
        Assert.Equal(0x10, data[2]);
        Assert.Equal(8, data[3]);
        Assert.Equal([0, 0, 8, 0, 0, 0, 2, 0], data[4..12]);
        var pages = Pages(data.AsSpan(12));
        Assert.All(pages, page => Assert.Equal(0, page.Subpage));
        Assert.Equal(pages.OrderBy(p => p), pages);
        Assert.Contains(((byte)0x01, (byte)0), pages);
        Assert.Contains(((byte)0x08, (byte)0), pages);
        Assert.Contains(((byte)0x0A, (byte)0), pages);
        Assert.Contains(((byte)0x1A, (byte)0), pages);
    }

    [Fact]
    public void Subpage_FFh_of_all_pages_adds_the_subpages_and_fits_the_shorter_command()
    {
        var data = new ScsiHarness().RunGood(ModeSense6(0x3F, subpage: 0xFF));
        Assert.Equal(data.Length - 1, data[0]);
        var pages = Pages(data.AsSpan(12));
        Assert.Equal(pages.OrderBy(p => p), pages);
        Assert.Contains(((byte)0x0A, (byte)0x01), pages);
    }

    [Fact]
    public void Subpage_FFh_of_one_page_is_that_page_and_its_subpages() =>
        Assert.Equal([(0x0A, 0), (0x0A, 1)], Pages(new ScsiHarness().RunGood(ModeSense6(0x0A, flags: 0x08, subpage: 0xFF)).AsSpan(4)));

    [Fact]
    public void A_subpage_has_the_longer_header()
    {
        var data = new ScsiHarness().RunGood(ModeSense6(0x0A, flags: 0x08, subpage: 0x01));
        Assert.Equal([0x4A, 0x01, 0x00, 0x1C], data[4..8]);
        Assert.Equal(4 + 32, data.Length);
    }

    [Fact]
    public void MODE_SENSE_10_of_all_pages_has_the_longer_header()
    {
        var data = new ScsiHarness().RunGood(ModeSense10(0x3F));
        Assert.Equal(data.Length - 2, BinaryPrimitives.ReadUInt16BigEndian(data));
        Assert.Equal(0x10, data[3]);
        Assert.Equal(0, data[4]);
        Assert.Equal(8, BinaryPrimitives.ReadUInt16BigEndian(data.AsSpan(6)));
        Assert.Equal((0x01, 0x0A), (data[16], data[17]));
    }

    [Fact]
    public void MODE_SENSE_10_gives_a_long_block_descriptor_when_it_is_accepted()
    {
        var data = new ScsiHarness().RunGood(ModeSense10(0x0A, flags: 0x10));
        Assert.Equal(1, data[4]);
        Assert.Equal(16, BinaryPrimitives.ReadUInt16BigEndian(data.AsSpan(6)));
        Assert.Equal(2048, BinaryPrimitives.ReadInt64BigEndian(data.AsSpan(8)));
        Assert.Equal(512, BinaryPrimitives.ReadInt32BigEndian(data.AsSpan(20)));
        Assert.Equal(0x0A, data[24]);
    }

    [Fact]
    public void DBD_leaves_the_block_descriptor_out()
    {
        var data = new ScsiHarness().RunGood(ModeSense6(0x0A, flags: 0x08));
        Assert.Equal(0, data[3]);
        Assert.Equal(0x0A, data[4]);
    }

    [Theory]
    [InlineData(true, 0x04)]
    [InlineData(false, 0x00)]
    public void WCE_is_the_volatile_cache_of_the_device_and_changeable_where_there_is_one(bool isVolatile, byte expected)
    {
        var h = new ScsiHarness(info => info with { HasVolatileWriteCache = isVolatile });
        Assert.Equal(expected, h.RunGood(ModeSense6(0x08, flags: 0x08))[6]);
        Assert.Equal(expected, h.RunGood(ModeSense6(0x48, flags: 0x08))[6]);
    }

    [Theory]
    [InlineData(true, 0x90)]
    [InlineData(false, 0x10)]
    public void WP_is_set_for_a_read_only_device_and_DPOFUA_always(bool isReadOnly, byte expected)
    {
        var h = new ScsiHarness(info => info with { IsReadOnly = isReadOnly });
        Assert.Equal(expected, h.RunGood(ModeSense6(0x3F))[2]);
    }

    [Fact]
    public void The_changeable_mask_of_the_control_page_is_D_SENSE_QERR_SWP_and_TAS()
    {
        var data = new ScsiHarness().RunGood(ModeSense6(0x4A, flags: 0x08));
        Assert.Equal([0x0A, 0x0A, 0x04, 0x06, 0x08, 0x40, 0, 0, 0, 0, 0, 0], data[4..16]);
    }

    [Fact]
    public void Default_values_are_the_current_ones_until_something_is_changed()
    {
        var h = new ScsiHarness();
        Assert.Equal(h.RunGood(ModeSense6(0x3F)), h.RunGood(ModeSense6(0xBF)));
    }

    [Fact]
    public void Saved_values_are_not_supported_by_a_unit_without_a_state_file()
    {
        var h = new ScsiHarness();
        h.AssertSense(ModeSense6(0xFF), SenseKey.IllegalRequest, AdditionalSense.SavingParametersNotSupported);
        Assert.Equal(0x0A, h.RunGood(ModeSense6(0x0A, flags: 0x08))[4]);
    }

    [Theory]
    [InlineData(0x02)]
    [InlineData(0x00)]
    public void An_unknown_page_is_an_invalid_field(byte page) => new ScsiHarness().AssertInvalidField(ModeSense6(page), 2, 5);

    [Theory]
    [InlineData(0x0A, 0x02)]
    [InlineData(0x08, 0x01)]
    [InlineData(0x3F, 0x01)]
    public void An_unknown_subpage_is_an_invalid_field(byte page, byte subpage) =>
        new ScsiHarness().AssertInvalidField(ModeSense10(page, subpage: subpage), 3);

    [Fact]
    public void Mode_data_are_cut_at_the_allocation_length_without_a_wish_for_more()
    {
        var h = new ScsiHarness();
        var r = h.Run(ModeSense6(0x3F, allocationLength: 4));
        Assert.Equal((4, 4L), (r.DataInLength, r.TransferLength));
    }
}

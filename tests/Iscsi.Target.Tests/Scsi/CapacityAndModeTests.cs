using System.Buffers.Binary;
using Iscsi.Protocol.Scsi;
using Iscsi.Storage;

namespace Iscsi.Target.Tests.Scsi;

public sealed class CapacityAndModeTests
{
    private static byte[] ReadCapacity16(uint allocationLength)
    {
        var cdb = new byte[16];
        cdb[0] = OperationCode.ServiceActionIn16;
        cdb[1] = OperationCode.ReadCapacity16;
        BinaryPrimitives.WriteUInt32BigEndian(cdb.AsSpan(10), allocationLength);
        return cdb;
    }

    private static byte[] ModeSense6(byte pageAndControl, byte flags = 0, byte subpage = 0, byte allocationLength = 255) =>
        [OperationCode.ModeSense6, flags, pageAndControl, subpage, allocationLength, 0];

    private static byte[] ModeSense10(byte pageAndControl, byte flags = 0, byte subpage = 0, byte allocationLength = 255) =>
        [OperationCode.ModeSense10, flags, pageAndControl, subpage, 0, 0, 0, 0, allocationLength, 0];

    [Fact]
    public void READ_CAPACITY_10_tells_the_last_block_and_the_block_length() =>
        Assert.Equal([0, 0, 7, 0xFF, 0, 0, 2, 0], new ScsiHarness().RunGood(ScsiHarness.Cdb10(OperationCode.ReadCapacity10, 0, 0, 0)));

    [Fact]
    public void READ_CAPACITY_10_says_that_a_large_disk_does_not_fit()
    {
        var h = new ScsiHarness();
        h.Device.Resize(1L << 40);
        h.Nexus.ClearAll(Target.Scsi.UnitAttention.All);
        Assert.Equal([0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 2, 0], h.RunGood(ScsiHarness.Cdb10(OperationCode.ReadCapacity10, 0, 0, 0)));
        Assert.True(ReadCapacityData.TryParse16(h.RunGood(ReadCapacity16(32)), out var capacity));
        Assert.Equal((1UL << 40) - 1, capacity.LastLogicalBlockAddress);
    }

    [Fact]
    public void READ_CAPACITY_16_tells_provisioning_and_the_physical_block()
    {
        Assert.True(ReadCapacityData.TryParse16(new ScsiHarness().RunGood(ReadCapacity16(32)), out var capacity));
        Assert.Equal(
            new ReadCapacityData
            {
                LastLogicalBlockAddress = 2047,
                BlockLengthBytes = 512,
                LogicalBlocksPerPhysicalBlockExponent = 3,
                IsProvisioningManaged = true,
                UnmappedReadsZero = true,
            },
            capacity);
    }

    [Fact]
    public void READ_CAPACITY_16_claims_no_provisioning_without_UNMAP()
    {
        var h = new ScsiHarness(info => info with { Unmap = DeviceSupport.None });
        Assert.True(ReadCapacityData.TryParse16(h.RunGood(ReadCapacity16(32)), out var capacity));
        Assert.False(capacity.IsProvisioningManaged);
        Assert.False(capacity.UnmappedReadsZero);
    }

    [Fact]
    public void READ_CAPACITY_16_is_cut_at_every_allocation_length()
    {
        var h = new ScsiHarness();
        for (var length = 0u; length <= 40; length++) Assert.Equal(Math.Min(32, (int)length), h.RunGood(ReadCapacity16(length)).Length);
    }

    [Fact]
    public void MODE_SENSE_6_of_all_pages_is_header_block_descriptor_and_the_sorted_pages()
    {
        var data = new ScsiHarness().RunGood(ModeSense6(0x3F));
        Assert.Equal(data.Length - 1, data[0]);
        Assert.Equal(0x10, data[2]);
        Assert.Equal(8, data[3]);
        Assert.Equal([0, 0, 8, 0, 0, 0, 2, 0], data[4..12]);
        Assert.Equal((0x08, 0x12), (data[12], data[13]));
        Assert.Equal((0x0A, 0x0A), (data[32], data[33]));
        Assert.Equal(44, data.Length);
    }

    [Fact]
    public void MODE_SENSE_10_of_all_pages_has_the_longer_header()
    {
        var data = new ScsiHarness().RunGood(ModeSense10(0x3F));
        Assert.Equal(data.Length - 2, BinaryPrimitives.ReadUInt16BigEndian(data));
        Assert.Equal(0x10, data[3]);
        Assert.Equal(0, data[4]);
        Assert.Equal(8, BinaryPrimitives.ReadUInt16BigEndian(data.AsSpan(6)));
        Assert.Equal((0x08, 0x12), (data[16], data[17]));
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
    public void WCE_is_the_volatile_cache_of_the_device(bool isVolatile, byte expected)
    {
        var h = new ScsiHarness(info => info with { HasVolatileWriteCache = isVolatile });
        Assert.Equal(expected, h.RunGood(ModeSense6(0x08, flags: 0x08))[6]);
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
    public void Nothing_is_changeable()
    {
        var data = new ScsiHarness().RunGood(ModeSense6(0x7F, flags: 0x08));
        Assert.Equal((0x08, 0x12), (data[4], data[5]));
        Assert.All(data[6..24], b => Assert.Equal(0, b));
        Assert.Equal((0x0A, 0x0A), (data[24], data[25]));
        Assert.All(data[26..], b => Assert.Equal(0, b));
    }

    [Fact]
    public void Default_values_are_the_current_ones()
    {
        var h = new ScsiHarness();
        Assert.Equal(h.RunGood(ModeSense6(0x3F)), h.RunGood(ModeSense6(0xBF)));
    }

    [Fact]
    public void Saved_values_are_not_supported() =>
        new ScsiHarness().AssertSense(ModeSense6(0xFF), SenseKey.IllegalRequest, AdditionalSense.SavingParametersNotSupported);

    [Fact]
    public void All_subpages_of_all_pages_are_the_pages()
    {
        var h = new ScsiHarness();
        Assert.Equal(h.RunGood(ModeSense6(0x3F)), h.RunGood(ModeSense6(0x3F, subpage: 0xFF)));
    }

    [Fact]
    public void An_unknown_page_is_an_invalid_field() => new ScsiHarness().AssertInvalidField(ModeSense6(0x01), 2, 5);

    [Fact]
    public void An_unknown_subpage_is_an_invalid_field() => new ScsiHarness().AssertInvalidField(ModeSense10(0x0A, subpage: 1), 3);

    [Fact]
    public void Mode_data_are_cut_at_the_allocation_length_without_a_wish_for_more()
    {
        var h = new ScsiHarness();
        var r = h.Run(ModeSense6(0x3F, allocationLength: 4));
        Assert.Equal((4, 4L), (r.DataInLength, r.TransferLength));
    }

    [Fact]
    public void The_control_page_says_fixed_format_sense()
    {
        var page = new ScsiHarness().RunGood(ModeSense6(0x0A, flags: 0x08));
        Assert.Equal(0, page[6] & 0x04);
    }
}

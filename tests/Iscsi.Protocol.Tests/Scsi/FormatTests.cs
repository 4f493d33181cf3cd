using Iscsi.Protocol.Scsi;

namespace Iscsi.Protocol.Tests.Scsi;

public sealed class FormatTests
{
    [Fact]
    public void Every_LUN_reads_back_in_its_shortest_addressing()
    {
        for (var number = 0; number <= LogicalUnitNumber.Max; number++)
        {
            var field = LogicalUnitNumber.Encode(number);
            Assert.Equal(number <= 255 ? 0UL : 1UL, field >> 62);
            Assert.True(LogicalUnitNumber.TryDecode(field, out var decoded));
            Assert.Equal(number, decoded);
        }
    }

    [Theory]
    [InlineData(0x4000UL, 0)]
    [InlineData(0x4005UL, 5)]
    [InlineData(0x7FFFUL, 16383)]
    public void Flat_space_addressing_reaches_small_LUNs_too(ulong firstBytes, int number)
    {
        Assert.True(LogicalUnitNumber.TryDecode(firstBytes << 48, out var decoded));
        Assert.Equal(number, decoded);
    }

    [Theory]
    [InlineData(0x0100_0000_0000_0000UL)] // a bus
    [InlineData(0x8000_0000_0000_0000UL)] // logical unit addressing
    [InlineData(0xC101_0000_0000_0000UL)] // well known logical unit
    [InlineData(0x0000_0000_0000_0001UL)] // a fourth level
    [InlineData(0x0000_4000_0000_0000UL)] // a second level
    public void Other_addressing_is_no_LUN_of_ours(ulong field) => Assert.False(LogicalUnitNumber.TryDecode(field, out _));

    [Fact]
    public void A_CDB_reads_big_endian_fields()
    {
        var cdb = Cdb.From([0x88, 0x12, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
        Assert.Equal(0x88, cdb.OperationCode);
        Assert.Equal(0x12, cdb.ServiceAction);
        Assert.Equal(0x0203, cdb.UInt16(2));
        Assert.Equal(0x020304u, cdb.UInt24(2));
        Assert.Equal(0x0A0B0C0Du, cdb.UInt32(10));
        Assert.Equal(0x0203040506070809UL, cdb.UInt64(2));
        Assert.True(cdb.Has(1, 0x10));
        Assert.False(cdb.Has(1, 0x20));
    }

    [Fact]
    public void A_short_CDB_is_padded_with_zeroes()
    {
        var cdb = Cdb.From([0x12, 1, 2]);
        Assert.Equal([0x12, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], cdb.Bytes.ToArray());
    }

    [Theory]
    [InlineData(0x00, 6)]
    [InlineData(0x28, 10)]
    [InlineData(0x5A, 10)]
    [InlineData(0x88, 16)]
    [InlineData(0xA8, 12)]
    public void The_group_code_implies_a_length(byte operationCode, int length) => Assert.Equal(length, Cdb.ImpliedLength(operationCode));

    [Fact]
    public void Block_limits_read_back()
    {
        var page = new BlockLimitsVpdPage
        {
            WriteSameNonZero = true,
            MaximumCompareAndWriteLength = 2,
            OptimalTransferLengthGranularity = 3,
            MaximumTransferLength = 4,
            OptimalTransferLength = 5,
            MaximumUnmapLbaCount = 6,
            MaximumUnmapBlockDescriptorCount = 7,
            OptimalUnmapGranularity = 8,
            UnmapGranularityAlignment = 9,
            MaximumWriteSameLength = 1UL << 40,
            MaximumAtomicTransferLength = 10,
            AtomicAlignment = 11,
            AtomicTransferLengthGranularity = 12,
        };
        var body = new byte[BlockLimitsVpdPage.BodySize];
        page.WriteBody(body);
        Assert.True(BlockLimitsVpdPage.TryParseBody(body, out var parsed));
        Assert.Equal(page, parsed);
        Assert.True(BlockLimitsVpdPage.TryParseBody(body.AsSpan(0, 12), out parsed));
        Assert.Equal(5u, parsed.OptimalTransferLength);
        Assert.Equal(0u, parsed.MaximumUnmapLbaCount);
        for (var length = 0; length < 12; length++) Assert.False(BlockLimitsVpdPage.TryParseBody(body.AsSpan(0, length), out _));
    }

    [Fact]
    public void Capacity_reads_back_in_both_forms()
    {
        var data = new ReadCapacityData
        {
            LastLogicalBlockAddress = 0x123456789,
            BlockLengthBytes = 4096,
            LogicalBlocksPerPhysicalBlockExponent = 3,
            IsProvisioningManaged = true,
            UnmappedReadsZero = true,
            LowestAlignedLogicalBlockAddress = 0x1234,
        };
        var bytes = new byte[ReadCapacityData.Size16];
        data.Write16(bytes);
        Assert.True(ReadCapacityData.TryParse16(bytes, out var parsed));
        Assert.Equal(data, parsed);
        data.Write10(bytes);
        Assert.True(ReadCapacityData.TryParse10(bytes, out parsed));
        Assert.Equal(new ReadCapacityData { LastLogicalBlockAddress = uint.MaxValue, BlockLengthBytes = 4096 }, parsed);
        for (var length = 0; length < 32; length++) Assert.Equal(length >= 12, ReadCapacityData.TryParse16(bytes.AsSpan(0, length), out _));
    }

    [Fact]
    public void Inquiry_data_read_back()
    {
        var data = new StandardInquiryData
        {
            Peripheral = 0x7F,
            IsRemovable = true,
            Vendor = "VENDOR",
            Product = "A PRODUCT",
            Revision = "1.2",
            VersionDescriptors = new ushort[] { 0x0460, 0x04C0 },
        };
        var bytes = new byte[StandardInquiryData.Size];
        data.Write(bytes);
        Assert.True(StandardInquiryData.TryParse(bytes, out var parsed));
        Assert.Equal(data.VersionDescriptors.ToArray(), parsed!.VersionDescriptors.ToArray());
        Assert.Equal(data with { VersionDescriptors = default }, parsed with { VersionDescriptors = default });
        Assert.True(StandardInquiryData.TryParse(bytes.AsSpan(0, 36), out _));
        Assert.False(StandardInquiryData.TryParse(bytes.AsSpan(0, 35), out _));
    }

    [Fact]
    public void Text_is_cut_and_filled_and_only_printable()
    {
        var field = new byte[4];
        ScsiText.Write("ab", field);
        Assert.Equal("ab  "u8, field);
        ScsiText.Write("abc\u00e9ef", field);
        Assert.Equal("abc?"u8, field);
        Assert.Equal("a?", ScsiText.Read([0x61, 0x07, 0x20, 0x00]));
    }

    [Fact]
    public void An_unmap_list_reads_back()
    {
        var bytes = new byte[40];
        Assert.Equal(40, UnmapParameterList.Write(bytes, [new(1UL << 40, 5), new(7, uint.MaxValue)]));
        Assert.Equal([0, 38, 0, 32], bytes[..4]);
        Assert.Equal(new UnmapBlockDescriptor(1UL << 40, 5), UnmapBlockDescriptor.Read(bytes.AsSpan(8)));
        Assert.Equal(new UnmapBlockDescriptor(7, uint.MaxValue), UnmapBlockDescriptor.Read(bytes.AsSpan(24)));
    }

    [Fact]
    public void Designators_cut_anywhere_end_the_list()
    {
        var body = new byte[24];
        var length = DesignationDescriptor.Write(body, DesignatorAssociation.TargetPort, DesignatorType.RelativeTargetPort, [0, 0, 0, 1]);
        Assert.Equal([0x51, 0x94, 0, 4, 0, 0, 0, 1], body[..length]);
        for (var cut = 0; cut < length; cut++)
        {
            ReadOnlySpan<byte> part = body.AsSpan(0, cut);
            Assert.False(DesignationDescriptor.TryRead(ref part, out _));
        }
    }
}

using System.Buffers.Binary;
using System.Text;
using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;
using Iscsi.Storage;
using Iscsi.Target.Scsi;
using Iscsi.Target.Scsi.AsymmetricAccess;

namespace Iscsi.Target.Tests.Scsi;

public sealed class InquiryTests
{
    [Fact]
    public void Standard_data_describe_a_disk_of_SPC_4_and_SBC_3()
    {
        var data = new ScsiHarness().RunGood(ScsiHarness.Inquiry());
        Assert.True(StandardInquiryData.TryParse(data, out var inquiry));
        Assert.Equal(0, inquiry!.Peripheral);
        Assert.False(inquiry.IsRemovable);
        Assert.Equal(6, inquiry.Version);
        Assert.Equal(2, data[3] & 0x0F);
        Assert.Equal(data.Length - 5, data[4]);
        Assert.True(inquiry.CommandQueuing);
        Assert.Equal(("ISCSINET", "VIRTUAL-DISK"), (inquiry.Vendor, inquiry.Product));
        Assert.Equal([0x00A0, 0x0960, 0x0460, 0x04C0], inquiry.VersionDescriptors.ToArray());
    }

    [Fact]
    public void The_revision_is_the_version_of_the_assembly()
    {
        var version = typeof(ScsiCommandList).Assembly.GetName().Version!;
        Assert.True(StandardInquiryData.TryParse(new ScsiHarness().RunGood(ScsiHarness.Inquiry()), out var inquiry));
        Assert.Equal($"{version.Major}.{version.Minor}", inquiry!.Revision);
    }

    [Fact]
    public void Standard_data_are_cut_at_every_allocation_length()
    {
        var h = new ScsiHarness();
        var whole = h.RunGood(ScsiHarness.Inquiry());
        for (ushort length = 0; length < 256; length++)
            Assert.Equal(whole[..Math.Min(length, whole.Length)], h.RunGood(ScsiHarness.Inquiry(null, length)));
    }

    [Fact]
    public void A_page_code_without_EVPD_is_an_invalid_field() =>
        new ScsiHarness().AssertInvalidField([OperationCode.Inquiry, 0, 0x80, 1, 0, 0], 2);

    [Fact]
    public void Page_00h_is_sorted_and_lists_exactly_what_is_served()
    {
        var h = new ScsiHarness();
        var data = h.RunGood(ScsiHarness.Inquiry(0));
        Assert.Equal([0x00, 0x80, 0x83, 0x85, 0x86, 0x87, 0x88, 0x8F, 0xB0, 0xB1, 0xB2], data[4..]);
        for (var page = 0; page < 256; page++)
        {
            var r = h.Run(ScsiHarness.Inquiry((byte)page));
            Assert.Equal(data.AsSpan(4).Contains((byte)page), r.Status == ScsiStatus.Good);
        }
    }

    [Fact]
    public void Every_page_has_its_code_and_its_length()
    {
        var h = new ScsiHarness();
        foreach (var code in h.RunGood(ScsiHarness.Inquiry(0))[4..])
        {
            var page = h.RunGood(ScsiHarness.Inquiry(code));
            Assert.Equal(0, page[0]);
            Assert.Equal(code, page[1]);
            Assert.Equal(page.Length - 4, BinaryPrimitives.ReadUInt16BigEndian(page.AsSpan(2)));
        }
    }

    [Fact]
    public void A_page_that_is_not_there_is_an_invalid_field() => new ScsiHarness().AssertInvalidField(ScsiHarness.Inquiry(0x81), 2);

    [Fact]
    public void Without_UNMAP_there_is_no_provisioning_page_and_no_unmap_limit()
    {
        var h = new ScsiHarness(info => info with { Unmap = DeviceSupport.None });
        Assert.DoesNotContain((byte)0xB2, h.RunGood(ScsiHarness.Inquiry(0))[4..]);
        h.AssertInvalidField(ScsiHarness.Inquiry(0xB2), 2);
        Assert.True(BlockLimitsVpdPage.TryParseBody(h.RunGood(ScsiHarness.Inquiry(0xB0)).AsSpan(4), out var limits));
        Assert.Equal(0u, limits.MaximumUnmapLbaCount);
        Assert.Equal(0u, limits.MaximumUnmapBlockDescriptorCount);
        Assert.Null(limits.UnmapGranularityAlignment);
    }

    [Fact]
    public void The_serial_number_is_printable_and_the_same_for_the_same_storage()
    {
        var first = new ScsiHarness();
        var serial = Encoding.ASCII.GetString(first.RunGood(ScsiHarness.Inquiry(0x80))[4..]);
        Assert.Equal(20, serial.Length);
        Assert.All(serial, c => Assert.InRange(c, '!', '~'));
        Assert.Equal(serial, new ScsiHarness().Unit.SerialNumber);
        Assert.NotEqual(serial, new ScsiHarness(info => info with { Identity = "other" }).Unit.SerialNumber);
    }

    [Fact]
    public void Device_identification_starts_with_the_NAA_designator_and_names_unit_port_and_device()
    {
        var h = new ScsiHarness();
        ReadOnlySpan<byte> body = h.RunGood(ScsiHarness.Inquiry(0x83)).AsSpan(4);
        var seen = new List<(DesignatorAssociation, DesignatorType, byte[])>();
        while (DesignationDescriptor.TryRead(ref body, out var d)) seen.Add((d.Association, d.Type, d.Designator.ToArray()));
        Assert.True(body.IsEmpty);

        Assert.Equal(
            [
                (DesignatorAssociation.LogicalUnit, DesignatorType.Naa),
                (DesignatorAssociation.LogicalUnit, DesignatorType.T10VendorId),
                (DesignatorAssociation.LogicalUnit, DesignatorType.ScsiNameString),
                (DesignatorAssociation.TargetPort, DesignatorType.RelativeTargetPort),
                (DesignatorAssociation.TargetPort, DesignatorType.TargetPortGroup),
                (DesignatorAssociation.TargetPort, DesignatorType.ScsiNameString),
                (DesignatorAssociation.TargetDevice, DesignatorType.ScsiNameString),
            ],
            seen.Select(s => (s.Item1, s.Item2)));
        Assert.Equal(8, seen[0].Item3.Length);
        Assert.Equal(0x3, seen[0].Item3[0] >> 4);
        Assert.Equal($"ISCSINET{h.Unit.SerialNumber}", Encoding.ASCII.GetString(seen[1].Item3));
        Assert.Equal($"{ScsiHarness.TargetName},L,0x0000000000000000", Text(seen[2].Item3));
        Assert.Equal([0, 0, 0, 1], seen[3].Item3);
        Assert.Equal([0, 0, 0, 1], seen[4].Item3);
        Assert.Equal($"{ScsiHarness.TargetName},t,0x0001", Text(seen[5].Item3));
        Assert.Equal(ScsiHarness.TargetName, Text(seen[6].Item3));

        static string Text(byte[] name)
        {
            Assert.Equal(0, name.Length % 4);
            Assert.Equal(0, name[^1]);
            return Encoding.UTF8.GetString(name).TrimEnd('\0');
        }
    }

    [Fact]
    public void Device_identification_fits_with_the_longest_target_name()
    {
        var name = "iqn.2026-11.net.example:" + new string('x', 223 - 24);
        var units = new LogicalUnitMap(name);
        units.Add(16383, new StubBlockDevice(new BlockDeviceInfo { BlockSize = 512, BlockCount = 1, Identity = "a" }));
        var nexus = new ScsiNexus("i", 1, 0xFFFF);
        var r = new ScsiRequest { Nexus = nexus, Units = units, Lun = LogicalUnitNumber.Encode(16383), Cdb = Cdb.From(ScsiHarness.Inquiry(0x83)) };
        r.DataIn.Add(new byte[8192]);
        ScsiDispatcher.Begin(r);
        Assert.Equal(ScsiStatus.Good, r.Status);
        Assert.InRange(r.DataInLength, 700, 1024);
    }

    [Fact]
    public void Block_limits_say_what_the_commands_enforce()
    {
        var h = new ScsiHarness();
        var page = h.RunGood(ScsiHarness.Inquiry(0xB0));
        Assert.Equal(0x3C, page[3]);
        Assert.True(BlockLimitsVpdPage.TryParseBody(page.AsSpan(4), out var limits));
        Assert.Equal(
            new BlockLimitsVpdPage
            {
                WriteSameNonZero = true,
                MaximumCompareAndWriteLength = (64 - 4) * 1024 / (2 * 512),
                MaximumTransferLength = uint.MaxValue / 512,
                MaximumAtomicTransferLength = 64 * 1024 / 512,
                OptimalTransferLengthGranularity = 8,
                MaximumUnmapLbaCount = 1 << 20,
                MaximumUnmapBlockDescriptorCount = 256,
                OptimalUnmapGranularity = 8,
                UnmapGranularityAlignment = 0,
                MaximumWriteSameLength = (32 << 20) / 512,
            },
            limits);
    }

    [Fact]
    public void The_unmap_descriptor_count_keeps_the_parameter_list_within_one_demand()
    {
        var h = new ScsiHarness(limits: new ScsiLimits { AllAtOnceBytes = 8192, MaximumUnmapDescriptors = 4096 });
        Assert.True(BlockLimitsVpdPage.TryParseBody(h.RunGood(ScsiHarness.Inquiry(0xB0)).AsSpan(4), out var limits));
        Assert.Equal((8192u - 8) / 16, limits.MaximumUnmapBlockDescriptorCount);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_provisioning_page_says_whether_unmapped_blocks_read_as_zeroes(bool zero)
    {
        var h = new ScsiHarness(info => info with { UnmappedReadsZero = zero });
        Assert.True(LogicalBlockProvisioningVpdPage.TryParseBody(h.RunGood(ScsiHarness.Inquiry(0xB2)).AsSpan(4), out var page));
        Assert.Equal(
            new LogicalBlockProvisioningVpdPage
            {
                Unmap = true, WriteSame16Unmaps = true, WriteSame10Unmaps = true, UnmappedReadsZero = zero, IsThin = true,
            },
            page);
    }

    [Theory]
    [InlineData(true, 1)]
    [InlineData(false, 0)]
    public void Extended_inquiry_data_tell_the_volatile_cache_and_the_task_attributes(bool isVolatile, byte vSup)
    {
        var page = new ScsiHarness(info => info with { HasVolatileWriteCache = isVolatile }).RunGood(ScsiHarness.Inquiry(0x86));
        Assert.Equal(0x07, page[5]);
        Assert.Equal(vSup, page[6]);
    }

    [Fact]
    public void No_management_address_is_known() =>
        Assert.Equal([0, 0x85, 0, 0], new ScsiHarness().RunGood(ScsiHarness.Inquiry(0x85)));

    [Fact]
    public void All_mode_pages_are_shared() =>
        Assert.Equal([0, 0x87, 0, 4, 0x3F, 0xFF, 0x00, 0x00], new ScsiHarness().RunGood(ScsiHarness.Inquiry(0x87)));

    [Fact]
    public void The_ports_are_the_portal_groups_with_their_names()
    {
        var units = new LogicalUnitMap(new string('x', 223), portGroups: new TargetPortGroups([.. Enumerable.Range(1, LogicalUnitMap.MaxTargetPorts).Select(i => (ushort)i)]));
        units.Add(0, new ScsiHarness().Device);
        var r = new ScsiRequest { Nexus = new ScsiNexus("iqn.2026-11.net.example:host", 1, 1), Units = units, Cdb = Cdb.From(ScsiHarness.Inquiry(0x88)) };
        r.DataIn.Add(new byte[ScsiLimits.ParameterDataInCapacity]);
        Assert.Equal(ScsiStep.Done, ScsiDispatcher.Begin(r));
        var page = new byte[r.DataInLength];
        r.DataIn.CopyTo(0, page);
        ReadOnlySpan<byte> body = page.AsSpan(4);
        for (var port = 1; port <= LogicalUnitMap.MaxTargetPorts; port++)
        {
            Assert.Equal(port, BinaryPrimitives.ReadUInt16BigEndian(body[2..]));
            Assert.Equal(0, BinaryPrimitives.ReadUInt16BigEndian(body[6..]));
            var descriptors = body.Slice(12, BinaryPrimitives.ReadUInt16BigEndian(body[10..]));
            body = body[(12 + descriptors.Length)..];
            Assert.True(DesignationDescriptor.TryRead(ref descriptors, out var designator));
            Assert.Equal((DesignatorAssociation.TargetPort, DesignatorType.ScsiNameString), (designator.Association, designator.Type));
            Assert.Equal($"{units.TargetName},t,0x{port:X4}", Encoding.UTF8.GetString(designator.Designator).TrimEnd('\0'));
            Assert.True(descriptors.IsEmpty);
        }
        Assert.True(body.IsEmpty);
    }

    [Theory]
    [InlineData(512, 2048, 11)]
    [InlineData(4096, 2048, 8)]
    [InlineData(512, 1L << 50, 19)]
    public void The_threshold_exponent_is_a_mebibyte_or_what_32_bits_can_count(int blockSize, long blockCount, byte exponent)
    {
        var h = new ScsiHarness(info => info with { BlockSize = blockSize, ReportsSpace = true });
        h.Device.Resize(blockCount);
        h.Nexus.ClearAll(UnitAttention.All);
        Assert.True(LogicalBlockProvisioningVpdPage.TryParseBody(h.RunGood(ScsiHarness.Inquiry(0xB2)).AsSpan(4), out var page));
        Assert.Equal(exponent, page.ThresholdExponent);
        Assert.True(blockCount >> exponent <= uint.MaxValue);
    }

    [Fact]
    public void The_medium_does_not_rotate() =>
        Assert.Equal(1, BinaryPrimitives.ReadUInt16BigEndian(new ScsiHarness().RunGood(ScsiHarness.Inquiry(0xB1)).AsSpan(4)));

    [Fact]
    public void A_LUN_that_is_not_there_has_qualifier_and_type_7Fh()
    {
        var h = new ScsiHarness();
        var r = h.Run(ScsiHarness.Inquiry(), lun: LogicalUnitNumber.Encode(1));
        Assert.Equal(ScsiStatus.Good, r.Status);
        Assert.Equal(0x7F, h.Data[0]);
        h.Run(ScsiHarness.Inquiry(0), lun: LogicalUnitNumber.Encode(1));
        Assert.Equal([0x7F, 0, 0, 1, 0], h.Data);
    }
}

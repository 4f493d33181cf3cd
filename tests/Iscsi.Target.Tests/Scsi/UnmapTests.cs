using System.Buffers.Binary;
using Iscsi.Protocol.Scsi;
using Iscsi.Target.Scsi;

namespace Iscsi.Target.Tests.Scsi;

public sealed class UnmapTests
{
    private static byte[] Cdb(int listLength) => ScsiHarness.Cdb10(OperationCode.Unmap, 0, 0, (ushort)listLength);

    private static byte[] List(params ReadOnlySpan<UnmapBlockDescriptor> descriptors)
    {
        var list = new byte[8 + (16 * descriptors.Length)];
        UnmapParameterList.Write(list, descriptors);
        return list;
    }

    private static void Run(ScsiHarness h, byte[] list) => h.RunGood(Cdb(list.Length), list);

    [Fact]
    public void Every_descriptor_is_unmapped()
    {
        var h = new ScsiHarness();
        Run(h, List(new(0, 8), new(100, 1), new(2047, 1)));
        Assert.Equal(["unmap 0 8", "unmap 100 1", "unmap 2047 1"], h.Device.Calls);
    }

    [Fact]
    public void No_parameter_list_is_GOOD()
    {
        var h = new ScsiHarness();
        h.RunGood(Cdb(0));
        Assert.Equal(ScsiStep.Done, h.Step);
    }

    [Fact]
    public void No_descriptors_are_GOOD() => Run(new ScsiHarness(), List());

    [Fact]
    public void Descriptors_of_no_blocks_are_GOOD_up_to_the_end()
    {
        var h = new ScsiHarness();
        var descriptors = new UnmapBlockDescriptor[256];
        for (var i = 0; i < descriptors.Length; i++) descriptors[i] = new((ulong)i / 2, 0);
        descriptors[^1] = new(2048, 0);
        Run(h, List(descriptors));
        Assert.Empty(h.Device.Calls);
    }

    [Fact]
    public void Nothing_is_unmapped_when_one_descriptor_is_out_of_range()
    {
        var h = new ScsiHarness();
        var list = List(new(0, 8), new(2047, 2));
        h.AssertSense(Cdb(list.Length), SenseKey.IllegalRequest, AdditionalSense.LogicalBlockAddressOutOfRange, list);
        Assert.Empty(h.Device.Calls);
    }

    [Fact]
    public void An_address_beyond_63_bits_is_out_of_range()
    {
        var list = List(new UnmapBlockDescriptor(ulong.MaxValue, 2));
        new ScsiHarness().AssertSense(Cdb(list.Length), SenseKey.IllegalRequest, AdditionalSense.LogicalBlockAddressOutOfRange, list);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    public void A_list_shorter_than_its_header_is_05_1A_00(int length) => new ScsiHarness().AssertSense(
        Cdb(length), SenseKey.IllegalRequest, AdditionalSense.ParameterListLengthError, new byte[length]);

    [Fact]
    public void A_list_longer_than_one_demand_is_05_1A_00() => new ScsiHarness(limits: new ScsiLimits { AllAtOnceBytes = 8192 }).AssertSense(
        Cdb(8193), SenseKey.IllegalRequest, AdditionalSense.ParameterListLengthError, new byte[8193]);

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public void A_length_field_that_lies_is_05_1A_00(int offset)
    {
        var list = List(new UnmapBlockDescriptor(0, 8));
        BinaryPrimitives.WriteUInt16BigEndian(list.AsSpan(offset), 40);
        new ScsiHarness().AssertSense(Cdb(list.Length), SenseKey.IllegalRequest, AdditionalSense.ParameterListLengthError, list);
    }

    [Fact]
    public void An_initiator_that_sends_less_than_the_list_gets_05_1A_00()
    {
        var list = List(new UnmapBlockDescriptor(0, 8));
        new ScsiHarness().AssertSense(Cdb(list.Length), SenseKey.IllegalRequest, AdditionalSense.ParameterListLengthError, list[..10]);
    }

    [Fact]
    public void Bytes_after_the_last_whole_descriptor_are_ignored()
    {
        var h = new ScsiHarness();
        byte[] list = [.. List(new UnmapBlockDescriptor(0, 8)), 1, 2, 3];
        BinaryPrimitives.WriteUInt16BigEndian(list, (ushort)(list.Length - 2));
        BinaryPrimitives.WriteUInt16BigEndian(list.AsSpan(2), (ushort)(list.Length - 8));
        Run(h, list);
        Assert.Equal(["unmap 0 8"], h.Device.Calls);
    }

    [Fact]
    public void More_descriptors_than_the_limit_are_an_invalid_parameter()
    {
        var h = new ScsiHarness(limits: new ScsiLimits { MaximumUnmapDescriptors = 2 });
        Run(h, List(new(0, 1), new(1, 1)));
        var list = List(new(0, 1), new(1, 1), new(2, 1));
        h.AssertSense(Cdb(list.Length), SenseKey.IllegalRequest, AdditionalSense.InvalidFieldInParameterList, list);
        Assert.Equal(new FieldPointer(false, 2), h.Request.Sense.Field);
    }

    [Fact]
    public void More_blocks_than_the_limit_are_an_invalid_parameter()
    {
        var h = new ScsiHarness(limits: new ScsiLimits { MaximumUnmapBlocks = 100 });
        Run(h, List(new(0, 50), new(50, 50)));
        h.Device.Calls.Clear();
        var list = List(new(0, 50), new(50, 51));
        h.AssertSense(Cdb(list.Length), SenseKey.IllegalRequest, AdditionalSense.InvalidFieldInParameterList, list);
        Assert.Equal(new FieldPointer(false, 32), h.Request.Sense.Field);
        Assert.Empty(h.Device.Calls);
    }
}

using System.Buffers.Binary;
using Iscsi.Protocol.Scsi;
using Iscsi.Storage;

namespace Iscsi.Target.Tests.Scsi;

public sealed class CapacityTests
{
    private static byte[] ReadCapacity16(uint allocationLength)
    {
        var cdb = new byte[16];
        cdb[0] = OperationCode.ServiceActionIn16;
        cdb[1] = OperationCode.ReadCapacity16;
        BinaryPrimitives.WriteUInt32BigEndian(cdb.AsSpan(10), allocationLength);
        return cdb;
    }

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
}

using System.Buffers.Binary;
using Iscsi.Protocol.Scsi;
using Iscsi.Storage;

namespace Iscsi.Target.Tests.Scsi;

public sealed class LbaStatusTests
{
    private readonly ScsiHarness _h = new();

    [Theory]
    [InlineData(512u, 3)]
    [InlineData(40u, 2)]
    [InlineData(24u, 1)]
    public void GET_LBA_STATUS_tells_mapped_blocks_from_deallocated_ones_as_far_as_there_is_room(uint allocationLength, int descriptors)
    {
        _h.Device.Extents.AddRange([new(8, 8, false), new(16, 8, true), new(24, 2024, false)]);

        var data = _h.RunGood(GetLbaStatus(lba: 8, allocationLength));

        Assert.Equal((uint)(4 + (descriptors * 16)), BinaryPrimitives.ReadUInt32BigEndian(data));
        (ulong, uint, int)[] all = [(8UL, 8u, 1), (16UL, 8u, 0), (24UL, 2024u, 1)];
        Assert.Equal(all[..descriptors], Descriptors(data));
    }

    [Fact]
    public void GET_LBA_STATUS_beyond_the_end_is_out_of_range() =>
        _h.AssertSense(GetLbaStatus(lba: 2048, allocationLength: 24), SenseKey.IllegalRequest, AdditionalSense.LogicalBlockAddressOutOfRange);

    private static byte[] GetLbaStatus(ulong lba, uint allocationLength)
    {
        var cdb = new byte[16];
        cdb[0] = OperationCode.ServiceActionIn16;
        cdb[1] = OperationCode.GetLbaStatus;
        BinaryPrimitives.WriteUInt64BigEndian(cdb.AsSpan(2), lba);
        BinaryPrimitives.WriteUInt32BigEndian(cdb.AsSpan(10), allocationLength);
        return cdb;
    }

    private static List<(ulong Lba, uint Count, int Status)> Descriptors(byte[] data)
    {
        var list = new List<(ulong, uint, int)>();
        for (var i = 8; i < data.Length; i += 16)
        {
            var d = data.AsSpan(i);
            list.Add((BinaryPrimitives.ReadUInt64BigEndian(d), BinaryPrimitives.ReadUInt32BigEndian(d[8..]), d[12]));
        }
        return list;
    }
}

using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;

namespace Iscsi.Target.Scsi;

/// <summary>READ CAPACITY (SBC-3).</summary>
internal static class CapacityCommands
{
    /// <summary>The rows.</summary>
    public static readonly ScsiCommandRow[] Rows =
    [
        // LOGICAL BLOCK ADDRESS and PMI are obsolete.
        new()
        {
            Name = "READ CAPACITY (10)",
            Usage = [OperationCode.ReadCapacity10, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            Traits = ScsiTraits.AllowedThroughReservations,
            Direction = DataDirection.Read,
            Memory = MemoryNeed.ParameterData,
            Begin = static r =>
            {
                Span<byte> data = stackalloc byte[ReadCapacityData.Size10];
                Capacity(r.Unit!).Write10(data);
                return r.Reply(data, ReadCapacityData.Size10);
            },
        },

        // byte 10 ALLOCATION LENGTH (4)
        new()
        {
            Name = "READ CAPACITY (16)",
            Usage =
            [
                OperationCode.ServiceActionIn16, OperationCode.ReadCapacity16, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0,
            ],
            ServiceAction = OperationCode.ReadCapacity16,
            Traits = ScsiTraits.AllowedThroughReservations,
            Direction = DataDirection.Read,
            Memory = MemoryNeed.ParameterData,
            Begin = static r =>
            {
                Span<byte> data = stackalloc byte[ReadCapacityData.Size16];
                Capacity(r.Unit!).Write16(data);
                return r.Reply(data, r.Cdb.UInt32(10));
            },
        },
    ];

    private static ReadCapacityData Capacity(LogicalUnit unit) => new()
    {
        LastLogicalBlockAddress = (ulong)unit.Info.BlockCount - 1,
        BlockLengthBytes = (uint)unit.Info.BlockSize,
        LogicalBlocksPerPhysicalBlockExponent = ScsiCapabilities.PhysicalBlockExponent(unit),
        IsProvisioningManaged = ScsiCapabilities.CanUnmap(unit),
        UnmappedReadsZero = ScsiCapabilities.UnmappedReadsZero(unit),
    };
}

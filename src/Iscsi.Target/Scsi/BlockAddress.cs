using Iscsi.Protocol.Scsi;

namespace Iscsi.Target.Scsi;

/// <summary>
/// The address and length fields that READ, WRITE, VERIFY, WRITE SAME and SYNCHRONIZE CACHE have in the same places.
/// </summary>
internal static class BlockAddress
{
    /// <summary>Reads LOGICAL BLOCK ADDRESS and TRANSFER LENGTH of a CDB of 6, 10, 12 or 16 bytes.</summary>
    public static (ulong Lba, uint BlockCount) Parse(in Cdb cdb, int cdbLength) => cdbLength switch
    {
        6 => (cdb.UInt24(1) & 0x1F_FFFF, cdb[4] == 0 ? 256u : cdb[4]),
        10 => (cdb.UInt32(2), cdb.UInt16(7)),
        12 => (cdb.UInt32(2), cdb.UInt32(6)),
        _ => (cdb.UInt64(2), cdb.UInt32(10)),
    };

    /// <summary>First byte of the length field, for the field pointer.</summary>
    public static int LengthOffset(int cdbLength) => cdbLength switch
    {
        6 => 4,
        10 => 7,
        12 => 6,
        _ => 10,
    };

    /// <summary>
    /// Checks a range; fails the request with 05/21/00 and the first address outside as information. No blocks at the end of the
    /// medium are inside.
    /// </summary>
    public static bool IsInside(ScsiRequest r, ulong lba, ulong blockCount)
    {
        var end = (ulong)r.Unit!.Info.BlockCount;
        if (lba <= end && blockCount <= end - lba) return true;
        r.Fail(OutOfRange(Math.Max(lba, end)));
        return false;
    }

    /// <summary>05/21/00 with an address.</summary>
    public static SenseData OutOfRange(ulong lba) =>
        new(SenseKey.IllegalRequest, AdditionalSense.LogicalBlockAddressOutOfRange) { Information = lba };
}

using System.Numerics;
using Iscsi.Storage;

namespace Iscsi.Target.Scsi;

/// <summary>
/// What a logical unit can do, derived from its device in one place: the command table, the usage masks, the limits page and the
/// provisioning page all ask here, and so cannot disagree.
/// </summary>
internal static class ScsiCapabilities
{
    /// <summary>UNMAP, and WRITE SAME with the UNMAP bit.</summary>
    public static bool CanUnmap(LogicalUnit unit) => unit.Info.Unmap != DeviceSupport.None;

    /// <summary>Whether zeroes need no data.</summary>
    public static bool CanWriteZeroes(LogicalUnit unit) => unit.Info.WriteZeroes != DeviceSupport.None;

    /// <summary>Unmapped blocks read as zeroes; false without UNMAP.</summary>
    public static bool UnmappedReadsZero(LogicalUnit unit) => CanUnmap(unit) && unit.Info.UnmappedReadsZero;

    /// <summary>LOGICAL BLOCKS PER PHYSICAL BLOCK EXPONENT.</summary>
    public static byte PhysicalBlockExponent(LogicalUnit unit) =>
        (byte)Math.Min(15, BitOperations.Log2((uint)Math.Max(1, unit.Info.PhysicalBlockBlocks)));

    /// <summary>MAXIMUM WRITE SAME LENGTH, blocks.</summary>
    public static long MaximumWriteSameBlocks(LogicalUnit unit) => Math.Max(1, unit.Limits.MaximumWriteSameBytes / unit.Info.BlockSize);

    /// <summary>MAXIMUM UNMAP BLOCK DESCRIPTOR COUNT: the whole parameter list must be in memory at once.</summary>
    public static int MaximumUnmapDescriptors(LogicalUnit unit) => Math.Min(
        unit.Limits.MaximumUnmapDescriptors,
        (unit.Limits.AllAtOnceBytes - Protocol.Scsi.UnmapParameterList.HeaderSize) / Protocol.Scsi.UnmapParameterList.DescriptorSize);
}

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

    /// <summary>SANITIZE, BLOCK ERASE: deallocating every block, none of which shows what it held.</summary>
    public static bool CanBlockErase(LogicalUnit unit) => CanUnmap(unit) && CanWriteZeroes(unit);

    /// <summary>Unmapped blocks read as zeroes; false without UNMAP.</summary>
    public static bool UnmappedReadsZero(LogicalUnit unit) => CanUnmap(unit) && unit.Info.UnmappedReadsZero;

    /// <summary>LOGICAL BLOCKS PER PHYSICAL BLOCK EXPONENT.</summary>
    public static byte PhysicalBlockExponent(LogicalUnit unit) =>
        (byte)Math.Min(15, BitOperations.Log2((uint)Math.Max(1, unit.Info.PhysicalBlockBlocks)));

    /// <summary>MAXIMUM WRITE SAME LENGTH, blocks.</summary>
    public static long MaximumWriteSameBlocks(LogicalUnit unit) => Math.Max(1, unit.Limits.MaximumWriteSameBytes / unit.Info.BlockSize);

    /// <summary>Whether WRITE SAME of zero blocks goes up to the end (WSNZ zero).</summary>
    public static bool CanWriteSameToTheEnd(LogicalUnit unit) => !CanUnmap(unit);

    /// <summary>
    /// MAXIMUM COMPARE AND WRITE LENGTH: both halves of the data must be in memory at once, beside a page for what is on the medium. 0:
    /// there is no room, and the command does not exist.
    /// </summary>
    public static int MaximumCompareAndWriteBlocks(LogicalUnit unit) =>
        Math.Min(255, (unit.Limits.AllAtOnceBytes - MemoryBudget.BlockBytes) / (2 * unit.Info.BlockSize));

    /// <summary>
    /// MAXIMUM ATOMIC TRANSFER LENGTH: what the device promises and a command may have in memory at once. 0: the device promises
    /// nothing, and the command does not exist.
    /// </summary>
    public static int MaximumAtomicWriteBlocks(LogicalUnit unit) =>
        Math.Min(unit.Limits.AllAtOnceBytes, unit.Info.MaximumAtomicWriteBytes) / unit.Info.BlockSize;

    /// <summary>
    /// MAXIMUM TRANSFER LENGTH: the Expected Data Transfer Length of a command has 32 bits (RFC 7143, 11.3.4), and longer ones could not be
    /// carried.
    /// </summary>
    public static uint MaximumTransferBlocks(LogicalUnit unit) => uint.MaxValue / (uint)unit.Info.BlockSize;

    /// <summary>MAXIMUM UNMAP BLOCK DESCRIPTOR COUNT: the whole parameter list must be in memory at once.</summary>
    public static int MaximumUnmapDescriptors(LogicalUnit unit) => Math.Min(
        unit.Limits.MaximumUnmapDescriptors,
        (unit.Limits.AllAtOnceBytes - Protocol.Scsi.UnmapParameterList.HeaderSize) / Protocol.Scsi.UnmapParameterList.DescriptorSize);
}

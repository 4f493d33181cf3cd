using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;
using Iscsi.Storage;

namespace Iscsi.Target.Scsi;

/// <summary>READ and WRITE in all lengths (SBC-3).</summary>
/// <remarks>
/// RDPROTECT and WRPROTECT, FUA_NV, RARC and GROUP NUMBER are outside the usage masks: protection information, grouping and
/// rebuild assist are not supported, and a bit of theirs is an invalid field.
/// </remarks>
internal static class ReadWriteCommands
{
    private const byte DisablePageOut = 0x10;
    private const byte ForceUnitAccess = 0x08;
    private const byte Flags = DisablePageOut | ForceUnitAccess;

    /// <summary>The rows.</summary>
    public static readonly ScsiCommandRow[] Rows =
    [
        // byte 1 LOGICAL BLOCK ADDRESS (21), byte 4 TRANSFER LENGTH: 0 is 256 blocks
        Read("READ (6)", [OperationCode.Read6, 0x1F, 0xFF, 0xFF, 0xFF, 0]),
        Write("WRITE (6)", [OperationCode.Write6, 0x1F, 0xFF, 0xFF, 0xFF, 0]),

        // byte 1 flags, byte 2 LOGICAL BLOCK ADDRESS (4), byte 6 GROUP NUMBER, byte 7 TRANSFER LENGTH (2)
        Read("READ (10)", [OperationCode.Read10, Flags, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0xFF, 0xFF, 0]),
        Write("WRITE (10)", [OperationCode.Write10, Flags, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0xFF, 0xFF, 0]),

        // byte 1 flags, byte 2 LOGICAL BLOCK ADDRESS (4), byte 6 TRANSFER LENGTH (4), byte 10 GROUP NUMBER
        Read("READ (12)", [OperationCode.Read12, Flags, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0]),
        Write("WRITE (12)", [OperationCode.Write12, Flags, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0]),

        // byte 1 flags, byte 2 LOGICAL BLOCK ADDRESS (8), byte 10 TRANSFER LENGTH (4), byte 14 GROUP NUMBER
        Read("READ (16)",
            [OperationCode.Read16, Flags, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0]),
        Write("WRITE (16)",
            [OperationCode.Write16, Flags, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0]),
    ];

    private static ScsiCommandRow Read(string name, byte[] usage) => new()
    {
        Name = name,
        Usage = usage,
        Traits = ScsiTraits.AllowedThroughWriteExclusive,
        Direction = DataDirection.Read,
        Memory = MemoryNeed.Bursts,
        Begin = static r => Begin(r, ScsiStep.ReadMedium),
    };

    private static ScsiCommandRow Write(string name, byte[] usage) => new()
    {
        Name = name,
        Usage = usage,
        Traits = ScsiTraits.Writes,
        Direction = DataDirection.Write,
        Memory = MemoryNeed.Bursts,
        Begin = static r => Begin(r, ScsiStep.WriteMedium),
    };

    private static ScsiStep Begin(ScsiRequest r, ScsiStep step)
    {
        // A 6-byte CDB has address bits where the longer ones have FUA.
        var forces = r.Row!.CdbLength > 6 && r.Cdb.Has(1, ForceUnitAccess);
        return BeginTransfer(r, forces ? BlockWriteFlags.ForceUnitAccess : BlockWriteFlags.None, step);
    }

    /// <summary>Checks address and length, and begins the streaming of the blocks.</summary>
    public static ScsiStep BeginTransfer(ScsiRequest r, BlockWriteFlags flags, ScsiStep step)
    {
        var cdbLength = r.Row!.CdbLength;
        var (lba, blockCount) = BlockAddress.Parse(r.Cdb, cdbLength);
        if (!BlockAddress.IsInside(r, lba, blockCount)) return ScsiStep.Done;
        if (blockCount == 0) return r.Good();
        if (blockCount > ScsiCapabilities.MaximumTransferBlocks(r.Unit!)) return r.InvalidField(BlockAddress.LengthOffset(cdbLength));
        r.Transfer = new MediumTransfer((long)lba, blockCount, r.Unit!.Info.BlockSize, flags);
        r.TransferLength = r.Transfer.LengthBytes;
        r.NeedsStore = true;
        return step;
    }
}

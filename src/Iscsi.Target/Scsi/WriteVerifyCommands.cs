using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;
using Iscsi.Storage;

namespace Iscsi.Target.Scsi;

/// <summary>The writes that also read: WRITE AND VERIFY and ORWRITE (SBC-3).</summary>
/// <remarks>
/// They are streamed chunk by chunk. ORWRITE is uninterrupted for each block, which the standard asks for; between two chunks of a long one
/// another writer may come, as if it had come between two commands. WRPROTECT, ORPROTECT and GROUP NUMBER are outside the masks, as in WRITE.
/// </remarks>
internal static class WriteVerifyCommands
{
    private const byte DisablePageOut = 0x10;
    private const byte ForceUnitAccess = 0x08;
    private const byte ByteCheck = 0x02;
    private const byte VerifyFlags = DisablePageOut | ByteCheck;
    private const byte OrFlags = DisablePageOut | ForceUnitAccess;

    /// <summary>The rows.</summary>
    public static readonly ScsiCommandRow[] Rows =
    [
        // byte 1 flags, byte 2 LOGICAL BLOCK ADDRESS (4), byte 7 TRANSFER LENGTH (2)
        Row("WRITE AND VERIFY (10)", [OperationCode.WriteAndVerify10, VerifyFlags, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0xFF, 0xFF, 0], BeginVerify),

        // byte 1 flags, byte 2 LOGICAL BLOCK ADDRESS (4), byte 6 TRANSFER LENGTH (4)
        Row("WRITE AND VERIFY (12)",
            [OperationCode.WriteAndVerify12, VerifyFlags, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0], BeginVerify),

        // byte 1 flags, byte 2 LOGICAL BLOCK ADDRESS (8), byte 10 TRANSFER LENGTH (4)
        Row("WRITE AND VERIFY (16)",
            [OperationCode.WriteAndVerify16, VerifyFlags, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0],
            BeginVerify),
        Row("ORWRITE (16)",
            [OperationCode.OrWrite16, OrFlags, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0], BeginOr),
    ];

    private static ScsiCommandRow Row(string name, byte[] usage, Func<ScsiRequest, ScsiStep> begin) => new()
    {
        Name = name,
        Usage = usage,
        Traits = ScsiTraits.Writes,
        Direction = DataDirection.Write,
        Memory = MemoryNeed.Bursts,
        Begin = begin,
    };

    // The verification is of the medium, so what is written must be there and not in a cache: the command implies FUA.
    private static ScsiStep BeginVerify(ScsiRequest r) => ReadWriteCommands.BeginTransfer(
        r, BlockWriteFlags.ForceUnitAccess, r.Cdb.Has(1, ByteCheck) ? ScsiStep.WriteAndCompareMedium : ScsiStep.WriteAndReadMedium);

    private static ScsiStep BeginOr(ScsiRequest r) => ReadWriteCommands.BeginTransfer(
        r, r.Cdb.Has(1, ForceUnitAccess) ? BlockWriteFlags.ForceUnitAccess : BlockWriteFlags.None, ScsiStep.OrMedium);
}

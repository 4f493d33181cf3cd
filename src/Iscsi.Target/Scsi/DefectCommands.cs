using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;

namespace Iscsi.Target.Scsi;

/// <summary>READ DEFECT DATA (SBC-3): a disk in a file has no defects, so both lists are there and empty, in whatever format.</summary>
internal static class DefectCommands
{
    // REQ_PLIST, REQ_GLIST, DEFECT LIST FORMAT (3); the answer repeats them as PLISTV, GLISTV and the format.
    private const byte Lists = 0x1F;

    /// <summary>The rows.</summary>
    public static readonly ScsiCommandRow[] Rows =
    [
        // byte 2 lists and format, byte 7 ALLOCATION LENGTH (2)
        Row("READ DEFECT DATA (10)", [OperationCode.ReadDefectData10, 0, Lists, 0, 0, 0, 0, 0xFF, 0xFF, 0], Begin10),

        // byte 1 lists and format, byte 2 ADDRESS DESCRIPTOR INDEX (4), byte 6 ALLOCATION LENGTH (4)
        Row("READ DEFECT DATA (12)",
            [OperationCode.ReadDefectData12, Lists, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0], Begin12),
    ];

    private static ScsiCommandRow Row(string name, byte[] usage, Func<ScsiRequest, ScsiStep> begin) => new()
    {
        Name = name,
        Usage = usage,
        Traits = ScsiTraits.AllowedThroughWriteExclusive,
        Direction = DataDirection.Read,
        Memory = MemoryNeed.ParameterData,
        Begin = begin,
    };

    // READ DEFECT DATA (10) parameter data: 1| Reserved (3) | PLISTV | GLISTV | DEFECT LIST FORMAT (3), 2| DEFECT LIST LENGTH (2)
    private static ScsiStep Begin10(ScsiRequest r) => r.Reply([0, r.Cdb[2], 0, 0], r.Cdb.UInt16(7));

    // READ DEFECT DATA (12) parameter data: 1| as above, 2| GENERATION CODE (2), 4| DEFECT LIST LENGTH (4)
    private static ScsiStep Begin12(ScsiRequest r) => r.Reply([0, r.Cdb[1], 0, 0, 0, 0, 0, 0], r.Cdb.UInt32(6));
}

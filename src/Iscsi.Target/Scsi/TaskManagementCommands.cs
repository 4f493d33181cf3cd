using System.Buffers.Binary;
using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;
using Iscsi.Target.Tasks;

namespace Iscsi.Target.Scsi;

/// <summary>REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS.</summary>
internal static class TaskManagementCommands
{
    private const byte ReturnExtendedParameterData = 0x80;

    /// <summary>The rows.</summary>
    public static readonly ScsiCommandRow[] Rows =
    [
        // SPC-4: byte 2 REPD, byte 6 ALLOCATION LENGTH (4)
        new()
        {
            Name = "REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS",
            Usage =
            [
                OperationCode.MaintenanceIn, OperationCode.ReportSupportedTaskManagementFunctions, ReturnExtendedParameterData, 0, 0, 0,
                0xFF, 0xFF, 0xFF, 0xFF, 0, 0,
            ],
            ServiceAction = OperationCode.ReportSupportedTaskManagementFunctions,
            Traits = ScsiTraits.AllowedWhenStopped,
            Direction = DataDirection.Read,
            Memory = MemoryNeed.ParameterData,
            Begin = Report,
        },
    ];

    // SPC-4, REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS parameter data; with REPD zero the first 4 bytes only
    //
    //      0| ATS | ATSS | CACAS | CTSS | LURS | QTS | TRS | Obsolete
    //      1| Reserved (5) | QAES | QTSS | ITNRS
    //      2| Reserved                          3| ADDITIONAL DATA LENGTH (0Ch, or 0 with REPD zero)
    //      4| Reserved (7) | TMFTMOV            5| Reserved
    //      6| which functions have a timeout of their own (2)
    //      8| LONG TIMEOUT (4)                 12| SHORT TIMEOUT (4): none is told, TMFTMOV is zero
    private static ScsiStep Report(ScsiRequest r)
    {
        const int shortSize = 4;
        const int extendedSize = 16;
        const int minimumAllocation = 4;
        var allocationLength = r.Cdb.UInt32(6);
        // SPC-4: fewer than four bytes are an error here, not a truncation.
        if (allocationLength < minimumAllocation) return r.InvalidField(6);
        Span<byte> data = stackalloc byte[extendedSize];
        data.Clear();
        var size = r.Cdb.Has(2, ReturnExtendedParameterData) ? extendedSize : shortSize;
        BinaryPrimitives.WriteUInt16BigEndian(data, TaskManagementTable.SupportBits(r.Nexus.ProtocolLevel));
        data[3] = (byte)(size - shortSize);
        return r.Reply(data[..size], allocationLength);
    }
}

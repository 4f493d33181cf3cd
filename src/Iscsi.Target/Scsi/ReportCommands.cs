using Iscsi.Protocol;
using System.Buffers.Binary;
using Iscsi.Protocol.Scsi;

namespace Iscsi.Target.Scsi;

/// <summary>What there is: REPORT LUNS and REPORT SUPPORTED OPERATION CODES.</summary>
internal static class ReportCommands
{
    // SELECT REPORT (SPC-4)
    private const byte AddressedUnits = 0x00;
    private const byte WellKnownUnits = 0x01;
    private const byte AllUnits = 0x02;

    // REPORTING OPTIONS (SPC-4)
    private const byte ReturnTimeouts = 0x80;
    private const byte ReportingOptions = 0x07;
    private const int AllCommands = 0;
    private const int ByOperationCode = 1;
    private const int ByServiceAction = 2;
    private const int ByEither = 3;

    private const int TimeoutsDescriptorSize = 12;

    /// <summary>The rows.</summary>
    public static readonly ScsiCommandRow[] Rows =
    [
        // SPC-4: byte 2 SELECT REPORT, byte 6 ALLOCATION LENGTH (4)
        new()
        {
            Name = "REPORT LUNS",
            Usage = [OperationCode.ReportLuns, 0, 0xFF, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0],
            Traits = ScsiTraits.AnyLun | ScsiTraits.AllowedDuringUnitAttention | ScsiTraits.AllowedWhenStopped |
                ScsiTraits.AllowedDuringOperation | ScsiTraits.AllowedThroughReservations | ScsiTraits.AllowedInEveryAccessState,
            Direction = DataDirection.Read,
            Memory = MemoryNeed.ParameterData,
            Begin = ReportLuns,
        },

        // SPC-4: byte 2 RCTD and REPORTING OPTIONS (3), byte 3 REQUESTED OPERATION CODE, byte 4 REQUESTED SERVICE ACTION (2),
        // byte 6 ALLOCATION LENGTH (4)
        new()
        {
            Name = "REPORT SUPPORTED OPERATION CODES",
            Usage =
            [
                OperationCode.MaintenanceIn, OperationCode.ReportSupportedOperationCodes, ReturnTimeouts | ReportingOptions, 0xFF, 0xFF, 0xFF,
                0xFF, 0xFF, 0xFF, 0xFF, 0, 0,
            ],
            ServiceAction = OperationCode.ReportSupportedOperationCodes,
            Traits = ScsiTraits.AllowedWhenStopped | ScsiTraits.AllowedDuringOperation,
            Direction = DataDirection.Read,
            Memory = MemoryNeed.ParameterData,
            Begin = ReportSupportedOperationCodes,
        },
    ];

    // REPORT LUNS parameter data (SPC-4): LUN LIST LENGTH (4), Reserved (4), LUNs (8 each)
    private static ScsiStep ReportLuns(ScsiRequest r)
    {
        const uint minimumAllocationLength = 16;
        var select = r.Cdb[2];
        if (select is not (AddressedUnits or WellKnownUnits or AllUnits)) return r.InvalidField(2);
        var allocationLength = r.Cdb.UInt32(6);
        if (allocationLength < minimumAllocationLength) return r.InvalidField(6);

        var units = select == WellKnownUnits ? [] : r.Units.Units;
        var writer = new ParameterDataWriter(r, allocationLength);
        writer.PutUInt32((uint)units.Length * 8);
        writer.PutUInt32(0);
        foreach (var unit in units) writer.PutUInt64(LogicalUnitNumber.Encode(unit.Number));

        // SPC-4, REPORT LUNS command: what was reported needs no attention any more, on any logical unit of the nexus.
        if (r.Nexus.HasUnitAttention)
        {
            r.ReportedAttention = UnitAttention.ReportedLunsDataHasChanged;
            r.ReportedAttentionOfAllUnits = true;
        }
        return writer.Good();
    }

    private static ScsiStep ReportSupportedOperationCodes(ScsiRequest r)
    {
        var options = r.Cdb[2] & ReportingOptions;
        var withTimeouts = r.Cdb.Has(2, ReturnTimeouts);
        var writer = new ParameterDataWriter(r, r.Cdb.UInt32(6));
        if (options == AllCommands) return ReportAll(r, ref writer, withTimeouts);
        if (options > ByEither) return r.InvalidField(2, 2);

        var operationCode = r.Cdb[3];
        var serviceAction = r.Cdb.UInt16(4);
        ScsiCommandRow? found = null;
        foreach (var row in ScsiCommandTable.Rows)
        {
            if (row.OperationCode != operationCode || !row.Exists(r.Unit)) continue;
            var hasServiceActions = row.ServiceAction is not null;
            // The question itself is wrong when it does not fit the operation code. The pointer says REPORTING OPTIONS, not the
            // service action: a pointer to byte 1 would read as "this command does not exist".
            if (options == ByOperationCode && hasServiceActions) return r.InvalidField(2, 2);
            if (options == ByServiceAction && !hasServiceActions) return r.InvalidField(2, 2);
            if ((row.ServiceAction ?? 0) == serviceAction || options == ByOperationCode) found = row;
        }
        return ReportOne(r.Unit!, found, ref writer, withTimeouts);
    }

    // SPC-4, all_commands parameter data
    //
    //      0| COMMAND DATA LENGTH (4)
    //      4| command descriptors:
    //             0| OPERATION CODE        1| Reserved
    //             2| SERVICE ACTION (2)    4| Reserved
    //             5| Reserved (6) | CTDP | SERVACTV
    //             6| CDB LENGTH (2)        8| command timeouts descriptor, if CTDP
    private static ScsiStep ReportAll(ScsiRequest r, ref ParameterDataWriter writer, bool withTimeouts)
    {
        const byte hasTimeouts = 0x02;
        const byte hasServiceAction = 0x01;
        var size = 8 + (withTimeouts ? TimeoutsDescriptorSize : 0);
        var count = 0;
        foreach (var row in ScsiCommandTable.Rows)
            if (row.Exists(r.Unit)) count++;
        writer.PutUInt32((uint)(count * size));

        Span<byte> descriptor = stackalloc byte[8 + TimeoutsDescriptorSize];
        foreach (var row in ScsiCommandTable.Rows)
        {
            if (!row.Exists(r.Unit)) continue;
            descriptor.Clear();
            descriptor[0] = row.OperationCode;
            BinaryPrimitives.WriteUInt16BigEndian(descriptor[2..], row.ServiceAction ?? 0);
            descriptor[5] = (byte)((withTimeouts ? hasTimeouts : 0) | (row.ServiceAction is null ? 0 : hasServiceAction));
            BinaryPrimitives.WriteUInt16BigEndian(descriptor[6..], (ushort)row.CdbLength);
            WriteTimeouts(row, descriptor[8..]);
            writer.Put(descriptor[..size]);
        }
        return writer.Good();
    }

    // SPC-4, one_command parameter data
    //
    //      0| Reserved
    //      1| CTDP | Reserved (4) | SUPPORT (3): 001b not supported, 011b supported as the standard says
    //      2| CDB SIZE (2)
    //      4| CDB USAGE DATA, then the command timeouts descriptor, if CTDP
    private static ScsiStep ReportOne(LogicalUnit unit, ScsiCommandRow? row, ref ParameterDataWriter writer, bool withTimeouts)
    {
        const byte hasTimeouts = 0x80;
        const byte notSupported = 0x01;
        const byte supported = 0x03;
        Span<byte> data = stackalloc byte[4 + Cdb.Size + TimeoutsDescriptorSize];
        data.Clear();
        var length = 4;
        if (row is null)
        {
            data[1] = notSupported;
        }
        else
        {
            data[1] = (byte)(supported | (withTimeouts ? hasTimeouts : 0));
            BinaryPrimitives.WriteUInt16BigEndian(data[2..], (ushort)row.CdbLength);
            for (var i = 0; i < row.CdbLength; i++) data[length++] = row.UsageOf(unit, i);
            if (withTimeouts)
            {
                WriteTimeouts(row, data[length..]);
                length += TimeoutsDescriptorSize;
            }
        }
        writer.Put(data[..length]);
        return writer.Good();
    }

    // SPC-4, command timeouts descriptor
    //
    //      0| DESCRIPTOR LENGTH (2)             2| Reserved             3| COMMAND SPECIFIC
    //      4| NOMINAL COMMAND PROCESSING TIMEOUT (4), 0 is "not indicated"
    //      8| RECOMMENDED COMMAND TIMEOUT (4)
    private static void WriteTimeouts(ScsiCommandRow row, Span<byte> descriptor)
    {
        BinaryPrimitives.WriteUInt16BigEndian(descriptor, TimeoutsDescriptorSize - 2);
        BinaryPrimitives.WriteUInt32BigEndian(descriptor[8..], (uint)row.RecommendedTimeoutSeconds);
    }
}

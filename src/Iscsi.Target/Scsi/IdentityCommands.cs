using System.Buffers.Binary;
using System.Text.Unicode;
using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;

namespace Iscsi.Target.Scsi;

/// <summary>
/// What an initiator writes on the label of a logical unit: REPORT and SET IDENTIFYING INFORMATION; and its clock: REPORT and SET
/// TIMESTAMP (SPC-4).
/// </summary>
internal static class IdentityCommands
{
    // INFORMATION TYPE
    private const byte Identifying = 0x00;
    private const byte Text = 0x02;
    private const byte SupportedTypes = 0x7F;

    // MAXIMUM INFORMATION LENGTH: what SPC-4 allows and every device must have room for, and the most for a text.
    private const ushort MaxIdentifyingBytes = 64;
    private const ushort MaxTextBytes = 256;

    private const int TimestampBytes = 12;

    /// <summary>The rows.</summary>
    public static readonly ScsiCommandRow[] Rows =
    [
        // byte 6 ALLOCATION LENGTH (4), byte 10 INFORMATION TYPE (7)
        new()
        {
            Name = "REPORT IDENTIFYING INFORMATION",
            Usage = [OperationCode.MaintenanceIn, OperationCode.ReportIdentifyingInformation, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE, 0],
            ServiceAction = OperationCode.ReportIdentifyingInformation,
            Traits = ScsiTraits.AllowedWhenStopped | ScsiTraits.AllowedThroughReservations,
            Direction = DataDirection.Read,
            Memory = MemoryNeed.ParameterData,
            Begin = BeginReport,
        },

        // byte 6 PARAMETER LIST LENGTH (4), byte 10 INFORMATION TYPE (7)
        new()
        {
            Name = "SET IDENTIFYING INFORMATION",
            Usage = [OperationCode.MaintenanceOut, OperationCode.SetIdentifyingInformation, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE, 0],
            ServiceAction = OperationCode.SetIdentifyingInformation,
            Traits = ScsiTraits.AllowedWhenStopped,
            Direction = DataDirection.Write,
            Memory = MemoryNeed.AllAtOnce,
            Begin = BeginSet,
            Execute = SetAsync,
        },

        // byte 6 ALLOCATION LENGTH (4)
        new()
        {
            Name = "REPORT TIMESTAMP",
            Usage = [OperationCode.MaintenanceIn, OperationCode.ReportTimestamp, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0],
            ServiceAction = OperationCode.ReportTimestamp,
            Traits = ScsiTraits.AllowedWhenStopped | ScsiTraits.AllowedThroughReservation,
            Direction = DataDirection.Read,
            Memory = MemoryNeed.ParameterData,
            Begin = ReportTimestamp,
        },

        // byte 6 PARAMETER LIST LENGTH (4)
        new()
        {
            Name = "SET TIMESTAMP",
            Usage = [OperationCode.MaintenanceOut, OperationCode.SetTimestamp, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0],
            ServiceAction = OperationCode.SetTimestamp,
            Traits = ScsiTraits.AllowedWhenStopped,
            Direction = DataDirection.Write,
            Memory = MemoryNeed.AllAtOnce,
            Begin = BeginSetTimestamp,
            Execute = SetTimestampAsync,
        },
    ];

    // SPC-4: Reserved (2), IDENTIFYING INFORMATION LENGTH (2), the information
    private static ScsiStep BeginReport(ScsiRequest r)
    {
        Span<byte> data = stackalloc byte[4 + MaxTextBytes];
        data.Clear();
        int length;
        switch (TypeOf(r))
        {
            case Identifying or Text:
                length = Decode(r.Unit!.State.Get(StateName(r)), data[4..]);
                break;
            case SupportedTypes:
                // INFORMATION TYPE (7), Reserved, MAXIMUM INFORMATION LENGTH (2)
                data[4] = Identifying << 1;
                BinaryPrimitives.WriteUInt16BigEndian(data[6..], MaxIdentifyingBytes);
                data[8] = Text << 1;
                BinaryPrimitives.WriteUInt16BigEndian(data[10..], MaxTextBytes);
                length = 8;
                break;
            default:
                return r.InvalidField(10, 7);
        }
        BinaryPrimitives.WriteUInt16BigEndian(data[2..], (ushort)length);
        return r.Reply(data[..(4 + length)], r.Cdb.UInt32(6));
    }

    private static ScsiStep BeginSet(ScsiRequest r)
    {
        var max = TypeOf(r) switch
        {
            Identifying => MaxIdentifyingBytes,
            Text => MaxTextBytes,
            _ => -1,
        };
        if (max < 0) return r.InvalidField(10, 7);
        var length = r.Cdb.UInt32(6);
        if (length > max) return r.InvalidField(6);
        // No information is information too: it removes what is there.
        if (length == 0) return ScsiStep.Execute;
        r.TransferLength = length;
        r.DataOutNeeded = (int)length;
        return ScsiStep.CollectDataOut;
    }

    private static async ValueTask SetAsync(ScsiRequest r)
    {
        if (!TryTake(r, out var value)) return;
        var unit = r.Unit!;
        var name = StateName(r);
        if (string.Equals(unit.State.Get(name), value, StringComparison.Ordinal)) return;
        try
        {
            // A few flushes where there is a file: not on the session's executor.
            if (unit.State.IsKept) await Task.Run(() => unit.State.Set((name, value))).ConfigureAwait(false);
            else unit.State.Set((name, value));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            r.Fail(SenseKey.HardwareError, AdditionalSense.InternalTargetFailure);
            return;
        }
        r.Units.Raise(unit, UnitAttention.DeviceIdentifierChanged, except: r.Nexus);
    }

    private static bool TryTake(ScsiRequest r, out string? value)
    {
        value = null;
        if (r.DataOutNeeded == 0) return true;
        if (r.DataOut.Length < r.DataOutNeeded)
        {
            r.Fail(SenseKey.IllegalRequest, AdditionalSense.ParameterListLengthError);
            return false;
        }
        Span<byte> data = stackalloc byte[r.DataOutNeeded];
        r.DataOut.CopyTo(0, data);
        // SPC-4: a text is UTF-8 and ends with a zero.
        if (TypeOf(r) == Text && (data[^1] != 0 || !Utf8.IsValid(data)))
        {
            r.InvalidParameter(0);
            return false;
        }
        value = Convert.ToHexStringLower(data);
        return true;
    }

    // Reserved, TIMESTAMP PARAMETER DATA LENGTH (2), TIMESTAMP ORIGIN (3 bits), Reserved, TIMESTAMP (6), Reserved (2)
    private static ScsiStep ReportTimestamp(ScsiRequest r)
    {
        Span<byte> data = stackalloc byte[TimestampBytes];
        data.Clear();
        var (origin, milliseconds) = r.Unit!.Timestamp.Now;
        BinaryPrimitives.WriteUInt64BigEndian(data[2..], milliseconds & 0xFFFF_FFFF_FFFF);
        data[1] = TimestampBytes - 2;
        data[2] = origin;
        return r.Reply(data, r.Cdb.UInt32(6));
    }

    private static ScsiStep BeginSetTimestamp(ScsiRequest r)
    {
        var length = r.Cdb.UInt32(6);
        if (length == 0) return r.Good();
        if (length != TimestampBytes) return r.Fail(SenseKey.IllegalRequest, AdditionalSense.ParameterListLengthError);
        r.TransferLength = length;
        r.DataOutNeeded = (int)length;
        return ScsiStep.CollectDataOut;
    }

    // Reserved (4), TIMESTAMP (6), Reserved (2)
    private static ValueTask SetTimestampAsync(ScsiRequest r)
    {
        if (r.DataOut.Length < r.DataOutNeeded)
        {
            r.Fail(SenseKey.IllegalRequest, AdditionalSense.ParameterListLengthError);
            return default;
        }
        Span<byte> data = stackalloc byte[TimestampBytes];
        r.DataOut.CopyTo(0, data);
        r.Unit!.Timestamp.Set(BinaryPrimitives.ReadUInt64BigEndian(data[2..]) & 0xFFFF_FFFF_FFFF);
        r.Units.Raise(r.Unit, UnitAttention.TimestampChanged, except: r.Nexus);
        return default;
    }

    private static byte TypeOf(ScsiRequest r) => (byte)(r.Cdb[10] >> 1);

    private static string StateName(ScsiRequest r) => TypeOf(r) == Text ? "identifying-text" : "identifying-information";

    // What this code has written; a file that someone else wrote right up to the checksum has no such name.
    private static int Decode(string? value, Span<byte> to) =>
        value is not null && Convert.FromHexString(value, to, out _, out var written) == System.Buffers.OperationStatus.Done ? written : 0;
}

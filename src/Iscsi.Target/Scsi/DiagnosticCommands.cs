using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;
using Iscsi.Storage;

namespace Iscsi.Target.Scsi;

/// <summary>SEND DIAGNOSTIC and RECEIVE DIAGNOSTIC RESULTS (SPC-4).</summary>
/// <remarks>
/// Self-tests run in the foreground: their status is their result. Background self-tests are refused. The only diagnostic page is the
/// list of pages.
/// </remarks>
internal static class DiagnosticCommands
{
    /// <summary>EXTENDED SELF-TEST COMPLETION TIME: <see cref="ExtendedReads"/> small reads, the slowest of disks assumed.</summary>
    public const ushort ExtendedSeconds = 5;

    private const byte PageFormat = 0x10;
    private const byte SelfTest = 0x04;
    private const byte DeviceOffline = 0x02;
    private const byte UnitOffline = 0x01;
    private const byte PageCodeValid = 0x01;

    // SELF-TEST CODE
    private const int Default = 0;
    private const int ForegroundShort = 5;
    private const int ForegroundExtended = 6;

    // Places on the medium that are read: its beginning, its end, and evenly between.
    private const int ShortReads = 4;
    private const int ExtendedReads = 64;

    private const int MaxListBytes = 4096;

    /// <summary>The rows.</summary>
    public static readonly ScsiCommandRow[] Rows =
    [
        // byte 1 SELF-TEST CODE (3), PF, SELFTEST, DEVOFFL, UNITOFFL, byte 3 PARAMETER LIST LENGTH (2)
        new()
        {
            Name = "SEND DIAGNOSTIC",
            Usage = [OperationCode.SendDiagnostic, 0xE0 | PageFormat | SelfTest | DeviceOffline | UnitOffline, 0, 0xFF, 0xFF, 0],
            Traits = ScsiTraits.AllowedInStandby,
            Direction = DataDirection.Write,
            Memory = MemoryNeed.AllAtOnce,
            RecommendedTimeoutSeconds = 60,
            Begin = BeginSend,
            Execute = static r => r.DataOutNeeded > 0 ? TakePage(r) : TestAsync(r),
        },

        // byte 1 PCV, byte 2 PAGE CODE, byte 3 ALLOCATION LENGTH (2)
        new()
        {
            Name = "RECEIVE DIAGNOSTIC RESULTS",
            Usage = [OperationCode.ReceiveDiagnosticResults, PageCodeValid, 0xFF, 0xFF, 0xFF, 0],
            Traits = ScsiTraits.AllowedInStandby,
            Direction = DataDirection.Read,
            Memory = MemoryNeed.ParameterData,
            Begin = BeginReceive,
        },
    ];

    // Supported Diagnostic Pages: 0| PAGE CODE (00h)   1| Reserved   2| PAGE LENGTH (2)   4| the codes. Without PCV it is what the latest
    // page that was sent asked for, and that can have been no other.
    private static ScsiStep BeginReceive(ScsiRequest r) =>
        r.Cdb[2] != 0 ? r.InvalidField(2) : r.Reply([0x00, 0, 0, 1, 0x00], r.Cdb.UInt16(3));

    private static ScsiStep BeginSend(ScsiRequest r)
    {
        var code = r.Cdb[1] >> 5;
        var length = r.Cdb.UInt16(3);
        if (r.Cdb.Has(1, SelfTest) ? code != Default : code is not (Default or ForegroundShort or ForegroundExtended)) return r.InvalidField(1, 7);
        var isTest = r.Cdb.Has(1, SelfTest) || code != Default;
        if (!isTest)
        {
            if (length == 0) return r.Good();
            // Without PF the list would be vendor specific.
            if (!r.Cdb.Has(1, PageFormat)) return r.InvalidField(1, 4);
            if (length > MaxListBytes) return r.Fail(SenseKey.IllegalRequest, AdditionalSense.ParameterListLengthError);
            r.TransferLength = length;
            r.DataOutNeeded = length;
            return ScsiStep.CollectDataOut;
        }
        // SPC-4: a self-test has no parameter list.
        if (length > 0) return r.InvalidField(3);
        r.NeedsStore = true;
        r.ScratchBytes = r.Unit!.Info.BlockSize;
        return ScsiStep.Execute;
    }

    private static ValueTask TakePage(ScsiRequest r)
    {
        Span<byte> header = stackalloc byte[4];
        if (r.DataOut.Length < r.DataOutNeeded || r.DataOutNeeded < header.Length)
        {
            r.Fail(SenseKey.IllegalRequest, AdditionalSense.ParameterListLengthError);
            return default;
        }
        r.DataOut.CopyTo(0, header);
        if (header[0] != 0) r.InvalidParameter(0);
        else if (header[2] != 0 || header[3] != 0) r.InvalidParameter(2);
        else if (r.DataOutNeeded > header.Length) r.Fail(SenseKey.IllegalRequest, AdditionalSense.ParameterListLengthError);
        return default;
    }

    private static async ValueTask TestAsync(ScsiRequest r)
    {
        var unit = r.Unit!;
        var failure = new SenseData(SenseKey.HardwareError, AdditionalSense.LogicalUnitFailedSelfTest);
        if (unit.IsWriteErrorLatched)
        {
            Log(r, null, new SenseData(SenseKey.MediumError, AdditionalSense.WriteError));
            r.Fail(failure);
            return;
        }
        var reads = r.Cdb[1] >> 5 == ForegroundExtended ? ExtendedReads : ShortReads;
        var last = unit.Info.BlockCount - 1;
        for (var i = 0; i < reads; i++)
        {
            r.Cancellation.ThrowIfCancellationRequested();
            var lba = (long)((Int128)last * i / (reads - 1));
            r.SetWindow(r.Scratch, unit.Info.BlockSize);
            try
            {
                await unit.Device.ReadAsync(lba, r.Window, r.Cancellation).ConfigureAwait(false);
            }
            catch (IOException e)
            {
                Log(r, (ulong)lba, ScsiErrors.Sense(e, writes: false));
                r.Fail(failure);
                return;
            }
        }
        Log(r, null, default);
    }

    private static void Log(ScsiRequest r, ulong? failedAt, SenseData sense) =>
        r.Unit!.SelfTests.Add(new SelfTestResult((byte)(r.Cdb[1] >> 5), r.Unit.PowerOnHours, failedAt, sense));
}

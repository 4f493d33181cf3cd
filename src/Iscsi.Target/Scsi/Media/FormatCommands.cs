using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;

namespace Iscsi.Target.Scsi.Media;

/// <summary>FORMAT UNIT (SBC-3), without protection information and with empty defect lists.</summary>
internal static class FormatCommands
{
    private const byte LongList = 0x20;
    private const byte FormatData = 0x10;
    private const byte CompleteList = 0x08;
    private const byte DefectListFormat = 0x07;

    /// <summary>The rows.</summary>
    public static readonly ScsiCommandRow[] Rows =
    [
        // byte 1 FMTPINFO (2), LONGLIST, FMTDATA, CMPLST, DEFECT LIST FORMAT (3)
        new()
        {
            Name = "FORMAT UNIT",
            Usage = [OperationCode.FormatUnit, LongList | FormatData | CompleteList | DefectListFormat, 0, 0, 0, 0],
            Traits = ScsiTraits.Writes | ScsiTraits.RepairsMedium,
            Direction = DataDirection.Write,
            Memory = MemoryNeed.AllAtOnce,
            RecommendedTimeoutSeconds = MediumCommands.TimeoutSeconds,
            Begin = Begin,
            Execute = FormatAsync,
        },
    ];

    private static ScsiStep Begin(ScsiRequest r)
    {
        // A format would hide that a sanitize operation has failed.
        if (r.Unit!.Medium.FailedOperation is { IsSanitize: true } failed) return r.Fail(SenseKey.MediumError, failed.Failed);
        if (!r.Cdb.Has(1, FormatData))
        {
            // Both speak of the list, which is not there.
            if (r.Cdb.Has(1, CompleteList)) return r.InvalidField(1, 3);
            return r.Cdb.Has(1, DefectListFormat) ? r.InvalidField(1, 2) : MediumCommands.Abortable(r, ScsiStep.Execute);
        }
        // Short block, long block, bytes from index, physical sector: formats that the list could have, were it not empty.
        if ((r.Cdb[1] & DefectListFormat) is not (0 or 3 or 4 or 5)) return r.InvalidField(1, 2);
        // The CDB has no PARAMETER LIST LENGTH: the list is as long as it says itself, so all that can be meant is gathered.
        var longest = FormatParameterList.LongHeaderSize + FormatParameterList.DescriptorSize + r.Unit.Info.BlockSize;
        var length = (int)Math.Min(r.ExpectedDataTransferLength, (uint)longest);
        if (length == 0 || !r.ExpectsDataOut) return r.Fail(SenseKey.IllegalRequest, AdditionalSense.ParameterListLengthError);
        r.TransferLength = length;
        r.DataOutNeeded = length;
        return MediumCommands.Abortable(r, ScsiStep.CollectDataOut);
    }

    private static ValueTask FormatAsync(ScsiRequest r)
    {
        if (!r.Cdb.Has(1, FormatData)) return MediumCommands.StartAsync(r, FormatParameterList.Default(r.Unit!), isImmediate: false);
        Span<byte> list = stackalloc byte[r.DataOut.Length];
        r.DataOut.CopyTo(0, list);
        return FormatParameterList.Parse(r, list, r.Cdb.Has(1, LongList), out var isImmediate) is { } operation
            ? MediumCommands.StartAsync(r, operation, isImmediate)
            : default;
    }
}

using Iscsi.Protocol.Scsi;

namespace Iscsi.Initiator;

/// <summary>Sense data in words (SPC-4, 4.5.6 and annex F).</summary>
public static class SenseText
{
    /// <summary>Describes sense data: key, additional sense, where it points to.</summary>
    /// <param name="sense">The sense data.</param>
    public static string Describe(in SenseData sense)
    {
        var text = $"{Describe(sense.Key)}, {Describe(sense.Additional)} ({sense})";
        if (sense.Field is { } field)
            text += $", byte {field.OffsetBytes}{(field.Bit is { } bit ? $" bit {bit}" : "")} of the {(field.InCdb ? "CDB" : "parameter list")}";
        if (sense.Information is { } information) text += $", information {information}";
        return text;
    }

    private static string Describe(SenseKey key) => key switch
    {
        SenseKey.NoSense => "no sense",
        SenseKey.RecoveredError => "recovered error",
        SenseKey.NotReady => "not ready",
        SenseKey.MediumError => "medium error",
        SenseKey.HardwareError => "hardware error",
        SenseKey.IllegalRequest => "illegal request",
        SenseKey.UnitAttention => "unit attention",
        SenseKey.DataProtect => "data protect",
        SenseKey.BlankCheck => "blank check",
        SenseKey.CopyAborted => "copy aborted",
        SenseKey.AbortedCommand => "aborted command",
        SenseKey.VolumeOverflow => "volume overflow",
        SenseKey.Miscompare => "miscompare",
        SenseKey.Completed => "completed",
        _ => $"sense key {(byte)key:X1}h",
    };

    private static string Describe(AdditionalSense additional) => (additional.Code, additional.Qualifier) switch
    {
        (0x00, 0x00) => "no additional sense information",
        (0x04, 0x00) => "logical unit not ready, cause not reportable",
        (0x04, 0x01) => "logical unit is becoming ready",
        (0x04, 0x02) => "logical unit not ready, initializing command required",
        (0x04, _) => "logical unit not ready",
        (0x08, _) => "logical unit communication failure",
        (0x0C, 0x0C) => "write error, unexpected unsolicited data",
        (0x0C, 0x0D) => "write error, not enough unsolicited data",
        (0x0C, _) => "write error",
        (0x11, _) => "unrecovered read error",
        (0x1A, 0x00) => "parameter list length error",
        (0x1D, 0x00) => "miscompare during verify operation",
        (0x20, 0x00) => "invalid command operation code",
        (0x21, 0x00) => "logical block address out of range",
        (0x24, 0x00) => "invalid field in CDB",
        (0x25, 0x00) => "logical unit not supported",
        (0x26, _) => "invalid field in parameter list",
        (0x27, 0x07) => "space allocation failed, write protect",
        (0x27, _) => "write protected",
        (0x28, 0x00) => "not ready to ready change, medium may have changed",
        (0x29, 0x03) => "bus device reset function occurred",
        (0x29, 0x07) => "I_T nexus loss occurred",
        (0x29, _) => "power on, reset, or bus device reset occurred",
        (0x2A, 0x01) => "mode parameters changed",
        (0x2A, 0x09) => "capacity data has changed",
        (0x2A, _) => "parameters changed",
        (0x38, 0x07) => "thin provisioning soft threshold reached",
        (0x39, 0x00) => "saving parameters not supported",
        (0x3A, _) => "medium not present",
        (0x3F, 0x03) => "inquiry data has changed",
        (0x3F, 0x0E) => "reported LUNs data has changed",
        (0x44, 0x00) => "internal target failure",
        (0x47, _) => "SCSI parity error",
        (0x49, 0x00) => "invalid message error",
        (0x4B, _) => "data phase error",
        (0x55, 0x04) => "insufficient registration resources",
        _ => $"additional sense {additional}",
    };
}

using System.Buffers.Binary;

namespace Iscsi.Protocol.Scsi;

/// <summary>Control mode page, 0Ah (SPC-4).</summary>
public sealed record ControlModePage
{
    /// <summary>PAGE CODE.</summary>
    public const byte Code = 0x0A;

    /// <summary>Bytes of the page with its header.</summary>
    public const int Size = 12;

    private const byte GlobalLoggingTargetSaveDisableBit = 0x02;
    private const byte DescriptorFormatSenseBit = 0x04;
    private const byte SoftwareWriteProtectBit = 0x08;
    private const byte TaskAbortedStatusBit = 0x40;

    /// <summary>TST: 0, one task set for all I_T nexuses; 1, a task set for each I_T nexus.</summary>
    public byte TaskSetType { get; init; }

    /// <summary>D_SENSE: autosense comes in descriptor format.</summary>
    public bool DescriptorFormatSense { get; init; }

    /// <summary>GLTSD: log parameters are not saved by the target on its own.</summary>
    public bool GlobalLoggingTargetSaveDisable { get; init; }

    /// <summary>QUEUE ALGORITHM MODIFIER: 0, restricted reordering; 1, unrestricted.</summary>
    public byte QueueAlgorithmModifier { get; init; }

    /// <summary>QERR.</summary>
    public QueueErrorManagement QueueErrorManagement { get; init; }

    /// <summary>SWP: the logical unit refuses commands that write.</summary>
    public bool SoftwareWriteProtect { get; init; }

    /// <summary>TAS: tasks that another nexus aborts end with TASK ABORTED; otherwise they end without a status.</summary>
    public bool TaskAbortedStatus { get; init; }

    /// <summary>BUSY TIMEOUT PERIOD, in 100 ms; FFFFh is without limit, 0 is undefined.</summary>
    public ushort BusyTimeoutPeriod { get; init; }

    /// <summary>EXTENDED SELF-TEST COMPLETION TIME, seconds; FFFFh: longer, the Extended INQUIRY Data page has minutes.</summary>
    public ushort ExtendedSelfTestCompletionSeconds { get; init; }

    // SPC-4, Control mode page
    //
    //   Byte/     7       6       5       4       3       2       1       0
    //      0|PS    |SPF (0)| PAGE CODE (0Ah)
    //      1| PAGE LENGTH (0Ah)
    //      2| TST                   |TMFONLY|DPICZ  |D_SENSE|GLTSD  |RLEC
    //      3| QUEUE ALGORITHM MODIFIER      |NUAR   | QERR          |
    //      4|VS     |RAC    |UA_INTLCK_CTRL |SWP    | Obsolete
    //      5|ATO    |TAS    |ATMPE  |RWWP   |       | AUTOLOAD MODE
    //      8| BUSY TIMEOUT PERIOD (2)
    //     10| EXTENDED SELF-TEST COMPLETION TIME (2)

    /// <summary>Renders the page, PS zero.</summary>
    /// <returns>Bytes written: <see cref="Size"/>.</returns>
    public int Write(Span<byte> destination)
    {
        var page = destination[..Size];
        page.Clear();
        page[0] = Code;
        page[1] = Size - 2;
        page[2] = (byte)((TaskSetType << 5) | (DescriptorFormatSense ? DescriptorFormatSenseBit : 0) |
            (GlobalLoggingTargetSaveDisable ? GlobalLoggingTargetSaveDisableBit : 0));
        page[3] = (byte)((QueueAlgorithmModifier << 4) | ((byte)QueueErrorManagement << 1));
        page[4] = SoftwareWriteProtect ? SoftwareWriteProtectBit : (byte)0;
        page[5] = TaskAbortedStatus ? TaskAbortedStatusBit : (byte)0;
        BinaryPrimitives.WriteUInt16BigEndian(page[8..], BusyTimeoutPeriod);
        BinaryPrimitives.WriteUInt16BigEndian(page[10..], ExtendedSelfTestCompletionSeconds);
        return Size;
    }

    /// <summary>Parses the page with its header.</summary>
    /// <returns>Null: it is another page, or too short.</returns>
    public static ControlModePage? TryParse(ReadOnlySpan<byte> page)
    {
        if (page.Length < Size || (page[0] & 0x7F) != Code || page[1] != Size - 2) return null;
        return new ControlModePage
        {
            TaskSetType = (byte)(page[2] >> 5),
            DescriptorFormatSense = (page[2] & DescriptorFormatSenseBit) != 0,
            GlobalLoggingTargetSaveDisable = (page[2] & GlobalLoggingTargetSaveDisableBit) != 0,
            QueueAlgorithmModifier = (byte)(page[3] >> 4),
            QueueErrorManagement = (QueueErrorManagement)((page[3] >> 1) & 0x03),
            SoftwareWriteProtect = (page[4] & SoftwareWriteProtectBit) != 0,
            TaskAbortedStatus = (page[5] & TaskAbortedStatusBit) != 0,
            BusyTimeoutPeriod = BinaryPrimitives.ReadUInt16BigEndian(page[8..]),
            ExtendedSelfTestCompletionSeconds = BinaryPrimitives.ReadUInt16BigEndian(page[10..]),
        };
    }
}

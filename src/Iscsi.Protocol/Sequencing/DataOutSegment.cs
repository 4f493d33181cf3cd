namespace Iscsi.Protocol;

/// <summary>A Data-Out to send.</summary>
/// <param name="Lun">LUN of the R2T it answers; 0 when unsolicited.</param>
/// <param name="TargetTransferTag">Tag of the R2T it answers; 0xffffffff when unsolicited.</param>
/// <param name="DataSN">Its number within its sequence.</param>
/// <param name="BufferOffset">Offset of its first byte in the data of the command.</param>
/// <param name="LengthBytes">Its DataSegmentLength.</param>
/// <param name="IsFinal">The F bit: it ends its sequence.</param>
public readonly record struct DataOutSegment(
    ulong Lun, uint TargetTransferTag, uint DataSN, uint BufferOffset, int LengthBytes, bool IsFinal)
{
    /// <summary>The fields of its PDU, without ExpStatSN, which is filled in when it leaves.</summary>
    /// <param name="initiatorTaskTag">Tag of the command.</param>
    public DataOutFields ToFields(uint initiatorTaskTag) => new()
    {
        IsFinal = IsFinal,
        DataSegmentLength = LengthBytes,
        Lun = Lun,
        InitiatorTaskTag = initiatorTaskTag,
        TargetTransferTag = TargetTransferTag,
        DataSN = DataSN,
        BufferOffset = BufferOffset,
    };
}

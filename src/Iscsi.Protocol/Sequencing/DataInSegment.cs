namespace Iscsi.Protocol;

/// <summary>A Data-In to send.</summary>
/// <param name="DataSN">Its number within the command.</param>
/// <param name="BufferOffset">Offset of its first byte in the data of the command.</param>
/// <param name="LengthBytes">Its DataSegmentLength.</param>
/// <param name="IsFinal">The F bit: it ends a sequence.</param>
/// <param name="HasStatus">The S bit: it ends the command.</param>
public readonly record struct DataInSegment(uint DataSN, uint BufferOffset, int LengthBytes, bool IsFinal, bool HasStatus)
{
    /// <summary>The fields of its PDU, without the sequence numbers that are filled in when it leaves.</summary>
    /// <param name="initiatorTaskTag">Tag of the command.</param>
    /// <param name="status">A status without sense data; used with S only.</param>
    /// <param name="residual">The residual; used with S only.</param>
    public DataInFields ToFields(uint initiatorTaskTag, ScsiStatus status, Residual residual)
    {
        // Status and residual are reserved without S (11.7.4); LUN and Target Transfer Tag mean something with A only.
        if (!HasStatus)
        {
            status = ScsiStatus.Good;
            residual = Residual.None;
        }
        return new DataInFields
        {
            IsFinal = IsFinal,
            HasStatus = HasStatus,
            Status = status,
            Overflow = residual.Overflow,
            Underflow = residual.Underflow,
            ResidualCount = residual.Count,
            DataSegmentLength = LengthBytes,
            InitiatorTaskTag = initiatorTaskTag,
            TargetTransferTag = TaskTag.Reserved,
            DataSN = DataSN,
            BufferOffset = BufferOffset,
        };
    }
}

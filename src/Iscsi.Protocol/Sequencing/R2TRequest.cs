namespace Iscsi.Protocol;

/// <summary>An R2T to send.</summary>
/// <param name="R2TSN">Its number within the command.</param>
/// <param name="TargetTransferTag">The tag its Data-Out will repeat.</param>
/// <param name="BufferOffset">Offset of the first byte in the data of the command.</param>
/// <param name="DesiredDataTransferLength">Bytes.</param>
public readonly record struct R2TRequest(uint R2TSN, uint TargetTransferTag, uint BufferOffset, uint DesiredDataTransferLength)
{
    /// <summary>The fields of its PDU, without the sequence numbers that are filled in when it leaves.</summary>
    /// <param name="lun">LUN of the command.</param>
    /// <param name="initiatorTaskTag">Tag of the command.</param>
    public ReadyToTransferFields ToFields(ulong lun, uint initiatorTaskTag) => new()
    {
        Lun = lun,
        InitiatorTaskTag = initiatorTaskTag,
        TargetTransferTag = TargetTransferTag,
        R2TSN = R2TSN,
        BufferOffset = BufferOffset,
        DesiredDataTransferLength = DesiredDataTransferLength,
    };
}

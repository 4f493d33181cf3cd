namespace Iscsi.Protocol;

/// <summary>What a fault leads to.</summary>
public static class PduFaultExtensions
{
    /// <summary>
    /// The reason code of a Reject that answers it (RFC 7143, 11.17.1). A header-digest error is not answered at ERL 0 (7.8).
    /// </summary>
    /// <param name="fault">A fault other than <see cref="PduFault.None"/>.</param>
    public static RejectReason ToRejectReason(this PduFault fault) => fault switch
    {
        PduFault.ReservedOpcode => RejectReason.CommandNotSupported,
        PduFault.DataDigestMismatch => RejectReason.DataDigestError,
        PduFault.AhsTooLong or PduFault.AhsMalformed or PduFault.AhsNotAllowed or
            PduFault.UnexpectedDataSegment or PduFault.MissingFinal or PduFault.NotImmediate or
            PduFault.InvalidDirection or PduFault.InvalidTaskAttribute or PduFault.InvalidResidual or
            PduFault.InvalidLength or PduFault.InvalidLogoutReason or PduFault.InvalidStage => RejectReason.InvalidPduField,
        PduFault.InvalidSnack => RejectReason.SnackReject,
        PduFault.TooManyImmediate => RejectReason.ImmediateCommandReject,
        _ => RejectReason.ProtocolError,
    };

    /// <summary>The end reason of a connection that is ended for it.</summary>
    /// <param name="fault">The fault.</param>
    public static ConnectionEndReason ToEndReason(this PduFault fault) => fault switch
    {
        PduFault.None => ConnectionEndReason.None,
        PduFault.ReservedOpcode or PduFault.OpcodeOfOtherSide => ConnectionEndReason.InvalidOpcode,
        PduFault.UnexpectedPdu => ConnectionEndReason.UnexpectedPdu,
        PduFault.HeaderDigestMismatch => ConnectionEndReason.HeaderDigestError,
        PduFault.DataDigestMismatch => ConnectionEndReason.DataDigestError,
        PduFault.DataSegmentTooLong => ConnectionEndReason.DataSegmentTooLong,
        PduFault.AhsTooLong => ConnectionEndReason.AdditionalHeaderTooLong,
        PduFault.InvalidTaskTag or PduFault.TaskTagInUse or PduFault.InvalidTargetTransferTag => ConnectionEndReason.InvalidTag,
        PduFault.InvalidDataOffset or PduFault.InvalidDataSN or PduFault.DataOverrun or
            PduFault.DataSequenceTooShort => ConnectionEndReason.InvalidDataOffset,
        _ => ConnectionEndReason.InvalidPduField,
    };
}

namespace Iscsi.Protocol;

// RFC 7143, 11.16: SNACK Request
//
//  Byte|       0       |       1       |       2       |       3       |
//    0|.|.| 0x10      |1|. . .| Type  | Reserved                      |
//    4|TotalAHSLength | DataSegmentLength                             |
//    8| LUN or Reserved                                               |
//   16| Initiator Task Tag or 0xffffffff                              |
//   20| Target Transfer Tag or SNACK Tag or 0xffffffff                |
//   24| Reserved                                                      |
//   28| ExpStatSN                                                     |
//   32/ Reserved                                                      /
//   40| BegRun                                                        |
//   44| RunLength                                                     |

/// <summary>Asks for PDUs again, or acknowledges data (ERL above 0) (RFC 7143, 11.16): a view of its header.</summary>
public readonly ref struct SnackRequestPdu
{
    private readonly ref readonly BasicHeaderSegment _header;

    /// <summary>Looks at a header, whose opcode the caller has checked.</summary>
    /// <param name="header">The header; the view is valid as long as it is.</param>
    public SnackRequestPdu(ref readonly BasicHeaderSegment header) => _header = ref header;

    /// <summary>What is asked for again, or acknowledged.</summary>
    public SnackType Type => (SnackType)(_header[1] & 0x0F);

    /// <summary>The LUN field, as 8 bytes in SAM-5 format.</summary>
    public ulong Lun => _header.Lun;

    /// <summary>The tag the initiator gave the task.</summary>
    public uint InitiatorTaskTag => _header.InitiatorTaskTag;

    /// <summary>DataACK: the tag of the Data-In with A; R-Data: the SNACK tag.</summary>
    public uint TargetTransferTag => _header.UInt32At(20);

    /// <summary>The next StatSN the initiator expects; acknowledges all before it.</summary>
    public uint ExpStatSN => _header.UInt32At(28);

    /// <summary>The first number of the run.</summary>
    public uint BegRun => _header.UInt32At(40);

    /// <summary>Numbers in the run; 0 means all.</summary>
    public uint RunLength => _header.UInt32At(44);

    /// <summary>Checks what this header alone can tell. Limits, tags and numbers are checked by who knows them.</summary>
    /// <returns><see cref="PduFault.None"/>, or the first fault.</returns>
    public PduFault Validate()
    {
        if (_header.TotalAhsLengthBytes != 0) return PduFault.AhsNotAllowed;
        if (!_header.IsFinal) return PduFault.MissingFinal;
        if (_header.DataSegmentLength != 0) return PduFault.UnexpectedDataSegment;
        if (Type > SnackType.RData) return PduFault.InvalidSnack;
        var isTaskless = Type is SnackType.Status or SnackType.DataAck;
        if (isTaskless != (InitiatorTaskTag == TaskTag.Reserved)) return PduFault.InvalidTaskTag;
        return PduFault.None;
    }

    /// <summary>Writes a header: all 48 bytes.</summary>
    /// <param name="header">At least 48 bytes; the first 48 are overwritten.</param>
    /// <param name="fields">What to write.</param>
    public static void Write(Span<byte> header, in SnackRequestFields fields)
    {
        header = HeaderBytes.Clear(header);
        header[0] = (byte)Opcode.SnackRequest;
        header[1] = (byte)(0x80 | ((byte)fields.Type & 0x0F));
        HeaderBytes.Put(header, 8, fields.Lun);
        HeaderBytes.Put(header, 16, fields.InitiatorTaskTag);
        HeaderBytes.Put(header, 20, fields.TargetTransferTag);
        HeaderBytes.Put(header, 28, fields.ExpStatSN);
        HeaderBytes.Put(header, 40, fields.BegRun);
        HeaderBytes.Put(header, 44, fields.RunLength);
    }
}

/// <summary>What <see cref="SnackRequestPdu.Write"/> writes. A field that is left out is zero.</summary>
public readonly record struct SnackRequestFields
{
    /// <inheritdoc cref="SnackRequestPdu.Type"/>
    public SnackType Type { get; init; }

    /// <inheritdoc cref="SnackRequestPdu.Lun"/>
    public ulong Lun { get; init; }

    /// <inheritdoc cref="SnackRequestPdu.InitiatorTaskTag"/>
    public uint InitiatorTaskTag { get; init; }

    /// <inheritdoc cref="SnackRequestPdu.TargetTransferTag"/>
    public uint TargetTransferTag { get; init; }

    /// <inheritdoc cref="SnackRequestPdu.ExpStatSN"/>
    public uint ExpStatSN { get; init; }

    /// <inheritdoc cref="SnackRequestPdu.BegRun"/>
    public uint BegRun { get; init; }

    /// <inheritdoc cref="SnackRequestPdu.RunLength"/>
    public uint RunLength { get; init; }
}

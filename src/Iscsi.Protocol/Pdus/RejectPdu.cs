namespace Iscsi.Protocol;

// RFC 7143, 11.17: Reject
//
//  Byte|       0       |       1       |       2       |       3       |
//    0|.|.| 0x3f      |1| Reserved    | Reason        | Reserved      |
//    4|TotalAHSLength | DataSegmentLength                             |
//    8| Reserved                                                      |
//   16| 0xffffffff                                                    |
//   20| Reserved                                                      |
//   24| StatSN                                                        |
//   28| ExpCmdSN                                                      |
//   32| MaxCmdSN                                                      |
//   36| DataSN/R2TSN or Reserved                                      |
//   40/ Reserved                                                      /
//   48| Header-Digest, DataSegment (complete header of the bad PDU)   |

/// <summary>Says that a PDU was not accepted (RFC 7143, 11.17): a view of its header.</summary>
public readonly ref struct RejectPdu
{
    private readonly ref readonly BasicHeaderSegment _header;

    /// <summary>Looks at a header, whose opcode the caller has checked.</summary>
    /// <param name="header">The header; the view is valid as long as it is.</param>
    public RejectPdu(ref readonly BasicHeaderSegment header) => _header = ref header;

    /// <summary>Why.</summary>
    public RejectReason Reason => (RejectReason)_header[2];

    /// <summary>Bytes of the data segment without padding.</summary>
    public int DataSegmentLength => _header.DataSegmentLength;

    /// <summary>Status sequence number.</summary>
    public uint StatSN => _header.UInt32At(24);

    /// <summary>The next CmdSN the target expects; acknowledges all before it.</summary>
    public uint ExpCmdSN => _header.UInt32At(28);

    /// <summary>The last CmdSN the target takes now.</summary>
    public uint MaxCmdSN => _header.UInt32At(32);

    /// <summary>Protocol error on a DataACK SNACK: the next valid number, else 0.</summary>
    public uint DataSN => _header.UInt32At(36);

    /// <summary>Checks what this header alone can tell. Limits, tags and numbers are checked by who knows them.</summary>
    /// <returns><see cref="PduFault.None"/>, or the first fault.</returns>
    public PduFault Validate()
    {
        if (_header.TotalAhsLengthBytes != 0) return PduFault.AhsNotAllowed;
        if (!_header.IsFinal) return PduFault.MissingFinal;
        return PduFault.None;
    }

    /// <summary>Writes a header: all 48 bytes.</summary>
    /// <param name="header">At least 48 bytes; the first 48 are overwritten.</param>
    /// <param name="fields">What to write.</param>
    public static void Write(Span<byte> header, in RejectFields fields)
    {
        header = HeaderBytes.Clear(header);
        header[0] = (byte)Opcode.Reject;
        header[1] = 0x80;
        header[2] = (byte)fields.Reason;
        HeaderBytes.PutDataSegmentLength(header, fields.DataSegmentLength);
        HeaderBytes.Put(header, 24, fields.StatSN);
        HeaderBytes.Put(header, 28, fields.ExpCmdSN);
        HeaderBytes.Put(header, 32, fields.MaxCmdSN);
        HeaderBytes.Put(header, 36, fields.DataSN);
        HeaderBytes.Put(header, 16, TaskTag.Reserved);
    }
}

/// <summary>What <see cref="RejectPdu.Write"/> writes. A field that is left out is zero.</summary>
public readonly record struct RejectFields
{
    /// <inheritdoc cref="RejectPdu.Reason"/>
    public RejectReason Reason { get; init; }

    /// <inheritdoc cref="RejectPdu.DataSegmentLength"/>
    public int DataSegmentLength { get; init; }

    /// <inheritdoc cref="RejectPdu.StatSN"/>
    public uint StatSN { get; init; }

    /// <inheritdoc cref="RejectPdu.ExpCmdSN"/>
    public uint ExpCmdSN { get; init; }

    /// <inheritdoc cref="RejectPdu.MaxCmdSN"/>
    public uint MaxCmdSN { get; init; }

    /// <inheritdoc cref="RejectPdu.DataSN"/>
    public uint DataSN { get; init; }
}

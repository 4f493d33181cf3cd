namespace Iscsi.Protocol;

// RFC 7143, 11.4, and RFC 7144: SCSI Response
//
//  Byte|       0       |       1       |       2       |       3       |
//    0|.|.| 0x21      |1|. .|o|u|O|U|.| Response      | Status        |
//    4|TotalAHSLength | DataSegmentLength                             |
//    8| Status Qualifier or Reserved  | Reserved                      |
//   12| Reserved                                                      |
//   16| Initiator Task Tag                                            |
//   20| SNACK Tag or Reserved                                         |
//   24| StatSN                                                        |
//   28| ExpCmdSN                                                      |
//   32| MaxCmdSN                                                      |
//   36| ExpDataSN or Reserved                                         |
//   40| Bidirectional Read Residual Count or Reserved                 |
//   44| Residual Count or Reserved                                    |
//   48| Header-Digest, DataSegment (2-byte length and sense data)     |

/// <summary>The end of a SCSI command, with status, sense data and residuals (RFC 7143, 11.4): a view of its header.</summary>
public readonly ref struct ScsiResponsePdu
{
    private readonly ref readonly BasicHeaderSegment _header;

    /// <summary>Looks at a header, whose opcode the caller has checked.</summary>
    /// <param name="header">The header; the view is valid as long as it is.</param>
    public ScsiResponsePdu(ref readonly BasicHeaderSegment header) => _header = ref header;

    /// <summary>The o bit: the read part wanted more than was expected.</summary>
    public bool BidirectionalReadOverflow => (_header[1] & 0x10) != 0;

    /// <summary>The u bit: the read part moved less than was expected.</summary>
    public bool BidirectionalReadUnderflow => (_header[1] & 0x08) != 0;

    /// <summary>The O bit: ResidualCount bytes were not moved because the expected length was too small.</summary>
    public bool Overflow => (_header[1] & 0x04) != 0;

    /// <summary>The U bit: ResidualCount bytes of the expected length were not moved.</summary>
    public bool Underflow => (_header[1] & 0x02) != 0;

    /// <summary>The iSCSI service response (11.4.3).</summary>
    public ScsiServiceResponse Response => (ScsiServiceResponse)_header[2];

    /// <summary>The SCSI status; valid when the response is CommandCompleted.</summary>
    public ScsiStatus Status => (ScsiStatus)_header[3];

    /// <summary>Bytes of the data segment without padding.</summary>
    public int DataSegmentLength => _header.DataSegmentLength;

    /// <summary>More about the status (SAM-5), with iSCSIProtocolLevel 2 (RFC 7144); 0: nothing. Of BUSY: units of 100 ms to wait.</summary>
    public ushort StatusQualifier => _header.UInt16At(8);

    /// <summary>The tag the initiator gave the task.</summary>
    public uint InitiatorTaskTag => _header.InitiatorTaskTag;

    /// <summary>The SNACK tag of the last R-Data SNACK, else 0.</summary>
    public uint SnackTag => _header.UInt32At(20);

    /// <summary>Status sequence number.</summary>
    public uint StatSN => _header.UInt32At(24);

    /// <summary>The next CmdSN the target expects; acknowledges all before it.</summary>
    public uint ExpCmdSN => _header.UInt32At(28);

    /// <summary>The last CmdSN the target takes now.</summary>
    public uint MaxCmdSN => _header.UInt32At(32);

    /// <summary>The number of Data-In and R2T PDUs sent for the command.</summary>
    public uint ExpDataSN => _header.UInt32At(36);

    /// <summary>Residual of the read part, valid with o or u.</summary>
    public uint BidirectionalReadResidualCount => _header.UInt32At(40);

    /// <summary>Residual bytes, valid with O or U.</summary>
    public uint ResidualCount => _header.UInt32At(44);

    /// <summary>Checks what this header alone can tell. Limits, tags and numbers are checked by who knows them.</summary>
    /// <returns><see cref="PduFault.None"/>, or the first fault.</returns>
    public PduFault Validate()
    {
        if (_header.TotalAhsLengthBytes != 0) return PduFault.AhsNotAllowed;
        if (!_header.IsFinal) return PduFault.MissingFinal;
        if (InitiatorTaskTag == TaskTag.Reserved) return PduFault.InvalidTaskTag;
        if ((Overflow && Underflow) || (BidirectionalReadOverflow && BidirectionalReadUnderflow)) return PduFault.InvalidResidual;
        return PduFault.None;
    }

    /// <summary>Writes a header: all 48 bytes.</summary>
    /// <param name="header">At least 48 bytes; the first 48 are overwritten.</param>
    /// <param name="fields">What to write.</param>
    public static void Write(Span<byte> header, in ScsiResponseFields fields)
    {
        header = HeaderBytes.Clear(header);
        header[0] = (byte)Opcode.ScsiResponse;
        header[1] = (byte)(0x80 | HeaderBytes.Bit(fields.BidirectionalReadOverflow, 0x10) |
            HeaderBytes.Bit(fields.BidirectionalReadUnderflow, 0x08) | HeaderBytes.Bit(fields.Overflow, 0x04) |
            HeaderBytes.Bit(fields.Underflow, 0x02));
        header[2] = (byte)fields.Response;
        header[3] = (byte)fields.Status;
        HeaderBytes.PutDataSegmentLength(header, fields.DataSegmentLength);
        HeaderBytes.Put(header, 8, fields.StatusQualifier);
        HeaderBytes.Put(header, 16, fields.InitiatorTaskTag);
        HeaderBytes.Put(header, 20, fields.SnackTag);
        HeaderBytes.Put(header, 24, fields.StatSN);
        HeaderBytes.Put(header, 28, fields.ExpCmdSN);
        HeaderBytes.Put(header, 32, fields.MaxCmdSN);
        HeaderBytes.Put(header, 36, fields.ExpDataSN);
        HeaderBytes.Put(header, 40, fields.BidirectionalReadResidualCount);
        HeaderBytes.Put(header, 44, fields.ResidualCount);
    }
}

/// <summary>What <see cref="ScsiResponsePdu.Write"/> writes. A field that is left out is zero.</summary>
public readonly record struct ScsiResponseFields
{
    /// <inheritdoc cref="ScsiResponsePdu.BidirectionalReadOverflow"/>
    public bool BidirectionalReadOverflow { get; init; }

    /// <inheritdoc cref="ScsiResponsePdu.BidirectionalReadUnderflow"/>
    public bool BidirectionalReadUnderflow { get; init; }

    /// <inheritdoc cref="ScsiResponsePdu.Overflow"/>
    public bool Overflow { get; init; }

    /// <inheritdoc cref="ScsiResponsePdu.Underflow"/>
    public bool Underflow { get; init; }

    /// <inheritdoc cref="ScsiResponsePdu.Response"/>
    public ScsiServiceResponse Response { get; init; }

    /// <inheritdoc cref="ScsiResponsePdu.Status"/>
    public ScsiStatus Status { get; init; }

    /// <inheritdoc cref="ScsiResponsePdu.DataSegmentLength"/>
    public int DataSegmentLength { get; init; }

    /// <inheritdoc cref="ScsiResponsePdu.StatusQualifier"/>
    public ushort StatusQualifier { get; init; }

    /// <inheritdoc cref="ScsiResponsePdu.InitiatorTaskTag"/>
    public uint InitiatorTaskTag { get; init; }

    /// <inheritdoc cref="ScsiResponsePdu.SnackTag"/>
    public uint SnackTag { get; init; }

    /// <inheritdoc cref="ScsiResponsePdu.StatSN"/>
    public uint StatSN { get; init; }

    /// <inheritdoc cref="ScsiResponsePdu.ExpCmdSN"/>
    public uint ExpCmdSN { get; init; }

    /// <inheritdoc cref="ScsiResponsePdu.MaxCmdSN"/>
    public uint MaxCmdSN { get; init; }

    /// <inheritdoc cref="ScsiResponsePdu.ExpDataSN"/>
    public uint ExpDataSN { get; init; }

    /// <inheritdoc cref="ScsiResponsePdu.BidirectionalReadResidualCount"/>
    public uint BidirectionalReadResidualCount { get; init; }

    /// <inheritdoc cref="ScsiResponsePdu.ResidualCount"/>
    public uint ResidualCount { get; init; }
}

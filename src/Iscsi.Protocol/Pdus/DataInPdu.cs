namespace Iscsi.Protocol;

// RFC 7143, 11.7: SCSI Data-In
//
//  Byte|       0       |       1       |       2       |       3       |
//    0|.|.| 0x25      |F|A|0 0 0|O|U|S| Reserved      |Status or Rsvd |
//    4|TotalAHSLength | DataSegmentLength                             |
//    8| LUN or Reserved                                               |
//   16| Initiator Task Tag                                            |
//   20| Target Transfer Tag or 0xffffffff                             |
//   24| StatSN or Reserved                                            |
//   28| ExpCmdSN                                                      |
//   32| MaxCmdSN                                                      |
//   36| DataSN                                                        |
//   40| Buffer Offset                                                 |
//   44| Residual Count                                                |

/// <summary>Data of a read command, and, with S, its end (RFC 7143, 11.7): a view of its header.</summary>
public readonly ref struct DataInPdu
{
    private readonly ref readonly BasicHeaderSegment _header;

    /// <summary>Looks at a header, whose opcode the caller has checked.</summary>
    /// <param name="header">The header; the view is valid as long as it is.</param>
    public DataInPdu(ref readonly BasicHeaderSegment header) => _header = ref header;

    /// <summary>The F bit: the last PDU of its sequence.</summary>
    public bool IsFinal => _header.IsFinal;

    /// <summary>The A bit: a data acknowledgement is asked for (ERL above 0).</summary>
    public bool IsAcknowledgeRequested => (_header[1] & 0x40) != 0;

    /// <summary>The O bit, valid with S.</summary>
    public bool Overflow => (_header[1] & 0x04) != 0;

    /// <summary>The U bit, valid with S.</summary>
    public bool Underflow => (_header[1] & 0x02) != 0;

    /// <summary>The S bit: it ends the command with Status.</summary>
    public bool HasStatus => (_header[1] & 0x01) != 0;

    /// <summary>The SCSI status, valid with S; never CHECK CONDITION, which needs sense data.</summary>
    public ScsiStatus Status => (ScsiStatus)_header[3];

    /// <summary>Bytes of the data segment without padding.</summary>
    public int DataSegmentLength => _header.DataSegmentLength;

    /// <summary>The LUN field, as 8 bytes in SAM-5 format.</summary>
    public ulong Lun => _header.Lun;

    /// <summary>The tag the initiator gave the task.</summary>
    public uint InitiatorTaskTag => _header.InitiatorTaskTag;

    /// <summary>The tag a data acknowledgement repeats; 0xffffffff without A.</summary>
    public uint TargetTransferTag => _header.UInt32At(20);

    /// <summary>Status sequence number, valid with S.</summary>
    public uint StatSN => _header.UInt32At(24);

    /// <summary>The next CmdSN the target expects; acknowledges all before it.</summary>
    public uint ExpCmdSN => _header.UInt32At(28);

    /// <summary>The last CmdSN the target takes now.</summary>
    public uint MaxCmdSN => _header.UInt32At(32);

    /// <summary>Number among the Data-In and R2T PDUs of the command, from 0.</summary>
    public uint DataSN => _header.UInt32At(36);

    /// <summary>Offset of its first byte in the data of the command.</summary>
    public uint BufferOffset => _header.UInt32At(40);

    /// <summary>Residual bytes, valid with S and O or U.</summary>
    public uint ResidualCount => _header.UInt32At(44);

    /// <summary>Checks what this header alone can tell. Limits, tags and numbers are checked by who knows them.</summary>
    /// <returns><see cref="PduFault.None"/>, or the first fault.</returns>
    public PduFault Validate()
    {
        if (_header.TotalAhsLengthBytes != 0) return PduFault.AhsNotAllowed;
        if (InitiatorTaskTag == TaskTag.Reserved) return PduFault.InvalidTaskTag;
        if (HasStatus && !IsFinal) return PduFault.MissingFinal;
        if (HasStatus && Overflow && Underflow) return PduFault.InvalidResidual;
        return PduFault.None;
    }

    /// <summary>Writes a header: all 48 bytes.</summary>
    /// <param name="header">At least 48 bytes; the first 48 are overwritten.</param>
    /// <param name="fields">What to write.</param>
    public static void Write(Span<byte> header, in DataInFields fields)
    {
        header = HeaderBytes.Clear(header);
        header[0] = (byte)Opcode.DataIn;
        header[1] = (byte)(HeaderBytes.Bit(fields.IsFinal, 0x80) | HeaderBytes.Bit(fields.IsAcknowledgeRequested, 0x40) |
            HeaderBytes.Bit(fields.Overflow, 0x04) | HeaderBytes.Bit(fields.Underflow, 0x02) |
            HeaderBytes.Bit(fields.HasStatus, 0x01));
        header[3] = (byte)fields.Status;
        HeaderBytes.PutDataSegmentLength(header, fields.DataSegmentLength);
        HeaderBytes.Put(header, 8, fields.Lun);
        HeaderBytes.Put(header, 16, fields.InitiatorTaskTag);
        HeaderBytes.Put(header, 20, fields.TargetTransferTag);
        HeaderBytes.Put(header, 24, fields.StatSN);
        HeaderBytes.Put(header, 28, fields.ExpCmdSN);
        HeaderBytes.Put(header, 32, fields.MaxCmdSN);
        HeaderBytes.Put(header, 36, fields.DataSN);
        HeaderBytes.Put(header, 40, fields.BufferOffset);
        HeaderBytes.Put(header, 44, fields.ResidualCount);
    }
}

/// <summary>What <see cref="DataInPdu.Write"/> writes. A field that is left out is zero.</summary>
public readonly record struct DataInFields
{
    /// <inheritdoc cref="DataInPdu.IsFinal"/>
    public bool IsFinal { get; init; }

    /// <inheritdoc cref="DataInPdu.IsAcknowledgeRequested"/>
    public bool IsAcknowledgeRequested { get; init; }

    /// <inheritdoc cref="DataInPdu.Overflow"/>
    public bool Overflow { get; init; }

    /// <inheritdoc cref="DataInPdu.Underflow"/>
    public bool Underflow { get; init; }

    /// <inheritdoc cref="DataInPdu.HasStatus"/>
    public bool HasStatus { get; init; }

    /// <inheritdoc cref="DataInPdu.Status"/>
    public ScsiStatus Status { get; init; }

    /// <inheritdoc cref="DataInPdu.DataSegmentLength"/>
    public int DataSegmentLength { get; init; }

    /// <inheritdoc cref="DataInPdu.Lun"/>
    public ulong Lun { get; init; }

    /// <inheritdoc cref="DataInPdu.InitiatorTaskTag"/>
    public uint InitiatorTaskTag { get; init; }

    /// <inheritdoc cref="DataInPdu.TargetTransferTag"/>
    public uint TargetTransferTag { get; init; }

    /// <inheritdoc cref="DataInPdu.StatSN"/>
    public uint StatSN { get; init; }

    /// <inheritdoc cref="DataInPdu.ExpCmdSN"/>
    public uint ExpCmdSN { get; init; }

    /// <inheritdoc cref="DataInPdu.MaxCmdSN"/>
    public uint MaxCmdSN { get; init; }

    /// <inheritdoc cref="DataInPdu.DataSN"/>
    public uint DataSN { get; init; }

    /// <inheritdoc cref="DataInPdu.BufferOffset"/>
    public uint BufferOffset { get; init; }

    /// <inheritdoc cref="DataInPdu.ResidualCount"/>
    public uint ResidualCount { get; init; }
}

namespace Iscsi.Protocol;

// RFC 7143, 11.7: SCSI Data-Out
//
//  Byte|       0       |       1       |       2       |       3       |
//    0|.|.| 0x05      |F| Reserved                                    |
//    4|TotalAHSLength | DataSegmentLength                             |
//    8| LUN or Reserved                                               |
//   16| Initiator Task Tag                                            |
//   20| Target Transfer Tag or 0xffffffff                             |
//   24| Reserved                                                      |
//   28| ExpStatSN                                                     |
//   32| Reserved                                                      |
//   36| DataSN                                                        |
//   40| Buffer Offset                                                 |
//   44| Reserved                                                      |

/// <summary>Data of a write command (RFC 7143, 11.7): a view of its header.</summary>
public readonly ref struct DataOutPdu
{
    private readonly ref readonly BasicHeaderSegment _header;

    /// <summary>Looks at a header, whose opcode the caller has checked.</summary>
    /// <param name="header">The header; the view is valid as long as it is.</param>
    public DataOutPdu(ref readonly BasicHeaderSegment header) => _header = ref header;

    /// <summary>The F bit: the last PDU of its sequence.</summary>
    public bool IsFinal => _header.IsFinal;

    /// <summary>Bytes of the data segment without padding.</summary>
    public int DataSegmentLength => _header.DataSegmentLength;

    /// <summary>The LUN field, as 8 bytes in SAM-5 format.</summary>
    public ulong Lun => _header.Lun;

    /// <summary>The tag the initiator gave the task.</summary>
    public uint InitiatorTaskTag => _header.InitiatorTaskTag;

    /// <summary>The tag of the R2T it answers; 0xffffffff when unsolicited.</summary>
    public uint TargetTransferTag => _header.UInt32At(20);

    /// <summary>The next StatSN the initiator expects; acknowledges all before it.</summary>
    public uint ExpStatSN => _header.UInt32At(28);

    /// <summary>Number of the PDU in its sequence, from 0.</summary>
    public uint DataSN => _header.UInt32At(36);

    /// <summary>Offset of its first byte in the data of the command.</summary>
    public uint BufferOffset => _header.UInt32At(40);

    /// <summary>Checks what this header alone can tell. Limits, tags and numbers are checked by who knows them.</summary>
    /// <returns><see cref="PduFault.None"/>, or the first fault.</returns>
    public PduFault Validate()
    {
        if (_header.TotalAhsLengthBytes != 0) return PduFault.AhsNotAllowed;
        if (InitiatorTaskTag == TaskTag.Reserved) return PduFault.InvalidTaskTag;
        return PduFault.None;
    }

    /// <summary>Writes a header: all 48 bytes.</summary>
    /// <param name="header">At least 48 bytes; the first 48 are overwritten.</param>
    /// <param name="fields">What to write.</param>
    public static void Write(Span<byte> header, in DataOutFields fields)
    {
        header = HeaderBytes.Clear(header);
        header[0] = (byte)Opcode.DataOut;
        header[1] = (byte)(HeaderBytes.Bit(fields.IsFinal, 0x80));
        HeaderBytes.PutDataSegmentLength(header, fields.DataSegmentLength);
        HeaderBytes.Put(header, 8, fields.Lun);
        HeaderBytes.Put(header, 16, fields.InitiatorTaskTag);
        HeaderBytes.Put(header, 20, fields.TargetTransferTag);
        HeaderBytes.Put(header, 28, fields.ExpStatSN);
        HeaderBytes.Put(header, 36, fields.DataSN);
        HeaderBytes.Put(header, 40, fields.BufferOffset);
    }
}

/// <summary>What <see cref="DataOutPdu.Write"/> writes. A field that is left out is zero.</summary>
public readonly record struct DataOutFields
{
    /// <inheritdoc cref="DataOutPdu.IsFinal"/>
    public bool IsFinal { get; init; }

    /// <inheritdoc cref="DataOutPdu.DataSegmentLength"/>
    public int DataSegmentLength { get; init; }

    /// <inheritdoc cref="DataOutPdu.Lun"/>
    public ulong Lun { get; init; }

    /// <inheritdoc cref="DataOutPdu.InitiatorTaskTag"/>
    public uint InitiatorTaskTag { get; init; }

    /// <inheritdoc cref="DataOutPdu.TargetTransferTag"/>
    public uint TargetTransferTag { get; init; }

    /// <inheritdoc cref="DataOutPdu.ExpStatSN"/>
    public uint ExpStatSN { get; init; }

    /// <inheritdoc cref="DataOutPdu.DataSN"/>
    public uint DataSN { get; init; }

    /// <inheritdoc cref="DataOutPdu.BufferOffset"/>
    public uint BufferOffset { get; init; }
}

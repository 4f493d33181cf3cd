namespace Iscsi.Protocol;

// RFC 7143, 11.18: NOP-Out
//
//  Byte|       0       |       1       |       2       |       3       |
//    0|.|I| 0x00      |1| Reserved                                    |
//    4|TotalAHSLength | DataSegmentLength                             |
//    8| LUN or Reserved                                               |
//   16| Initiator Task Tag or 0xffffffff                              |
//   20| Target Transfer Tag or 0xffffffff                             |
//   24| CmdSN                                                         |
//   28| ExpStatSN                                                     |
//   32/ Reserved                                                      /
//   48| Header-Digest, DataSegment (ping data)                        |

/// <summary>A ping of the initiator, or its answer to one (RFC 7143, 11.18): a view of its header.</summary>
public readonly ref struct NopOutPdu
{
    private readonly ref readonly BasicHeaderSegment _header;

    /// <summary>Looks at a header, whose opcode the caller has checked.</summary>
    /// <param name="header">The header; the view is valid as long as it is.</param>
    public NopOutPdu(ref readonly BasicHeaderSegment header) => _header = ref header;

    /// <summary>The I bit: immediate delivery.</summary>
    public bool IsImmediate => _header.IsImmediate;

    /// <summary>Bytes of the data segment without padding.</summary>
    public int DataSegmentLength => _header.DataSegmentLength;

    /// <summary>The LUN field, as 8 bytes in SAM-5 format.</summary>
    public ulong Lun => _header.Lun;

    /// <summary>The tag of a ping that wants an answer; 0xffffffff when none is wanted.</summary>
    public uint InitiatorTaskTag => _header.InitiatorTaskTag;

    /// <summary>The tag of the NOP-In it answers; 0xffffffff when it answers none.</summary>
    public uint TargetTransferTag => _header.UInt32At(20);

    /// <summary>Command sequence number; of an immediate PDU the one the next non-immediate gets.</summary>
    public uint CmdSN => _header.UInt32At(24);

    /// <summary>The next StatSN the initiator expects; acknowledges all before it.</summary>
    public uint ExpStatSN => _header.UInt32At(28);

    /// <summary>Checks what this header alone can tell. Limits, tags and numbers are checked by who knows them.</summary>
    /// <returns><see cref="PduFault.None"/>, or the first fault.</returns>
    public PduFault Validate()
    {
        if (_header.TotalAhsLengthBytes != 0) return PduFault.AhsNotAllowed;
        if (!_header.IsFinal) return PduFault.MissingFinal;
        if (InitiatorTaskTag == TaskTag.Reserved && !IsImmediate) return PduFault.NotImmediate;
        return PduFault.None;
    }

    /// <summary>Writes a header: all 48 bytes.</summary>
    /// <param name="header">At least 48 bytes; the first 48 are overwritten.</param>
    /// <param name="fields">What to write.</param>
    public static void Write(Span<byte> header, in NopOutFields fields)
    {
        header = HeaderBytes.Clear(header);
        header[0] = (byte)((byte)Opcode.NopOut | HeaderBytes.Bit(fields.IsImmediate, 0x40));
        header[1] = 0x80;
        HeaderBytes.PutDataSegmentLength(header, fields.DataSegmentLength);
        HeaderBytes.Put(header, 8, fields.Lun);
        HeaderBytes.Put(header, 16, fields.InitiatorTaskTag);
        HeaderBytes.Put(header, 20, fields.TargetTransferTag);
        HeaderBytes.Put(header, 24, fields.CmdSN);
        HeaderBytes.Put(header, 28, fields.ExpStatSN);
    }
}

/// <summary>What <see cref="NopOutPdu.Write"/> writes. A field that is left out is zero.</summary>
public readonly record struct NopOutFields
{
    /// <inheritdoc cref="NopOutPdu.IsImmediate"/>
    public bool IsImmediate { get; init; }

    /// <inheritdoc cref="NopOutPdu.DataSegmentLength"/>
    public int DataSegmentLength { get; init; }

    /// <inheritdoc cref="NopOutPdu.Lun"/>
    public ulong Lun { get; init; }

    /// <inheritdoc cref="NopOutPdu.InitiatorTaskTag"/>
    public uint InitiatorTaskTag { get; init; }

    /// <inheritdoc cref="NopOutPdu.TargetTransferTag"/>
    public uint TargetTransferTag { get; init; }

    /// <inheritdoc cref="NopOutPdu.CmdSN"/>
    public uint CmdSN { get; init; }

    /// <inheritdoc cref="NopOutPdu.ExpStatSN"/>
    public uint ExpStatSN { get; init; }
}

namespace Iscsi.Protocol;

// RFC 7143, 11.10: Text Request
//
//  Byte|       0       |       1       |       2       |       3       |
//    0|.|I| 0x04      |F|C| Reserved                                  |
//    4|TotalAHSLength | DataSegmentLength                             |
//    8| LUN or Reserved                                               |
//   16| Initiator Task Tag                                            |
//   20| Target Transfer Tag or 0xffffffff                             |
//   24| CmdSN                                                         |
//   28| ExpStatSN                                                     |
//   32/ Reserved                                                      /

/// <summary>Negotiates or asks, in text keys (RFC 7143, 11.10): a view of its header.</summary>
public readonly ref struct TextRequestPdu
{
    private readonly ref readonly BasicHeaderSegment _header;

    /// <summary>Looks at a header, whose opcode the caller has checked.</summary>
    /// <param name="header">The header; the view is valid as long as it is.</param>
    public TextRequestPdu(ref readonly BasicHeaderSegment header) => _header = ref header;

    /// <summary>The I bit: immediate delivery.</summary>
    public bool IsImmediate => _header.IsImmediate;

    /// <summary>The F bit: the last or only request of the sequence.</summary>
    public bool IsFinal => _header.IsFinal;

    /// <summary>The C bit: the text goes on in the next request.</summary>
    public bool IsContinued => (_header[1] & 0x40) != 0;

    /// <summary>Bytes of the data segment without padding.</summary>
    public int DataSegmentLength => _header.DataSegmentLength;

    /// <summary>The LUN field, as 8 bytes in SAM-5 format.</summary>
    public ulong Lun => _header.Lun;

    /// <summary>The tag the initiator gave the task.</summary>
    public uint InitiatorTaskTag => _header.InitiatorTaskTag;

    /// <summary>0xffffffff to begin, else the tag of the response it answers.</summary>
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
        if (InitiatorTaskTag == TaskTag.Reserved) return PduFault.InvalidTaskTag;
        if (IsFinal && IsContinued) return PduFault.FinalAndContinued;
        return PduFault.None;
    }

    /// <summary>Writes a header: all 48 bytes.</summary>
    /// <param name="header">At least 48 bytes; the first 48 are overwritten.</param>
    /// <param name="fields">What to write.</param>
    public static void Write(Span<byte> header, in TextRequestFields fields)
    {
        header = HeaderBytes.Clear(header);
        header[0] = (byte)((byte)Opcode.TextRequest | HeaderBytes.Bit(fields.IsImmediate, 0x40));
        header[1] = (byte)(HeaderBytes.Bit(fields.IsFinal, 0x80) | HeaderBytes.Bit(fields.IsContinued, 0x40));
        HeaderBytes.PutDataSegmentLength(header, fields.DataSegmentLength);
        HeaderBytes.Put(header, 8, fields.Lun);
        HeaderBytes.Put(header, 16, fields.InitiatorTaskTag);
        HeaderBytes.Put(header, 20, fields.TargetTransferTag);
        HeaderBytes.Put(header, 24, fields.CmdSN);
        HeaderBytes.Put(header, 28, fields.ExpStatSN);
    }
}

/// <summary>What <see cref="TextRequestPdu.Write"/> writes. A field that is left out is zero.</summary>
public readonly record struct TextRequestFields
{
    /// <inheritdoc cref="TextRequestPdu.IsImmediate"/>
    public bool IsImmediate { get; init; }

    /// <inheritdoc cref="TextRequestPdu.IsFinal"/>
    public bool IsFinal { get; init; }

    /// <inheritdoc cref="TextRequestPdu.IsContinued"/>
    public bool IsContinued { get; init; }

    /// <inheritdoc cref="TextRequestPdu.DataSegmentLength"/>
    public int DataSegmentLength { get; init; }

    /// <inheritdoc cref="TextRequestPdu.Lun"/>
    public ulong Lun { get; init; }

    /// <inheritdoc cref="TextRequestPdu.InitiatorTaskTag"/>
    public uint InitiatorTaskTag { get; init; }

    /// <inheritdoc cref="TextRequestPdu.TargetTransferTag"/>
    public uint TargetTransferTag { get; init; }

    /// <inheritdoc cref="TextRequestPdu.CmdSN"/>
    public uint CmdSN { get; init; }

    /// <inheritdoc cref="TextRequestPdu.ExpStatSN"/>
    public uint ExpStatSN { get; init; }
}

namespace Iscsi.Protocol;

// RFC 7143, 11.11: Text Response
//
//  Byte|       0       |       1       |       2       |       3       |
//    0|.|.| 0x24      |F|C| Reserved                                  |
//    4|TotalAHSLength | DataSegmentLength                             |
//    8| LUN or Reserved                                               |
//   16| Initiator Task Tag                                            |
//   20| Target Transfer Tag or 0xffffffff                             |
//   24| StatSN                                                        |
//   28| ExpCmdSN                                                      |
//   32| MaxCmdSN                                                      |
//   36/ Reserved                                                      /

/// <summary>The answer to a Text Request (RFC 7143, 11.11): a view of its header.</summary>
public readonly ref struct TextResponsePdu
{
    private readonly ref readonly BasicHeaderSegment _header;

    /// <summary>Looks at a header, whose opcode the caller has checked.</summary>
    /// <param name="header">The header; the view is valid as long as it is.</param>
    public TextResponsePdu(ref readonly BasicHeaderSegment header) => _header = ref header;

    /// <summary>The F bit: the target has nothing more to say.</summary>
    public bool IsFinal => _header.IsFinal;

    /// <summary>The C bit: the text goes on in the next response.</summary>
    public bool IsContinued => (_header[1] & 0x40) != 0;

    /// <summary>Bytes of the data segment without padding.</summary>
    public int DataSegmentLength => _header.DataSegmentLength;

    /// <summary>The LUN field, as 8 bytes in SAM-5 format.</summary>
    public ulong Lun => _header.Lun;

    /// <summary>The tag the initiator gave the task.</summary>
    public uint InitiatorTaskTag => _header.InitiatorTaskTag;

    /// <summary>0xffffffff with F=1, else the tag the next request repeats.</summary>
    public uint TargetTransferTag => _header.UInt32At(20);

    /// <summary>Status sequence number.</summary>
    public uint StatSN => _header.UInt32At(24);

    /// <summary>The next CmdSN the target expects; acknowledges all before it.</summary>
    public uint ExpCmdSN => _header.UInt32At(28);

    /// <summary>The last CmdSN the target takes now.</summary>
    public uint MaxCmdSN => _header.UInt32At(32);

    /// <summary>Checks what this header alone can tell. Limits, tags and numbers are checked by who knows them.</summary>
    /// <returns><see cref="PduFault.None"/>, or the first fault.</returns>
    public PduFault Validate()
    {
        if (_header.TotalAhsLengthBytes != 0) return PduFault.AhsNotAllowed;
        if (InitiatorTaskTag == TaskTag.Reserved) return PduFault.InvalidTaskTag;
        if (IsFinal && IsContinued) return PduFault.FinalAndContinued;
        if (IsFinal != (TargetTransferTag == TaskTag.Reserved)) return PduFault.InvalidTargetTransferTag;
        return PduFault.None;
    }

    /// <summary>Writes a header: all 48 bytes.</summary>
    /// <param name="header">At least 48 bytes; the first 48 are overwritten.</param>
    /// <param name="fields">What to write.</param>
    public static void Write(Span<byte> header, in TextResponseFields fields)
    {
        header = HeaderBytes.Clear(header);
        header[0] = (byte)Opcode.TextResponse;
        header[1] = (byte)(HeaderBytes.Bit(fields.IsFinal, 0x80) | HeaderBytes.Bit(fields.IsContinued, 0x40));
        HeaderBytes.PutDataSegmentLength(header, fields.DataSegmentLength);
        HeaderBytes.Put(header, 8, fields.Lun);
        HeaderBytes.Put(header, 16, fields.InitiatorTaskTag);
        HeaderBytes.Put(header, 20, fields.TargetTransferTag);
        HeaderBytes.Put(header, 24, fields.StatSN);
        HeaderBytes.Put(header, 28, fields.ExpCmdSN);
        HeaderBytes.Put(header, 32, fields.MaxCmdSN);
    }
}

/// <summary>What <see cref="TextResponsePdu.Write"/> writes. A field that is left out is zero.</summary>
public readonly record struct TextResponseFields
{
    /// <inheritdoc cref="TextResponsePdu.IsFinal"/>
    public bool IsFinal { get; init; }

    /// <inheritdoc cref="TextResponsePdu.IsContinued"/>
    public bool IsContinued { get; init; }

    /// <inheritdoc cref="TextResponsePdu.DataSegmentLength"/>
    public int DataSegmentLength { get; init; }

    /// <inheritdoc cref="TextResponsePdu.Lun"/>
    public ulong Lun { get; init; }

    /// <inheritdoc cref="TextResponsePdu.InitiatorTaskTag"/>
    public uint InitiatorTaskTag { get; init; }

    /// <inheritdoc cref="TextResponsePdu.TargetTransferTag"/>
    public uint TargetTransferTag { get; init; }

    /// <inheritdoc cref="TextResponsePdu.StatSN"/>
    public uint StatSN { get; init; }

    /// <inheritdoc cref="TextResponsePdu.ExpCmdSN"/>
    public uint ExpCmdSN { get; init; }

    /// <inheritdoc cref="TextResponsePdu.MaxCmdSN"/>
    public uint MaxCmdSN { get; init; }
}

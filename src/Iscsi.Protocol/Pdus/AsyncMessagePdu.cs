namespace Iscsi.Protocol;

// RFC 7143, 11.9: Asynchronous Message
//
//  Byte|       0       |       1       |       2       |       3       |
//    0|.|.| 0x32      |1| Reserved                                    |
//    4|TotalAHSLength | DataSegmentLength                             |
//    8| LUN or Reserved                                               |
//   16| 0xffffffff                                                    |
//   20| Reserved                                                      |
//   24| StatSN                                                        |
//   28| ExpCmdSN                                                      |
//   32| MaxCmdSN                                                      |
//   36| AsyncEvent    | AsyncVCode    | Parameter1 or Reserved        |
//   40| Parameter2 or Reserved        | Parameter3 or Reserved        |
//   44| Reserved                                                      |
//   48| Header-Digest, DataSegment (sense data and iSCSI event data)  |

/// <summary>Tells the initiator of an event nobody asked about (RFC 7143, 11.9): a view of its header.</summary>
public readonly ref struct AsyncMessagePdu
{
    private readonly ref readonly BasicHeaderSegment _header;

    /// <summary>Looks at a header, whose opcode the caller has checked.</summary>
    /// <param name="header">The header; the view is valid as long as it is.</param>
    public AsyncMessagePdu(ref readonly BasicHeaderSegment header) => _header = ref header;

    /// <summary>Bytes of the data segment without padding.</summary>
    public int DataSegmentLength => _header.DataSegmentLength;

    /// <summary>The LUN field, as 8 bytes in SAM-5 format.</summary>
    public ulong Lun => _header.Lun;

    /// <summary>Status sequence number.</summary>
    public uint StatSN => _header.UInt32At(24);

    /// <summary>The next CmdSN the target expects; acknowledges all before it.</summary>
    public uint ExpCmdSN => _header.UInt32At(28);

    /// <summary>The last CmdSN the target takes now.</summary>
    public uint MaxCmdSN => _header.UInt32At(32);

    /// <summary>What happened.</summary>
    public AsyncEvent AsyncEvent => (AsyncEvent)_header[36];

    /// <summary>Vendor code, valid with a vendor-specific event.</summary>
    public byte AsyncVCode => _header[37];

    /// <summary>Event-specific: the CID of the connection that is dropped.</summary>
    public ushort Parameter1 => _header.UInt16At(38);

    /// <summary>Event-specific: Time2Wait, seconds.</summary>
    public ushort Parameter2 => _header.UInt16At(40);

    /// <summary>Event-specific: Time2Retain, or the time in which to log out or negotiate, seconds.</summary>
    public ushort Parameter3 => _header.UInt16At(42);

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
    public static void Write(Span<byte> header, in AsyncMessageFields fields)
    {
        header = HeaderBytes.Clear(header);
        header[0] = (byte)Opcode.AsyncMessage;
        header[1] = 0x80;
        HeaderBytes.PutDataSegmentLength(header, fields.DataSegmentLength);
        HeaderBytes.Put(header, 8, fields.Lun);
        HeaderBytes.Put(header, 24, fields.StatSN);
        HeaderBytes.Put(header, 28, fields.ExpCmdSN);
        HeaderBytes.Put(header, 32, fields.MaxCmdSN);
        header[36] = (byte)fields.AsyncEvent;
        header[37] = fields.AsyncVCode;
        HeaderBytes.Put(header, 38, fields.Parameter1);
        HeaderBytes.Put(header, 40, fields.Parameter2);
        HeaderBytes.Put(header, 42, fields.Parameter3);
        HeaderBytes.Put(header, 16, TaskTag.Reserved);
    }
}

/// <summary>What <see cref="AsyncMessagePdu.Write"/> writes. A field that is left out is zero.</summary>
public readonly record struct AsyncMessageFields
{
    /// <inheritdoc cref="AsyncMessagePdu.DataSegmentLength"/>
    public int DataSegmentLength { get; init; }

    /// <inheritdoc cref="AsyncMessagePdu.Lun"/>
    public ulong Lun { get; init; }

    /// <inheritdoc cref="AsyncMessagePdu.StatSN"/>
    public uint StatSN { get; init; }

    /// <inheritdoc cref="AsyncMessagePdu.ExpCmdSN"/>
    public uint ExpCmdSN { get; init; }

    /// <inheritdoc cref="AsyncMessagePdu.MaxCmdSN"/>
    public uint MaxCmdSN { get; init; }

    /// <inheritdoc cref="AsyncMessagePdu.AsyncEvent"/>
    public AsyncEvent AsyncEvent { get; init; }

    /// <inheritdoc cref="AsyncMessagePdu.AsyncVCode"/>
    public byte AsyncVCode { get; init; }

    /// <inheritdoc cref="AsyncMessagePdu.Parameter1"/>
    public ushort Parameter1 { get; init; }

    /// <inheritdoc cref="AsyncMessagePdu.Parameter2"/>
    public ushort Parameter2 { get; init; }

    /// <inheritdoc cref="AsyncMessagePdu.Parameter3"/>
    public ushort Parameter3 { get; init; }
}

namespace Iscsi.Protocol;

// RFC 7143, 11.19: NOP-In
//
//  Byte|       0       |       1       |       2       |       3       |
//    0|.|.| 0x20      |1| Reserved                                    |
//    4|TotalAHSLength | DataSegmentLength                             |
//    8| LUN or Reserved                                               |
//   16| Initiator Task Tag or 0xffffffff                              |
//   20| Target Transfer Tag or 0xffffffff                             |
//   24| StatSN                                                        |
//   28| ExpCmdSN                                                      |
//   32| MaxCmdSN                                                      |
//   36/ Reserved                                                      /
//   48| Header-Digest, DataSegment (returned ping data)               |

/// <summary>A ping of the target, its answer to one, or a carrier of MaxCmdSN (RFC 7143, 11.19): a view of its header.</summary>
public readonly ref struct NopInPdu
{
    private readonly ref readonly BasicHeaderSegment _header;

    /// <summary>Looks at a header, whose opcode the caller has checked.</summary>
    /// <param name="header">The header; the view is valid as long as it is.</param>
    public NopInPdu(ref readonly BasicHeaderSegment header) => _header = ref header;

    /// <summary>Bytes of the data segment without padding.</summary>
    public int DataSegmentLength => _header.DataSegmentLength;

    /// <summary>The LUN field, as 8 bytes in SAM-5 format.</summary>
    public ulong Lun => _header.Lun;

    /// <summary>The tag of the NOP-Out it answers; 0xffffffff when it answers none.</summary>
    public uint InitiatorTaskTag => _header.InitiatorTaskTag;

    /// <summary>The tag of a ping that wants an answer; 0xffffffff when none is wanted.</summary>
    public uint TargetTransferTag => _header.UInt32At(20);

    /// <summary>The next StatSN; advanced only when it answers a NOP-Out.</summary>
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
        if (!_header.IsFinal) return PduFault.MissingFinal;
        if (InitiatorTaskTag != TaskTag.Reserved && TargetTransferTag != TaskTag.Reserved)
            return PduFault.InvalidTargetTransferTag;
        return PduFault.None;
    }

    /// <summary>Writes a header: all 48 bytes.</summary>
    /// <param name="header">At least 48 bytes; the first 48 are overwritten.</param>
    /// <param name="fields">What to write.</param>
    public static void Write(Span<byte> header, in NopInFields fields)
    {
        header = HeaderBytes.Clear(header);
        header[0] = (byte)Opcode.NopIn;
        header[1] = 0x80;
        HeaderBytes.PutDataSegmentLength(header, fields.DataSegmentLength);
        HeaderBytes.Put(header, 8, fields.Lun);
        HeaderBytes.Put(header, 16, fields.InitiatorTaskTag);
        HeaderBytes.Put(header, 20, fields.TargetTransferTag);
        HeaderBytes.Put(header, 24, fields.StatSN);
        HeaderBytes.Put(header, 28, fields.ExpCmdSN);
        HeaderBytes.Put(header, 32, fields.MaxCmdSN);
    }
}

/// <summary>What <see cref="NopInPdu.Write"/> writes. A field that is left out is zero.</summary>
public readonly record struct NopInFields
{
    /// <inheritdoc cref="NopInPdu.DataSegmentLength"/>
    public int DataSegmentLength { get; init; }

    /// <inheritdoc cref="NopInPdu.Lun"/>
    public ulong Lun { get; init; }

    /// <inheritdoc cref="NopInPdu.InitiatorTaskTag"/>
    public uint InitiatorTaskTag { get; init; }

    /// <inheritdoc cref="NopInPdu.TargetTransferTag"/>
    public uint TargetTransferTag { get; init; }

    /// <inheritdoc cref="NopInPdu.StatSN"/>
    public uint StatSN { get; init; }

    /// <inheritdoc cref="NopInPdu.ExpCmdSN"/>
    public uint ExpCmdSN { get; init; }

    /// <inheritdoc cref="NopInPdu.MaxCmdSN"/>
    public uint MaxCmdSN { get; init; }
}

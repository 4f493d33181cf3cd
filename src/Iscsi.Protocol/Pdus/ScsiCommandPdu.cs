namespace Iscsi.Protocol;

// RFC 7143, 11.3, and RFC 7144: SCSI Command
//
//  Byte|       0       |       1       |       2       |       3       |
//    0|.|I| 0x01      |F|R|W|. .|ATTR | PRI   | Reserved              |
//    4|TotalAHSLength | DataSegmentLength                             |
//    8| Logical Unit Number (LUN)                                     |
//   16| Initiator Task Tag                                            |
//   20| Expected Data Transfer Length                                 |
//   24| CmdSN                                                         |
//   28| ExpStatSN                                                     |
//   32| SCSI Command Descriptor Block (CDB), 16 bytes                 |
//   48| AHS (if any), Header-Digest, DataSegment (immediate data)     |

/// <summary>A CDB with its task attribute, direction and expected length (RFC 7143, 11.3): a view of its header.</summary>
public readonly ref struct ScsiCommandPdu
{
    /// <summary>CDB bytes in the header itself; what follows is in an Extended CDB AHS.</summary>
    public const int InlineCdbLength = 16;

    private readonly ref readonly BasicHeaderSegment _header;

    /// <summary>Looks at a header, whose opcode the caller has checked.</summary>
    /// <param name="header">The header; the view is valid as long as it is.</param>
    public ScsiCommandPdu(ref readonly BasicHeaderSegment header) => _header = ref header;

    /// <summary>The I bit: immediate delivery.</summary>
    public bool IsImmediate => _header.IsImmediate;

    /// <summary>The F bit: no unsolicited Data-Out follows.</summary>
    public bool IsFinal => _header.IsFinal;

    /// <summary>The R bit: the command is expected to read.</summary>
    public bool IsRead => (_header[1] & 0x40) != 0;

    /// <summary>The W bit: the command is expected to write.</summary>
    public bool IsWrite => (_header[1] & 0x20) != 0;

    /// <summary>The task attribute (11.3.1).</summary>
    public TaskAttribute Attribute => (TaskAttribute)(_header[1] & 0x07);

    /// <summary>
    /// PRI: importance beside other SIMPLE tasks, 1 to 15, the smaller the more; 0: none. With iSCSIProtocolLevel 2, else reserved
    /// (RFC 7144; SAM-5, command priority).
    /// </summary>
    public int Priority => _header[2] >> 4;

    /// <summary>Bytes of all Additional Header Segments, a multiple of 4.</summary>
    public int TotalAhsLengthBytes => _header.TotalAhsLengthBytes;

    /// <summary>Bytes of the data segment without padding.</summary>
    public int DataSegmentLength => _header.DataSegmentLength;

    /// <summary>The LUN field, as 8 bytes in SAM-5 format.</summary>
    public ulong Lun => _header.Lun;

    /// <summary>The tag the initiator gave the task.</summary>
    public uint InitiatorTaskTag => _header.InitiatorTaskTag;

    /// <summary>Bytes the initiator expects to move; of a bidirectional command those to write.</summary>
    public uint ExpectedDataTransferLength => _header.UInt32At(20);

    /// <summary>Command sequence number; of an immediate PDU the one the next non-immediate gets.</summary>
    public uint CmdSN => _header.UInt32At(24);

    /// <summary>The next StatSN the initiator expects; acknowledges all before it.</summary>
    public uint ExpStatSN => _header.UInt32At(28);

    /// <summary>The first 16 bytes of the CDB; the rest is in an AHS (11.2.2.3).</summary>
    public ReadOnlySpan<byte> Cdb => _header.ReadOnlyBytes[32..];

    /// <summary>Checks what this header alone can tell. Limits, tags and numbers are checked by who knows them.</summary>
    /// <returns><see cref="PduFault.None"/>, or the first fault.</returns>
    public PduFault Validate()
    {
        if (InitiatorTaskTag == TaskTag.Reserved) return PduFault.InvalidTaskTag;
        if (!IsFinal && !IsWrite) return PduFault.MissingFinal;
        if (!IsRead && !IsWrite && ExpectedDataTransferLength != 0) return PduFault.InvalidDirection;
        if (Attribute > TaskAttribute.Aca) return PduFault.InvalidTaskAttribute;
        return PduFault.None;
    }

    /// <summary>Writes a header: all 48 bytes.</summary>
    /// <param name="header">At least 48 bytes; the first 48 are overwritten.</param>
    /// <param name="fields">What to write.</param>
    public static void Write(Span<byte> header, in ScsiCommandFields fields)
    {
        header = HeaderBytes.Clear(header);
        header[0] = (byte)((byte)Opcode.ScsiCommand | HeaderBytes.Bit(fields.IsImmediate, 0x40));
        header[1] = (byte)(HeaderBytes.Bit(fields.IsFinal, 0x80) | HeaderBytes.Bit(fields.IsRead, 0x40) |
            HeaderBytes.Bit(fields.IsWrite, 0x20) | ((byte)fields.Attribute & 0x07));
        header[2] = (byte)(fields.Priority << 4);
        HeaderBytes.PutTotalAhsLength(header, fields.TotalAhsLengthBytes);
        HeaderBytes.PutDataSegmentLength(header, fields.DataSegmentLength);
        HeaderBytes.Put(header, 8, fields.Lun);
        HeaderBytes.Put(header, 16, fields.InitiatorTaskTag);
        HeaderBytes.Put(header, 20, fields.ExpectedDataTransferLength);
        HeaderBytes.Put(header, 24, fields.CmdSN);
        HeaderBytes.Put(header, 28, fields.ExpStatSN);
        fields.Cdb.CopyTo(header[32..]);
    }
}

/// <summary>What <see cref="ScsiCommandPdu.Write"/> writes. A field that is left out is zero.</summary>
public readonly ref struct ScsiCommandFields
{
    /// <inheritdoc cref="ScsiCommandPdu.IsImmediate"/>
    public bool IsImmediate { get; init; }

    /// <inheritdoc cref="ScsiCommandPdu.IsFinal"/>
    public bool IsFinal { get; init; }

    /// <inheritdoc cref="ScsiCommandPdu.IsRead"/>
    public bool IsRead { get; init; }

    /// <inheritdoc cref="ScsiCommandPdu.IsWrite"/>
    public bool IsWrite { get; init; }

    /// <inheritdoc cref="ScsiCommandPdu.Attribute"/>
    public TaskAttribute Attribute { get; init; }

    /// <inheritdoc cref="ScsiCommandPdu.Priority"/>
    public int Priority { get; init; }

    /// <inheritdoc cref="ScsiCommandPdu.TotalAhsLengthBytes"/>
    public int TotalAhsLengthBytes { get; init; }

    /// <inheritdoc cref="ScsiCommandPdu.DataSegmentLength"/>
    public int DataSegmentLength { get; init; }

    /// <inheritdoc cref="ScsiCommandPdu.Lun"/>
    public ulong Lun { get; init; }

    /// <inheritdoc cref="ScsiCommandPdu.InitiatorTaskTag"/>
    public uint InitiatorTaskTag { get; init; }

    /// <inheritdoc cref="ScsiCommandPdu.ExpectedDataTransferLength"/>
    public uint ExpectedDataTransferLength { get; init; }

    /// <inheritdoc cref="ScsiCommandPdu.CmdSN"/>
    public uint CmdSN { get; init; }

    /// <inheritdoc cref="ScsiCommandPdu.ExpStatSN"/>
    public uint ExpStatSN { get; init; }

    /// <summary>The CDB, at most 16 bytes; the rest of the field is zero. A longer one goes on in an AHS.</summary>
    public ReadOnlySpan<byte> Cdb { get; init; }
}

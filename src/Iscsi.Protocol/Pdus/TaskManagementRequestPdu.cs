namespace Iscsi.Protocol;

// RFC 7143, 11.5: Task Management Function Request
//
//  Byte|       0       |       1       |       2       |       3       |
//    0|.|I| 0x02      |1| Function    | Reserved                      |
//    4|TotalAHSLength | DataSegmentLength                             |
//    8| Logical Unit Number (LUN) or Reserved                         |
//   16| Initiator Task Tag                                            |
//   20| Referenced Task Tag or 0xffffffff                             |
//   24| CmdSN                                                         |
//   28| ExpStatSN                                                     |
//   32| RefCmdSN or Reserved                                          |
//   36| ExpDataSN or Reserved                                         |
//   40/ Reserved                                                      /

/// <summary>Asks the target to abort tasks or to reset (RFC 7143, 11.5): a view of its header.</summary>
public readonly ref struct TaskManagementRequestPdu
{
    private readonly ref readonly BasicHeaderSegment _header;

    /// <summary>Looks at a header, whose opcode the caller has checked.</summary>
    /// <param name="header">The header; the view is valid as long as it is.</param>
    public TaskManagementRequestPdu(ref readonly BasicHeaderSegment header) => _header = ref header;

    /// <summary>The I bit: immediate delivery.</summary>
    public bool IsImmediate => _header.IsImmediate;

    /// <summary>The function.</summary>
    public TaskManagementFunction Function => (TaskManagementFunction)(_header[1] & 0x7F);

    /// <summary>The LUN field, as 8 bytes in SAM-5 format.</summary>
    public ulong Lun => _header.Lun;

    /// <summary>The tag the initiator gave the task.</summary>
    public uint InitiatorTaskTag => _header.InitiatorTaskTag;

    /// <summary>The task of ABORT TASK and TASK REASSIGN, else 0xffffffff.</summary>
    public uint ReferencedTaskTag => _header.UInt32At(20);

    /// <summary>Command sequence number; of an immediate PDU the one the next non-immediate gets.</summary>
    public uint CmdSN => _header.UInt32At(24);

    /// <summary>The next StatSN the initiator expects; acknowledges all before it.</summary>
    public uint ExpStatSN => _header.UInt32At(28);

    /// <summary>CmdSN of the task of ABORT TASK.</summary>
    public uint RefCmdSN => _header.UInt32At(32);

    /// <summary>TASK REASSIGN: the next Data-In or R2T number the initiator expects.</summary>
    public uint ExpDataSN => _header.UInt32At(36);

    /// <summary>Checks what this header alone can tell. Limits, tags and numbers are checked by who knows them.</summary>
    /// <returns><see cref="PduFault.None"/>, or the first fault.</returns>
    public PduFault Validate()
    {
        if (_header.TotalAhsLengthBytes != 0) return PduFault.AhsNotAllowed;
        if (!_header.IsFinal) return PduFault.MissingFinal;
        if (InitiatorTaskTag == TaskTag.Reserved) return PduFault.InvalidTaskTag;
        if (_header.DataSegmentLength != 0) return PduFault.UnexpectedDataSegment;
        return PduFault.None;
    }

    /// <summary>Writes a header: all 48 bytes.</summary>
    /// <param name="header">At least 48 bytes; the first 48 are overwritten.</param>
    /// <param name="fields">What to write.</param>
    public static void Write(Span<byte> header, in TaskManagementRequestFields fields)
    {
        header = HeaderBytes.Clear(header);
        header[0] = (byte)((byte)Opcode.TaskManagementRequest | HeaderBytes.Bit(fields.IsImmediate, 0x40));
        header[1] = (byte)(0x80 | ((byte)fields.Function & 0x7F));
        HeaderBytes.Put(header, 8, fields.Lun);
        HeaderBytes.Put(header, 16, fields.InitiatorTaskTag);
        HeaderBytes.Put(header, 20, fields.ReferencedTaskTag);
        HeaderBytes.Put(header, 24, fields.CmdSN);
        HeaderBytes.Put(header, 28, fields.ExpStatSN);
        HeaderBytes.Put(header, 32, fields.RefCmdSN);
        HeaderBytes.Put(header, 36, fields.ExpDataSN);
    }
}

/// <summary>What <see cref="TaskManagementRequestPdu.Write"/> writes. A field that is left out is zero.</summary>
public readonly record struct TaskManagementRequestFields
{
    /// <inheritdoc cref="TaskManagementRequestPdu.IsImmediate"/>
    public bool IsImmediate { get; init; }

    /// <inheritdoc cref="TaskManagementRequestPdu.Function"/>
    public TaskManagementFunction Function { get; init; }

    /// <inheritdoc cref="TaskManagementRequestPdu.Lun"/>
    public ulong Lun { get; init; }

    /// <inheritdoc cref="TaskManagementRequestPdu.InitiatorTaskTag"/>
    public uint InitiatorTaskTag { get; init; }

    /// <inheritdoc cref="TaskManagementRequestPdu.ReferencedTaskTag"/>
    public uint ReferencedTaskTag { get; init; }

    /// <inheritdoc cref="TaskManagementRequestPdu.CmdSN"/>
    public uint CmdSN { get; init; }

    /// <inheritdoc cref="TaskManagementRequestPdu.ExpStatSN"/>
    public uint ExpStatSN { get; init; }

    /// <inheritdoc cref="TaskManagementRequestPdu.RefCmdSN"/>
    public uint RefCmdSN { get; init; }

    /// <inheritdoc cref="TaskManagementRequestPdu.ExpDataSN"/>
    public uint ExpDataSN { get; init; }
}

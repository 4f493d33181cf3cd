namespace Iscsi.Protocol;

// RFC 7143, 11.6, and RFC 7144: Task Management Function Response
//
//  Byte|       0       |       1       |       2       |       3       |
//    0|.|.| 0x22      |1| Reserved    | Response      | Reserved      |
//    4|TotalAHSLength | DataSegmentLength                             |
//    8| Additional Response Information or Reserved   | Reserved      |
//   12| Reserved                                                      |
//   16| Initiator Task Tag                                            |
//   20| Reserved                                                      |
//   24| StatSN                                                        |
//   28| ExpCmdSN                                                      |
//   32| MaxCmdSN                                                      |
//   36/ Reserved                                                      /

/// <summary>The answer to a task management function (RFC 7143, 11.6): a view of its header.</summary>
public readonly ref struct TaskManagementResponsePdu
{
    private readonly ref readonly BasicHeaderSegment _header;

    /// <summary>Looks at a header, whose opcode the caller has checked.</summary>
    /// <param name="header">The header; the view is valid as long as it is.</param>
    public TaskManagementResponsePdu(ref readonly BasicHeaderSegment header) => _header = ref header;

    /// <summary>How it ended.</summary>
    public TaskManagementResponse Response => (TaskManagementResponse)_header[2];

    /// <summary>24 bits that belong to the response: what QUERY ASYNCHRONOUS EVENT found (RFC 7144; SAM-5), else 0.</summary>
    public uint AdditionalResponseInformation => _header.UInt32At(8) >> 8;

    /// <summary>The tag the initiator gave the task.</summary>
    public uint InitiatorTaskTag => _header.InitiatorTaskTag;

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
        if (!_header.IsFinal) return PduFault.MissingFinal;
        if (InitiatorTaskTag == TaskTag.Reserved) return PduFault.InvalidTaskTag;
        if (_header.DataSegmentLength != 0) return PduFault.UnexpectedDataSegment;
        return PduFault.None;
    }

    /// <summary>Writes a header: all 48 bytes.</summary>
    /// <param name="header">At least 48 bytes; the first 48 are overwritten.</param>
    /// <param name="fields">What to write.</param>
    public static void Write(Span<byte> header, in TaskManagementResponseFields fields)
    {
        header = HeaderBytes.Clear(header);
        header[0] = (byte)Opcode.TaskManagementResponse;
        header[1] = 0x80;
        header[2] = (byte)fields.Response;
        HeaderBytes.Put(header, 8, fields.AdditionalResponseInformation << 8);
        HeaderBytes.Put(header, 16, fields.InitiatorTaskTag);
        HeaderBytes.Put(header, 24, fields.StatSN);
        HeaderBytes.Put(header, 28, fields.ExpCmdSN);
        HeaderBytes.Put(header, 32, fields.MaxCmdSN);
    }
}

/// <summary>What <see cref="TaskManagementResponsePdu.Write"/> writes. A field that is left out is zero.</summary>
public readonly record struct TaskManagementResponseFields
{
    /// <inheritdoc cref="TaskManagementResponsePdu.Response"/>
    public TaskManagementResponse Response { get; init; }

    /// <inheritdoc cref="TaskManagementResponsePdu.AdditionalResponseInformation"/>
    public uint AdditionalResponseInformation { get; init; }

    /// <inheritdoc cref="TaskManagementResponsePdu.InitiatorTaskTag"/>
    public uint InitiatorTaskTag { get; init; }

    /// <inheritdoc cref="TaskManagementResponsePdu.StatSN"/>
    public uint StatSN { get; init; }

    /// <inheritdoc cref="TaskManagementResponsePdu.ExpCmdSN"/>
    public uint ExpCmdSN { get; init; }

    /// <inheritdoc cref="TaskManagementResponsePdu.MaxCmdSN"/>
    public uint MaxCmdSN { get; init; }
}

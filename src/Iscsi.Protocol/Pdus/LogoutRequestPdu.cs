namespace Iscsi.Protocol;

// RFC 7143, 11.14: Logout Request
//
//  Byte|       0       |       1       |       2       |       3       |
//    0|.|I| 0x06      |1| Reason Code | Reserved                      |
//    4|TotalAHSLength | DataSegmentLength                             |
//    8| Reserved                                                      |
//   16| Initiator Task Tag                                            |
//   20| CID or Reserved               | Reserved                      |
//   24| CmdSN                                                         |
//   28| ExpStatSN                                                     |
//   32/ Reserved                                                      /

/// <summary>Ends a session or a connection (RFC 7143, 11.14): a view of its header.</summary>
public readonly ref struct LogoutRequestPdu
{
    private readonly ref readonly BasicHeaderSegment _header;

    /// <summary>Looks at a header, whose opcode the caller has checked.</summary>
    /// <param name="header">The header; the view is valid as long as it is.</param>
    public LogoutRequestPdu(ref readonly BasicHeaderSegment header) => _header = ref header;

    /// <summary>The I bit: immediate delivery.</summary>
    public bool IsImmediate => _header.IsImmediate;

    /// <summary>What to close.</summary>
    public LogoutReason Reason => (LogoutReason)(_header[1] & 0x7F);

    /// <summary>The tag the initiator gave the task.</summary>
    public uint InitiatorTaskTag => _header.InitiatorTaskTag;

    /// <summary>The connection to close; not used to close the session.</summary>
    public ushort Cid => _header.UInt16At(20);

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
        if (InitiatorTaskTag == TaskTag.Reserved) return PduFault.InvalidTaskTag;
        if (_header.DataSegmentLength != 0) return PduFault.UnexpectedDataSegment;
        if (Reason > LogoutReason.RemoveConnectionForRecovery) return PduFault.InvalidLogoutReason;
        return PduFault.None;
    }

    /// <summary>Writes a header: all 48 bytes.</summary>
    /// <param name="header">At least 48 bytes; the first 48 are overwritten.</param>
    /// <param name="fields">What to write.</param>
    public static void Write(Span<byte> header, in LogoutRequestFields fields)
    {
        header = HeaderBytes.Clear(header);
        header[0] = (byte)((byte)Opcode.LogoutRequest | HeaderBytes.Bit(fields.IsImmediate, 0x40));
        header[1] = (byte)(0x80 | ((byte)fields.Reason & 0x7F));
        HeaderBytes.Put(header, 16, fields.InitiatorTaskTag);
        HeaderBytes.Put(header, 20, fields.Cid);
        HeaderBytes.Put(header, 24, fields.CmdSN);
        HeaderBytes.Put(header, 28, fields.ExpStatSN);
    }
}

/// <summary>What <see cref="LogoutRequestPdu.Write"/> writes. A field that is left out is zero.</summary>
public readonly record struct LogoutRequestFields
{
    /// <inheritdoc cref="LogoutRequestPdu.IsImmediate"/>
    public bool IsImmediate { get; init; }

    /// <inheritdoc cref="LogoutRequestPdu.Reason"/>
    public LogoutReason Reason { get; init; }

    /// <inheritdoc cref="LogoutRequestPdu.InitiatorTaskTag"/>
    public uint InitiatorTaskTag { get; init; }

    /// <inheritdoc cref="LogoutRequestPdu.Cid"/>
    public ushort Cid { get; init; }

    /// <inheritdoc cref="LogoutRequestPdu.CmdSN"/>
    public uint CmdSN { get; init; }

    /// <inheritdoc cref="LogoutRequestPdu.ExpStatSN"/>
    public uint ExpStatSN { get; init; }
}

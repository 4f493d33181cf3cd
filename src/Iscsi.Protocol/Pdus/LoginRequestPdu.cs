namespace Iscsi.Protocol;

// RFC 7143, 11.12: Login Request
//
//  Byte|       0       |       1       |       2       |       3       |
//    0|.|1| 0x03      |T|C|. .|CSG|NSG| Version-max   | Version-min   |
//    4|TotalAHSLength | DataSegmentLength                             |
//    8| ISID                                                          |
//   12|                               | TSIH                          |
//   16| Initiator Task Tag                                            |
//   20| CID                           | Reserved                      |
//   24| CmdSN                                                         |
//   28| ExpStatSN or Reserved                                         |
//   32/ Reserved                                                      /

/// <summary>A step of the login, from the initiator (RFC 7143, 11.12): a view of its header.</summary>
public readonly ref struct LoginRequestPdu
{
    private readonly ref readonly BasicHeaderSegment _header;

    /// <summary>Looks at a header, whose opcode the caller has checked.</summary>
    /// <param name="header">The header; the view is valid as long as it is.</param>
    public LoginRequestPdu(ref readonly BasicHeaderSegment header) => _header = ref header;

    /// <summary>The T bit: ready to go to the next stage.</summary>
    public bool IsTransit => _header.IsFinal;

    /// <summary>The C bit: the text goes on in the next request.</summary>
    public bool IsContinued => (_header[1] & 0x40) != 0;

    /// <summary>CSG: the stage it is in.</summary>
    public LoginStage CurrentStage => (LoginStage)((_header[1] >> 2) & 0x03);

    /// <summary>NSG: the stage to go to, valid with T.</summary>
    public LoginStage NextStage => (LoginStage)(_header[1] & 0x03);

    /// <summary>The highest version supported; 0.</summary>
    public byte VersionMax => _header[2];

    /// <summary>The lowest version supported; 0.</summary>
    public byte VersionMin => _header[3];

    /// <summary>Bytes of the data segment without padding.</summary>
    public int DataSegmentLength => _header.DataSegmentLength;

    /// <summary>The initiator part of the session name: 48 bits, in the low bits.</summary>
    public ulong Isid => _header.UInt64At(8) >> 16;

    /// <summary>The session to join; 0 for a new one.</summary>
    public ushort Tsih => _header.UInt16At(14);

    /// <summary>The tag the initiator gave the task.</summary>
    public uint InitiatorTaskTag => _header.InitiatorTaskTag;

    /// <summary>The connection id.</summary>
    public ushort Cid => _header.UInt16At(20);

    /// <summary>The CmdSN of the first command of the session; Login Requests are immediate and do not advance it.</summary>
    public uint CmdSN => _header.UInt32At(24);

    /// <summary>The next StatSN expected; not used in the first request of a connection.</summary>
    public uint ExpStatSN => _header.UInt32At(28);

    /// <summary>Checks what this header alone can tell. Limits, tags and numbers are checked by who knows them.</summary>
    /// <returns><see cref="PduFault.None"/>, or the first fault.</returns>
    public PduFault Validate()
    {
        if (_header.TotalAhsLengthBytes != 0) return PduFault.AhsNotAllowed;
        if (!_header.IsImmediate) return PduFault.NotImmediate;
        if (IsTransit && IsContinued) return PduFault.FinalAndContinued;
        var isStage = CurrentStage is LoginStage.SecurityNegotiation or LoginStage.LoginOperationalNegotiation;
        var isNext = NextStage > CurrentStage &&
            NextStage is LoginStage.LoginOperationalNegotiation or LoginStage.FullFeaturePhase;
        if (!isStage || (IsTransit && !isNext)) return PduFault.InvalidStage;
        return PduFault.None;
    }

    /// <summary>Writes a header: all 48 bytes.</summary>
    /// <param name="header">At least 48 bytes; the first 48 are overwritten.</param>
    /// <param name="fields">What to write.</param>
    public static void Write(Span<byte> header, in LoginRequestFields fields)
    {
        header = HeaderBytes.Clear(header);
        header[0] = 0x40 | (byte)Opcode.LoginRequest;
        header[1] = (byte)(HeaderBytes.Bit(fields.IsTransit, 0x80) | HeaderBytes.Bit(fields.IsContinued, 0x40) |
            (((byte)fields.CurrentStage & 0x03) << 2) | ((byte)fields.NextStage & 0x03));
        header[2] = fields.VersionMax;
        header[3] = fields.VersionMin;
        HeaderBytes.PutDataSegmentLength(header, fields.DataSegmentLength);
        HeaderBytes.Put(header, 8, fields.Isid << 16);
        HeaderBytes.Put(header, 14, fields.Tsih);
        HeaderBytes.Put(header, 16, fields.InitiatorTaskTag);
        HeaderBytes.Put(header, 20, fields.Cid);
        HeaderBytes.Put(header, 24, fields.CmdSN);
        HeaderBytes.Put(header, 28, fields.ExpStatSN);
    }
}

/// <summary>What <see cref="LoginRequestPdu.Write"/> writes. A field that is left out is zero.</summary>
public readonly record struct LoginRequestFields
{
    /// <inheritdoc cref="LoginRequestPdu.IsTransit"/>
    public bool IsTransit { get; init; }

    /// <inheritdoc cref="LoginRequestPdu.IsContinued"/>
    public bool IsContinued { get; init; }

    /// <inheritdoc cref="LoginRequestPdu.CurrentStage"/>
    public LoginStage CurrentStage { get; init; }

    /// <inheritdoc cref="LoginRequestPdu.NextStage"/>
    public LoginStage NextStage { get; init; }

    /// <inheritdoc cref="LoginRequestPdu.VersionMax"/>
    public byte VersionMax { get; init; }

    /// <inheritdoc cref="LoginRequestPdu.VersionMin"/>
    public byte VersionMin { get; init; }

    /// <inheritdoc cref="LoginRequestPdu.DataSegmentLength"/>
    public int DataSegmentLength { get; init; }

    /// <inheritdoc cref="LoginRequestPdu.Isid"/>
    public ulong Isid { get; init; }

    /// <inheritdoc cref="LoginRequestPdu.Tsih"/>
    public ushort Tsih { get; init; }

    /// <inheritdoc cref="LoginRequestPdu.InitiatorTaskTag"/>
    public uint InitiatorTaskTag { get; init; }

    /// <inheritdoc cref="LoginRequestPdu.Cid"/>
    public ushort Cid { get; init; }

    /// <inheritdoc cref="LoginRequestPdu.CmdSN"/>
    public uint CmdSN { get; init; }

    /// <inheritdoc cref="LoginRequestPdu.ExpStatSN"/>
    public uint ExpStatSN { get; init; }
}

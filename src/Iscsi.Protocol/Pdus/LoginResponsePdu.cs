namespace Iscsi.Protocol;

// RFC 7143, 11.13: Login Response
//
//  Byte|       0       |       1       |       2       |       3       |
//    0|.|.| 0x23      |T|C|. .|CSG|NSG| Version-max   |Version-active |
//    4|TotalAHSLength | DataSegmentLength                             |
//    8| ISID                                                          |
//   12|                               | TSIH                          |
//   16| Initiator Task Tag                                            |
//   20| Reserved                                                      |
//   24| StatSN                                                        |
//   28| ExpCmdSN                                                      |
//   32| MaxCmdSN                                                      |
//   36| Status-Class  | Status-Detail | Reserved                      |
//   40/ Reserved                                                      /

/// <summary>A step of the login, from the target (RFC 7143, 11.13): a view of its header.</summary>
public readonly ref struct LoginResponsePdu
{
    private readonly ref readonly BasicHeaderSegment _header;

    /// <summary>Looks at a header, whose opcode the caller has checked.</summary>
    /// <param name="header">The header; the view is valid as long as it is.</param>
    public LoginResponsePdu(ref readonly BasicHeaderSegment header) => _header = ref header;

    /// <summary>The T bit: the stage ends.</summary>
    public bool IsTransit => _header.IsFinal;

    /// <summary>The C bit: the text goes on in the next response.</summary>
    public bool IsContinued => (_header[1] & 0x40) != 0;

    /// <summary>CSG: the stage it is in.</summary>
    public LoginStage CurrentStage => (LoginStage)((_header[1] >> 2) & 0x03);

    /// <summary>NSG: the stage that begins, valid with T.</summary>
    public LoginStage NextStage => (LoginStage)(_header[1] & 0x03);

    /// <summary>The highest version the target supports; 0.</summary>
    public byte VersionMax => _header[2];

    /// <summary>The version chosen; 0.</summary>
    public byte VersionActive => _header[3];

    /// <summary>Bytes of the data segment without padding.</summary>
    public int DataSegmentLength => _header.DataSegmentLength;

    /// <summary>The initiator part of the session name: 48 bits, in the low bits.</summary>
    public ulong Isid => _header.UInt64At(8) >> 16;

    /// <summary>The session; set by the target in the last response.</summary>
    public ushort Tsih => _header.UInt16At(14);

    /// <summary>The tag the initiator gave the task.</summary>
    public uint InitiatorTaskTag => _header.InitiatorTaskTag;

    /// <summary>Status sequence number.</summary>
    public uint StatSN => _header.UInt32At(24);

    /// <summary>The next CmdSN the target expects; acknowledges all before it.</summary>
    public uint ExpCmdSN => _header.UInt32At(28);

    /// <summary>The last CmdSN the target takes now.</summary>
    public uint MaxCmdSN => _header.UInt32At(32);

    /// <summary>0 success, 1 redirection, 2 initiator error, 3 target error.</summary>
    public byte StatusClass => _header[36];

    /// <summary>The detail within the class (11.13.5).</summary>
    public byte StatusDetail => _header[37];

    /// <summary>Checks what this header alone can tell. Limits, tags and numbers are checked by who knows them.</summary>
    /// <returns><see cref="PduFault.None"/>, or the first fault.</returns>
    public PduFault Validate()
    {
        if (_header.TotalAhsLengthBytes != 0) return PduFault.AhsNotAllowed;
        if (StatusClass != 0) return PduFault.None;
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
    public static void Write(Span<byte> header, in LoginResponseFields fields)
    {
        header = HeaderBytes.Clear(header);
        header[0] = (byte)Opcode.LoginResponse;
        header[1] = (byte)(HeaderBytes.Bit(fields.IsTransit, 0x80) | HeaderBytes.Bit(fields.IsContinued, 0x40) |
            (((byte)fields.CurrentStage & 0x03) << 2) | ((byte)fields.NextStage & 0x03));
        header[2] = fields.VersionMax;
        header[3] = fields.VersionActive;
        HeaderBytes.PutDataSegmentLength(header, fields.DataSegmentLength);
        HeaderBytes.Put(header, 8, fields.Isid << 16);
        HeaderBytes.Put(header, 14, fields.Tsih);
        HeaderBytes.Put(header, 16, fields.InitiatorTaskTag);
        HeaderBytes.Put(header, 24, fields.StatSN);
        HeaderBytes.Put(header, 28, fields.ExpCmdSN);
        HeaderBytes.Put(header, 32, fields.MaxCmdSN);
        header[36] = fields.StatusClass;
        header[37] = fields.StatusDetail;
    }
}

/// <summary>What <see cref="LoginResponsePdu.Write"/> writes. A field that is left out is zero.</summary>
public readonly record struct LoginResponseFields
{
    /// <inheritdoc cref="LoginResponsePdu.IsTransit"/>
    public bool IsTransit { get; init; }

    /// <inheritdoc cref="LoginResponsePdu.IsContinued"/>
    public bool IsContinued { get; init; }

    /// <inheritdoc cref="LoginResponsePdu.CurrentStage"/>
    public LoginStage CurrentStage { get; init; }

    /// <inheritdoc cref="LoginResponsePdu.NextStage"/>
    public LoginStage NextStage { get; init; }

    /// <inheritdoc cref="LoginResponsePdu.VersionMax"/>
    public byte VersionMax { get; init; }

    /// <inheritdoc cref="LoginResponsePdu.VersionActive"/>
    public byte VersionActive { get; init; }

    /// <inheritdoc cref="LoginResponsePdu.DataSegmentLength"/>
    public int DataSegmentLength { get; init; }

    /// <inheritdoc cref="LoginResponsePdu.Isid"/>
    public ulong Isid { get; init; }

    /// <inheritdoc cref="LoginResponsePdu.Tsih"/>
    public ushort Tsih { get; init; }

    /// <inheritdoc cref="LoginResponsePdu.InitiatorTaskTag"/>
    public uint InitiatorTaskTag { get; init; }

    /// <inheritdoc cref="LoginResponsePdu.StatSN"/>
    public uint StatSN { get; init; }

    /// <inheritdoc cref="LoginResponsePdu.ExpCmdSN"/>
    public uint ExpCmdSN { get; init; }

    /// <inheritdoc cref="LoginResponsePdu.MaxCmdSN"/>
    public uint MaxCmdSN { get; init; }

    /// <inheritdoc cref="LoginResponsePdu.StatusClass"/>
    public byte StatusClass { get; init; }

    /// <inheritdoc cref="LoginResponsePdu.StatusDetail"/>
    public byte StatusDetail { get; init; }
}

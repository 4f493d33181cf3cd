namespace Iscsi.Protocol;

// RFC 7143, 11.8: Ready To Transfer (R2T)
//
//  Byte|       0       |       1       |       2       |       3       |
//    0|.|.| 0x31      |1| Reserved                                    |
//    4|TotalAHSLength | DataSegmentLength                             |
//    8| LUN                                                           |
//   16| Initiator Task Tag                                            |
//   20| Target Transfer Tag                                           |
//   24| StatSN                                                        |
//   28| ExpCmdSN                                                      |
//   32| MaxCmdSN                                                      |
//   36| R2TSN                                                         |
//   40| Buffer Offset                                                 |
//   44| Desired Data Transfer Length                                  |

/// <summary>Asks for data of a write command (RFC 7143, 11.8): a view of its header.</summary>
public readonly ref struct ReadyToTransferPdu
{
    private readonly ref readonly BasicHeaderSegment _header;

    /// <summary>Looks at a header, whose opcode the caller has checked.</summary>
    /// <param name="header">The header; the view is valid as long as it is.</param>
    public ReadyToTransferPdu(ref readonly BasicHeaderSegment header) => _header = ref header;

    /// <summary>The LUN field, as 8 bytes in SAM-5 format.</summary>
    public ulong Lun => _header.Lun;

    /// <summary>The tag the initiator gave the task.</summary>
    public uint InitiatorTaskTag => _header.InitiatorTaskTag;

    /// <summary>The tag its Data-Out repeat; never 0xffffffff.</summary>
    public uint TargetTransferTag => _header.UInt32At(20);

    /// <summary>The next StatSN; it is not advanced by an R2T.</summary>
    public uint StatSN => _header.UInt32At(24);

    /// <summary>The next CmdSN the target expects; acknowledges all before it.</summary>
    public uint ExpCmdSN => _header.UInt32At(28);

    /// <summary>The last CmdSN the target takes now.</summary>
    public uint MaxCmdSN => _header.UInt32At(32);

    /// <summary>Number among the R2T and Data-In PDUs of the command, from 0.</summary>
    public uint R2TSN => _header.UInt32At(36);

    /// <summary>Offset of the first byte asked for in the data of the command.</summary>
    public uint BufferOffset => _header.UInt32At(40);

    /// <summary>Bytes asked for, 1 to MaxBurstLength.</summary>
    public uint DesiredDataTransferLength => _header.UInt32At(44);

    /// <summary>Checks what this header alone can tell. Limits, tags and numbers are checked by who knows them.</summary>
    /// <returns><see cref="PduFault.None"/>, or the first fault.</returns>
    public PduFault Validate()
    {
        if (_header.TotalAhsLengthBytes != 0) return PduFault.AhsNotAllowed;
        if (!_header.IsFinal) return PduFault.MissingFinal;
        if (InitiatorTaskTag == TaskTag.Reserved) return PduFault.InvalidTaskTag;
        if (_header.DataSegmentLength != 0) return PduFault.UnexpectedDataSegment;
        if (TargetTransferTag == TaskTag.Reserved) return PduFault.InvalidTargetTransferTag;
        if (DesiredDataTransferLength == 0) return PduFault.InvalidLength;
        return PduFault.None;
    }

    /// <summary>Writes a header: all 48 bytes.</summary>
    /// <param name="header">At least 48 bytes; the first 48 are overwritten.</param>
    /// <param name="fields">What to write.</param>
    public static void Write(Span<byte> header, in ReadyToTransferFields fields)
    {
        header = HeaderBytes.Clear(header);
        header[0] = (byte)Opcode.ReadyToTransfer;
        header[1] = 0x80;
        HeaderBytes.Put(header, 8, fields.Lun);
        HeaderBytes.Put(header, 16, fields.InitiatorTaskTag);
        HeaderBytes.Put(header, 20, fields.TargetTransferTag);
        HeaderBytes.Put(header, 24, fields.StatSN);
        HeaderBytes.Put(header, 28, fields.ExpCmdSN);
        HeaderBytes.Put(header, 32, fields.MaxCmdSN);
        HeaderBytes.Put(header, 36, fields.R2TSN);
        HeaderBytes.Put(header, 40, fields.BufferOffset);
        HeaderBytes.Put(header, 44, fields.DesiredDataTransferLength);
    }
}

/// <summary>What <see cref="ReadyToTransferPdu.Write"/> writes. A field that is left out is zero.</summary>
public readonly record struct ReadyToTransferFields
{
    /// <inheritdoc cref="ReadyToTransferPdu.Lun"/>
    public ulong Lun { get; init; }

    /// <inheritdoc cref="ReadyToTransferPdu.InitiatorTaskTag"/>
    public uint InitiatorTaskTag { get; init; }

    /// <inheritdoc cref="ReadyToTransferPdu.TargetTransferTag"/>
    public uint TargetTransferTag { get; init; }

    /// <inheritdoc cref="ReadyToTransferPdu.StatSN"/>
    public uint StatSN { get; init; }

    /// <inheritdoc cref="ReadyToTransferPdu.ExpCmdSN"/>
    public uint ExpCmdSN { get; init; }

    /// <inheritdoc cref="ReadyToTransferPdu.MaxCmdSN"/>
    public uint MaxCmdSN { get; init; }

    /// <inheritdoc cref="ReadyToTransferPdu.R2TSN"/>
    public uint R2TSN { get; init; }

    /// <inheritdoc cref="ReadyToTransferPdu.BufferOffset"/>
    public uint BufferOffset { get; init; }

    /// <inheritdoc cref="ReadyToTransferPdu.DesiredDataTransferLength"/>
    public uint DesiredDataTransferLength { get; init; }
}

using System.Buffers.Binary;

namespace Iscsi.Protocol;

// RFC 7143, 11.2.2.3: Extended CDB AHS
//     0| AHSLength (CDBLength - 15)    | 0x01          | Reserved      |
//     4/ ExtendedCDB, padded                                           /
//
// RFC 7143, 11.2.2.4: Bidirectional Read Expected Data Transfer Length AHS
//     0| AHSLength (0x0005)            | 0x02          | Reserved      |
//     4| Bidirectional Read Expected Data Transfer Length              |

/// <summary>What the Additional Header Segments of a SCSI Command say (RFC 7143, 11.2.2.3 and 11.2.2.4).</summary>
public readonly ref struct ScsiCommandAhs
{
    private ScsiCommandAhs(ReadOnlySpan<byte> extendedCdb, uint? bidirectionalReadExpectedDataTransferLength)
    {
        ExtendedCdb = extendedCdb;
        BidirectionalReadExpectedDataTransferLength = bidirectionalReadExpectedDataTransferLength;
    }

    /// <summary>CDB bytes from the 17th on; empty when the CDB has at most 16 bytes.</summary>
    public ReadOnlySpan<byte> ExtendedCdb { get; }

    /// <summary>Bytes the read part of a bidirectional command is expected to move; null when it is not given.</summary>
    public uint? BidirectionalReadExpectedDataTransferLength { get; }

    /// <summary>Bytes of the CDB: 16, or more with an Extended CDB.</summary>
    public int CdbLength => ScsiCommandPdu.InlineCdbLength + ExtendedCdb.Length;

    /// <summary>Reads the segments. Types that are not known are skipped.</summary>
    /// <param name="additionalHeader">All segments; may be empty.</param>
    /// <param name="ahs">What they say; valid as long as the bytes are.</param>
    /// <returns>
    /// <see cref="PduFault.None"/>, or <see cref="PduFault.AhsMalformed"/> when a length lies or a type is there twice.
    /// </returns>
    public static PduFault TryRead(ReadOnlySpan<byte> additionalHeader, out ScsiCommandAhs ahs)
    {
        ahs = default;
        if (additionalHeader.IsEmpty) return PduFault.None;
        var extendedCdb = default(ReadOnlySpan<byte>);
        uint? readLength = null;
        var reader = new AhsReader(additionalHeader);
        while (reader.MoveNext())
        {
            var specific = reader.Current.Specific;
            switch (reader.Current.Type)
            {
                case AhsType.ExtendedCdb:
                    // One reserved byte and at least one byte of CDB.
                    if (specific.Length < 2 || !extendedCdb.IsEmpty) return PduFault.AhsMalformed;
                    extendedCdb = specific[1..];
                    break;
                case AhsType.BidirectionalReadExpectedLength:
                    if (specific.Length != 5 || readLength is not null) return PduFault.AhsMalformed;
                    readLength = BinaryPrimitives.ReadUInt32BigEndian(specific[1..]);
                    break;
            }
        }
        if (reader.Fault != PduFault.None) return reader.Fault;
        ahs = new ScsiCommandAhs(extendedCdb, readLength);
        return PduFault.None;
    }

    /// <summary>Copies the whole CDB.</summary>
    /// <param name="command">The command the segments belong to.</param>
    /// <param name="destination">At least <see cref="CdbLength"/> bytes.</param>
    /// <returns>Bytes written: <see cref="CdbLength"/>.</returns>
    public int CopyCdbTo(ScsiCommandPdu command, Span<byte> destination)
    {
        command.Cdb.CopyTo(destination);
        ExtendedCdb.CopyTo(destination[ScsiCommandPdu.InlineCdbLength..]);
        return CdbLength;
    }

    /// <summary>Bytes that <see cref="Write"/> writes.</summary>
    /// <param name="cdbLength">Bytes of the CDB.</param>
    /// <param name="hasBidirectionalReadLength">Whether the second segment is written.</param>
    public static int GetLength(int cdbLength, bool hasBidirectionalReadLength)
    {
        var extra = Math.Max(0, cdbLength - ScsiCommandPdu.InlineCdbLength);
        return (extra == 0 ? 0 : 4 + extra + PduPadding.Of(extra)) + (hasBidirectionalReadLength ? 8 : 0);
    }

    /// <summary>Writes the segments a command needs.</summary>
    /// <param name="destination">At least <see cref="GetLength"/> bytes.</param>
    /// <param name="cdb">The whole CDB, 1 to 260 bytes; up to 16 need no segment.</param>
    /// <param name="bidirectionalReadExpectedDataTransferLength">
    /// Bytes a bidirectional command is expected to read, or null.
    /// </param>
    /// <returns>Bytes written: TotalAHSLength in bytes, 0 when none is needed.</returns>
    public static int Write(
        Span<byte> destination, ReadOnlySpan<byte> cdb, uint? bidirectionalReadExpectedDataTransferLength = null)
    {
        var length = GetLength(cdb.Length, bidirectionalReadExpectedDataTransferLength is not null);
        destination = destination[..length];
        destination.Clear();
        if (cdb.Length > ScsiCommandPdu.InlineCdbLength)
        {
            var extra = cdb[ScsiCommandPdu.InlineCdbLength..];
            BinaryPrimitives.WriteUInt16BigEndian(destination, (ushort)(extra.Length + 1));
            destination[2] = (byte)AhsType.ExtendedCdb;
            extra.CopyTo(destination[4..]);
            destination = destination[(4 + extra.Length + PduPadding.Of(extra.Length))..];
        }
        if (bidirectionalReadExpectedDataTransferLength is { } readLength)
        {
            BinaryPrimitives.WriteUInt16BigEndian(destination, 5);
            destination[2] = (byte)AhsType.BidirectionalReadExpectedLength;
            BinaryPrimitives.WriteUInt32BigEndian(destination[4..], readLength);
        }
        return length;
    }
}

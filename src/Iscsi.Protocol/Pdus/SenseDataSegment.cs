using System.Buffers.Binary;

namespace Iscsi.Protocol;

// RFC 7143, 11.4.7: the data segment of a SCSI Response
//
//     0| SenseLength                   | Sense Data                    |
//     x/ Sense Data                                                    /
//     y/ Response Data                                                 /

/// <summary>The data segment of a SCSI Response: sense data with their length in front (RFC 7143, 11.4.7).</summary>
public static class SenseDataSegment
{
    /// <summary>Bytes of SenseLength.</summary>
    public const int PrefixLength = 2;

    /// <summary>Writes sense data.</summary>
    /// <param name="destination">At least <see cref="PrefixLength"/> bytes more than the sense data.</param>
    /// <param name="senseData">The sense data, at most 65,535 bytes; none for an empty segment.</param>
    /// <returns>DataSegmentLength: bytes written, 0 without sense data.</returns>
    public static int Write(Span<byte> destination, ReadOnlySpan<byte> senseData)
    {
        if (senseData.IsEmpty) return 0;
        BinaryPrimitives.WriteUInt16BigEndian(destination, checked((ushort)senseData.Length));
        senseData.CopyTo(destination[PrefixLength..]);
        return PrefixLength + senseData.Length;
    }

    /// <summary>Reads sense data. What follows them is response data, which no standard describes.</summary>
    /// <param name="dataSegment">The data segment, without padding; may be empty.</param>
    /// <param name="senseData">The sense data, in place; empty when there are none.</param>
    /// <returns>False when SenseLength says more than there is.</returns>
    public static bool TryRead(ReadOnlySpan<byte> dataSegment, out ReadOnlySpan<byte> senseData)
    {
        senseData = default;
        if (dataSegment.IsEmpty) return true;
        if (dataSegment.Length < PrefixLength) return false;
        var length = BinaryPrimitives.ReadUInt16BigEndian(dataSegment);
        if (length > dataSegment.Length - PrefixLength) return false;
        senseData = dataSegment.Slice(PrefixLength, length);
        return true;
    }
}

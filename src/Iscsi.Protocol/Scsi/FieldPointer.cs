using System.Buffers.Binary;

namespace Iscsi.Protocol.Scsi;

// SPC-4: sense key specific, field pointer
//
//   Byte/     7       6       5       4       3       2       1       0
//      0|SKSV  |C/D   |Reserved       |BPV   | BIT POINTER
//      1| FIELD POINTER (2)
//
// COPY ABORTED has the segment pointer there: alike, but bit 5 of byte 0 is SD, and there is no C/D.

/// <summary>Where the wrong field is (SPC-4).</summary>
/// <param name="InCdb">C/D: true for a byte of the CDB, false for a byte of the parameter list.</param>
/// <param name="OffsetBytes">FIELD POINTER: the first byte of the field, counted from 0.</param>
/// <param name="Bit">BIT POINTER: the leftmost bit of the field, 0 to 7. Null: BPV is zero, the field is whole bytes.</param>
public readonly record struct FieldPointer(bool InCdb, ushort OffsetBytes, byte? Bit = null)
{
    /// <summary>
    /// SD of a segment pointer (COPY ABORTED): the offset counts from the first byte of the segment descriptor; false: from the first
    /// byte of the parameter list. Default false.
    /// </summary>
    public bool InSegment { get; init; }

    internal void Write(Span<byte> destination)
    {
        destination[0] = (byte)(0x80 | (InCdb ? 0x40 : 0) | (InSegment ? 0x20 : 0) | (Bit is { } bit ? 0x08 | (bit & 0x07) : 0));
        BinaryPrimitives.WriteUInt16BigEndian(destination[1..], OffsetBytes);
    }

    internal static bool TryParse(ReadOnlySpan<byte> source, out FieldPointer field)
    {
        field = default;
        if ((source[0] & 0x80) == 0) return false;
        byte? bit = (source[0] & 0x08) != 0 ? (byte)(source[0] & 0x07) : null;
        field = new FieldPointer((source[0] & 0x40) != 0, BinaryPrimitives.ReadUInt16BigEndian(source[1..]), bit)
        {
            InSegment = (source[0] & 0x20) != 0,
        };
        return true;
    }
}

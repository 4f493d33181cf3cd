using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Iscsi.Protocol;

// RFC 7143, 11.2.1: Basic Header Segment
//
//   Byte/     0       |       1       |       2       |       3       |
//      0|.|I| Opcode    |F|  Opcode-specific fields                     |
//      4|TotalAHSLength | DataSegmentLength                             |
//      8| LUN or Opcode-specific fields                                 |
//     16| Initiator Task Tag                                            |
//     20| Opcode-specific fields                                        |
//     48

/// <summary>The 48 bytes that every PDU starts with, as a value (RFC 7143, 11.2.1). Payload never lives in it.</summary>
[InlineArray(Size)]
public struct BasicHeaderSegment
{
    /// <summary>Bytes of a Basic Header Segment.</summary>
    public const int Size = 48;

    private byte _first;

    /// <summary>The bytes.</summary>
    [UnscopedRef]
    public Span<byte> Bytes => this;

    /// <summary>The bytes, read-only.</summary>
    [UnscopedRef]
    public readonly ReadOnlySpan<byte> ReadOnlyBytes => this;

    /// <summary>The opcode, bits 0 to 5 of byte 0.</summary>
    public readonly Opcode Opcode => (Opcode)(this[0] & 0x3F);

    /// <summary>The I bit: immediate delivery (11.2.1.1).</summary>
    public readonly bool IsImmediate => (this[0] & 0x40) != 0;

    /// <summary>The F bit, bit 7 of byte 1.</summary>
    public readonly bool IsFinal => (this[1] & 0x80) != 0;

    /// <summary>Bytes of all Additional Header Segments: TotalAHSLength counts 4-byte words (11.2.1.5).</summary>
    public readonly int TotalAhsLengthBytes => this[4] * 4;

    /// <summary>Bytes of the data segment without padding, 24 bits (11.2.1.6).</summary>
    public readonly int DataSegmentLength => (this[5] << 16) | (this[6] << 8) | this[7];

    /// <summary>The LUN field, bytes 8 to 15 (11.2.1.7).</summary>
    public readonly ulong Lun => BinaryPrimitives.ReadUInt64BigEndian(((ReadOnlySpan<byte>)this)[8..]);

    /// <summary>The Initiator Task Tag, bytes 16 to 19 (11.2.1.8).</summary>
    public readonly uint InitiatorTaskTag => BinaryPrimitives.ReadUInt32BigEndian(((ReadOnlySpan<byte>)this)[16..]);

    /// <summary>Looks at bytes as a header, without a copy.</summary>
    /// <param name="bytes">At least 48 bytes.</param>
    /// <exception cref="ArgumentOutOfRangeException">Fewer than 48 bytes.</exception>
    public static ref readonly BasicHeaderSegment Over(ReadOnlySpan<byte> bytes) =>
        ref MemoryMarshal.AsRef<BasicHeaderSegment>(bytes);

    /// <summary>Two bytes, in network order.</summary>
    internal readonly ushort UInt16At(int offset) => BinaryPrimitives.ReadUInt16BigEndian(((ReadOnlySpan<byte>)this)[offset..]);

    /// <summary>Four bytes, in network order.</summary>
    internal readonly uint UInt32At(int offset) => BinaryPrimitives.ReadUInt32BigEndian(((ReadOnlySpan<byte>)this)[offset..]);

    /// <summary>Eight bytes, in network order.</summary>
    internal readonly ulong UInt64At(int offset) => BinaryPrimitives.ReadUInt64BigEndian(((ReadOnlySpan<byte>)this)[offset..]);
}

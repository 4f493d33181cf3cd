using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Iscsi.Protocol.Scsi;

/// <summary>
/// A command descriptor block as a value: the 16 bytes of a SCSI Command PDU (RFC 7143, 11.3.5), shorter CDBs padded with zeroes.
/// Multi-byte fields are big-endian (SPC-4).
/// </summary>
[InlineArray(Size)]
public struct Cdb
{
    /// <summary>Bytes of the value.</summary>
    public const int Size = 16;

    private byte _first;

    /// <summary>Copies a CDB.</summary>
    /// <param name="source">At most <see cref="Size"/> bytes; the rest is zero.</param>
    public static Cdb From(ReadOnlySpan<byte> source)
    {
        Cdb cdb = default;
        source.CopyTo(cdb.Bytes);
        return cdb;
    }

    /// <summary>The bytes.</summary>
    [UnscopedRef]
    public Span<byte> Bytes => this;

    /// <summary>The bytes, to read.</summary>
    [UnscopedRef]
    public readonly ReadOnlySpan<byte> ReadOnlyBytes => this;

    /// <summary>OPERATION CODE, byte 0.</summary>
    public readonly byte OperationCode => this[0];

    /// <summary>SERVICE ACTION, bits 0 to 4 of byte 1, of the commands that have one.</summary>
    public readonly byte ServiceAction => (byte)(this[1] & 0x1F);

    /// <summary>
    /// The length that the group code of an operation code implies (SPC-4); 16 for the variable and the reserved groups.
    /// </summary>
    public static int ImpliedLength(byte operationCode) => (operationCode >> 5) switch
    {
        0 => 6,
        1 or 2 => 10,
        5 => 12,
        _ => 16,
    };

    /// <summary>Whether bits are set in a byte.</summary>
    public readonly bool Has(int offsetBytes, byte mask) => (this[offsetBytes] & mask) != 0;

    /// <summary>Reads 16 bits.</summary>
    public readonly ushort UInt16(int offsetBytes) => BinaryPrimitives.ReadUInt16BigEndian(ReadOnlyBytes[offsetBytes..]);

    /// <summary>Reads 24 bits.</summary>
    public readonly uint UInt24(int offsetBytes) => (uint)((this[offsetBytes] << 16) | UInt16(offsetBytes + 1));

    /// <summary>Reads 32 bits.</summary>
    public readonly uint UInt32(int offsetBytes) => BinaryPrimitives.ReadUInt32BigEndian(ReadOnlyBytes[offsetBytes..]);

    /// <summary>Reads 64 bits.</summary>
    public readonly ulong UInt64(int offsetBytes) => BinaryPrimitives.ReadUInt64BigEndian(ReadOnlyBytes[offsetBytes..]);
}

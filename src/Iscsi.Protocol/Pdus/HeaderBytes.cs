using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace Iscsi.Protocol;

/// <summary>What every header writer needs.</summary>
internal static class HeaderBytes
{
    /// <summary>Clears and returns the first 48 bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Span<byte> Clear(Span<byte> header)
    {
        header = header[..BasicHeaderSegment.Size];
        header.Clear();
        return header;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Bit(bool isSet, int mask) => isSet ? mask : 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Put(Span<byte> header, int offset, ushort value) =>
        BinaryPrimitives.WriteUInt16BigEndian(header[offset..], value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Put(Span<byte> header, int offset, uint value) =>
        BinaryPrimitives.WriteUInt32BigEndian(header[offset..], value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Put(Span<byte> header, int offset, ulong value) =>
        BinaryPrimitives.WriteUInt64BigEndian(header[offset..], value);

    /// <summary>Bytes 5 to 7: 24 bits (11.2.1.6).</summary>
    public static void PutDataSegmentLength(Span<byte> header, int lengthBytes)
    {
        if ((uint)lengthBytes > 0xFFFFFF) ThrowLength(lengthBytes);
        header[5] = (byte)(lengthBytes >> 16);
        header[6] = (byte)(lengthBytes >> 8);
        header[7] = (byte)lengthBytes;
    }

    /// <summary>Byte 4: 4-byte words (11.2.1.5).</summary>
    public static void PutTotalAhsLength(Span<byte> header, int lengthBytes)
    {
        if ((uint)lengthBytes > 255 * 4 || (lengthBytes & 3) != 0) ThrowLength(lengthBytes);
        header[4] = (byte)(lengthBytes >> 2);
    }

    private static void ThrowLength(int lengthBytes) =>
        throw new ArgumentOutOfRangeException(nameof(lengthBytes), lengthBytes, "The length does not fit its field.");
}

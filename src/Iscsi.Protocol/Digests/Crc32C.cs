using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;

namespace Iscsi.Protocol;

/// <summary>
/// CRC32C, the digest of iSCSI (RFC 7143, 13.1; RFC 3385): polynomial 0x11EDC6F41, reflected, register preset to ones and
/// complemented at the end. Incremental: start with <see cref="Initial"/>, append in any portions, end with <see cref="Finish"/>.
/// </summary>
public static class Crc32C
{
    /// <summary>The register before the first byte.</summary>
    public const uint Initial = 0xFFFFFFFF;

    /// <summary>Bytes of a digest on the wire.</summary>
    public const int DigestLength = 4;

    // One CRC instruction has a latency of three cycles and a throughput of one, so three independent lanes run at three times
    // the speed of one. The lanes are joined by moving a register over a lane's worth of zeros, which is linear: four table
    // look-ups. Three long lanes are 4 KiB but for 16 bytes, the size that matters most. Without the instruction: about 0.5 GB/s.
    // Where the processor multiplies 64 bytes at a time (FoldedCrc32C), it takes a fifth of the time (4 KiB: 36 ns in place of 185): all but short spans go there.
    private const int LongLane = 1360;
    private const int ShortLane = 336;
    private static readonly uint[] LongShift = BuildShift(LongLane);
    private static readonly uint[] ShortShift = BuildShift(ShortLane);

    /// <summary>Takes in bytes.</summary>
    /// <param name="state">The register: <see cref="Initial"/>, or what an earlier call returned.</param>
    /// <param name="data">The next bytes.</param>
    /// <returns>The new register.</returns>
    public static uint Append(uint state, ReadOnlySpan<byte> data)
    {
        if (FoldedCrc32C.IsSupported && data.Length >= FoldedCrc32C.StepBytes)
        {
            var folded = data.Length & -FoldedCrc32C.StepBytes;
            return AppendSerial(FoldedCrc32C.Append(state, data[..folded]), data[folded..]);
        }
        return AppendByInstruction(state, data);
    }

    /// <summary><see cref="Append"/> without carry-less multiplication.</summary>
    internal static uint AppendByInstruction(uint state, ReadOnlySpan<byte> data)
    {
        while (data.Length >= 3 * LongLane)
        {
            state = AppendLanes(state, MemoryMarshal.Cast<byte, ulong>(data[..(3 * LongLane)]), LongShift);
            data = data[(3 * LongLane)..];
        }
        while (data.Length >= 3 * ShortLane)
        {
            state = AppendLanes(state, MemoryMarshal.Cast<byte, ulong>(data[..(3 * ShortLane)]), ShortShift);
            data = data[(3 * ShortLane)..];
        }
        return AppendSerial(state, data);
    }

    /// <summary>The CRC from the register.</summary>
    public static uint Finish(uint state) => ~state;

    /// <summary>The CRC of bytes that are all there.</summary>
    public static uint Compute(ReadOnlySpan<byte> data) => ~Append(Initial, data);

    /// <summary>
    /// Writes the digest as it goes on the wire: the CRC's low byte first, as the examples of RFC 3720, B.4 show.
    /// </summary>
    /// <param name="state">The register.</param>
    /// <param name="destination">At least 4 bytes.</param>
    public static void WriteDigest(uint state, Span<byte> destination) =>
        BinaryPrimitives.WriteUInt32LittleEndian(destination, ~state);

    /// <summary>Compares with a digest from the wire.</summary>
    /// <param name="state">The register.</param>
    /// <param name="digest">At least 4 bytes.</param>
    public static bool Matches(uint state, ReadOnlySpan<byte> digest) =>
        BinaryPrimitives.ReadUInt32LittleEndian(digest) == ~state;

    // BitOperations.Crc32C is the processor's instruction (SSE 4.2, Arm CRC32) and a table where there is none.
    private static uint AppendSerial(uint state, ReadOnlySpan<byte> data)
    {
        while (data.Length >= 8)
        {
            state = BitOperations.Crc32C(state, BinaryPrimitives.ReadUInt64LittleEndian(data));
            data = data[8..];
        }
        foreach (var b in data) state = BitOperations.Crc32C(state, b);
        return state;
    }

    private static uint AppendLanes(uint state, ReadOnlySpan<ulong> words, uint[] shift)
    {
        var a = words[..(words.Length / 3)];
        var b = words.Slice(a.Length, a.Length);
        var c = words.Slice(2 * a.Length, a.Length);
        uint second = 0, third = 0;
        for (var i = 0; i < a.Length; i++)
        {
            state = BitOperations.Crc32C(state, LittleEndian(a[i]));
            second = BitOperations.Crc32C(second, LittleEndian(b[i]));
            third = BitOperations.Crc32C(third, LittleEndian(c[i]));
        }
        return Shift(Shift(state, shift) ^ second, shift) ^ third;
    }

    private static ulong LittleEndian(ulong word) =>
        BitConverter.IsLittleEndian ? word : BinaryPrimitives.ReverseEndianness(word);

    private static uint Shift(uint state, uint[] table) =>
        table[(byte)state] ^ table[0x100 + (byte)(state >> 8)] ^ table[0x200 + (byte)(state >> 16)] ^ table[0x300 + (state >> 24)];

    /// <summary>What a register with one byte set becomes after a number of zero bytes, for each of its four bytes.</summary>
    private static uint[] BuildShift(int zeroBytes)
    {
        Span<uint> bits = stackalloc uint[32];
        for (var bit = 0; bit < 32; bit++)
        {
            var state = 1u << bit;
            for (var i = 0; i < zeroBytes; i += 8) state = BitOperations.Crc32C(state, 0UL);
            bits[bit] = state;
        }
        var table = new uint[4 * 0x100];
        for (var i = 0; i < table.Length; i++)
        {
            for (var bit = 0; bit < 8; bit++)
            {
                if ((i & (1 << bit)) != 0) table[i] ^= bits[((i >> 8) * 8) + bit];
            }
        }
        return table;
    }
}

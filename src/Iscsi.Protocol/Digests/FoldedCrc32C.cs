using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Iscsi.Protocol;

/// <summary>
/// CRC32C by carry-less multiplication, 256 bytes a step (Gopal et al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ
/// Instruction"): 16 bytes are moved over a distance by two multiplications, and what is left of them in the end is divided by the CRC instruction.
/// </summary>
/// <remarks>A constant is x^n modulo the polynomial, reflected and moved by one bit: for a distance of D bits n is D + 32 for the low
/// half, and D - 32 for the high half.</remarks>
internal static class FoldedCrc32C
{
    /// <summary>Bytes of a step, and the least that <see cref="Append"/> takes.</summary>
    public const int StepBytes = 4 * LaneBytes;

    private const int LaneBytes = 64;

    /// <summary>Whether the processor multiplies 64 bytes at a time.</summary>
    public static bool IsSupported => Pclmulqdq.V512.IsSupported && Vector512.IsHardwareAccelerated && BitConverter.IsLittleEndian;

    /// <summary>Takes in bytes.</summary>
    /// <param name="state">The register.</param>
    /// <param name="data">Whole steps, one or more.</param>
    /// <returns>The new register.</returns>
    public static uint Append(uint state, ReadOnlySpan<byte> data)
    {
        var step = Constants(0xB9E02B86, 0xDCB17AA4); // 2048 bits
        var lane = Constants(0x9E4ADDF8, 0x740EEF02); // 512
        ref var first = ref MemoryMarshal.GetReference(data);
        var a = Load(ref first, 0) ^ Vector512.CreateScalar((ulong)state);
        var b = Load(ref first, LaneBytes);
        var c = Load(ref first, 2 * LaneBytes);
        var d = Load(ref first, 3 * LaneBytes);
        for (var offset = StepBytes; offset < data.Length; offset += StepBytes)
        {
            a = Fold(a, step) ^ Load(ref first, offset);
            b = Fold(b, step) ^ Load(ref first, offset + LaneBytes);
            c = Fold(c, step) ^ Load(ref first, offset + (2 * LaneBytes));
            d = Fold(d, step) ^ Load(ref first, offset + (3 * LaneBytes));
        }
        return Divide(Fold(Fold(Fold(a, lane) ^ b, lane) ^ c, lane) ^ d);
    }

    private static uint Divide(Vector512<ulong> lanes)
    {
        var constants = Vector128.Create(0xF20C0DFEUL, 0x14CD00BD6UL); // 128 bits
        var rest = lanes.GetLower().GetLower();
        rest = Fold(rest, constants) ^ lanes.GetLower().GetUpper();
        rest = Fold(rest, constants) ^ lanes.GetUpper().GetLower();
        rest = Fold(rest, constants) ^ lanes.GetUpper().GetUpper();
        return BitOperations.Crc32C(BitOperations.Crc32C(0, rest.GetElement(0)), rest.GetElement(1));
    }

    private static Vector512<ulong> Constants(ulong high, ulong low) => Vector512.Create(low, high, low, high, low, high, low, high);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<ulong> Fold(Vector512<ulong> value, Vector512<ulong> constants) =>
        Pclmulqdq.V512.CarrylessMultiply(value, constants, 0x00) ^ Pclmulqdq.V512.CarrylessMultiply(value, constants, 0x11);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<ulong> Fold(Vector128<ulong> value, Vector128<ulong> constants) =>
        Pclmulqdq.CarrylessMultiply(value, constants, 0x00) ^ Pclmulqdq.CarrylessMultiply(value, constants, 0x11);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<ulong> Load(ref byte first, int offsetBytes) => Vector512.LoadUnsafe(ref first, (nuint)offsetBytes).AsUInt64();
}

using System.Runtime.InteropServices;

namespace Iscsi.Storage;

/// <summary>
/// A copy with stores that go past the caches (x86-64). An ordinary store fetches the line that it overwrites, so a copy to where nobody has looked lately
/// moves half as much again through the memory and throws out of the cache what is used: these take half the time there. What is copied
/// has to be fetched by who reads it next, which suits large writes and not small ones.
/// </summary>
/// <remarks>
/// Machine code, because .NET has such stores only in managed code, where the signal of a page that isn't there (<see cref="BusErrors"/>) would end the process,
/// and memcpy uses them only for copies larger than the cache of all processors. Where the system refuses to run memory that was written to, it stays at memcpy.
/// </remarks>
internal static unsafe class StreamingCopy
{
    /// <summary>Of destinations, in bytes.</summary>
    public const int Alignment = 16;

    /// <summary>Lengths are multiples of it, and not 0.</summary>
    public const int StepBytes = 64;

    private static readonly delegate* unmanaged[Cdecl]<byte*, byte*, nuint, void> s_copy = Load();

    /// <summary>Whether it can be called.</summary>
    public static bool IsSupported => s_copy is not null;

    // destination in rdi, source in rsi, length in rdx
    private static ReadOnlySpan<byte> Code =>
    [
        0xF3, 0x0F, 0x1E, 0xFA,       //       endbr64
        0xF3, 0x0F, 0x6F, 0x06,       // next: movdqu  xmm0, [rsi]
        0xF3, 0x0F, 0x6F, 0x4E, 0x10, //       movdqu  xmm1, [rsi + 16]
        0xF3, 0x0F, 0x6F, 0x56, 0x20, //       movdqu  xmm2, [rsi + 32]
        0xF3, 0x0F, 0x6F, 0x5E, 0x30, //       movdqu  xmm3, [rsi + 48]
        0x66, 0x0F, 0xE7, 0x07,       //       movntdq [rdi], xmm0
        0x66, 0x0F, 0xE7, 0x4F, 0x10, //       movntdq [rdi + 16], xmm1
        0x66, 0x0F, 0xE7, 0x57, 0x20, //       movntdq [rdi + 32], xmm2
        0x66, 0x0F, 0xE7, 0x5F, 0x30, //       movntdq [rdi + 48], xmm3
        0x48, 0x83, 0xC6, 0x40,       //       add     rsi, 64
        0x48, 0x83, 0xC7, 0x40,       //       add     rdi, 64
        0x48, 0x83, 0xEA, 0x40,       //       sub     rdx, 64
        0x75, 0xCC,                   //       jne     next
        0x0F, 0xAE, 0xF8,             //       sfence           such stores are in no order with those that follow
        0xC3,                         //       ret
    ];

    /// <summary>Copies.</summary>
    /// <param name="destination">Aligned.</param>
    /// <param name="source">Anywhere.</param>
    /// <param name="lengthBytes">Whole steps, one or more.</param>
    public static void Copy(byte* destination, byte* source, nuint lengthBytes) => s_copy(destination, source, lengthBytes);

    private static delegate* unmanaged[Cdecl]<byte*, byte*, nuint, void> Load() =>
        OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == Architecture.X64
            ? (delegate* unmanaged[Cdecl]<byte*, byte*, nuint, void>)LinuxCalls.LoadCode(Code)
            : null;
}

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Iscsi.Storage;

/// <summary>
/// Copies from and to mapped files that survive a file becoming shorter under them. The kernel answers a copy to a page behind the end of its
/// file, or to one for which a full tmpfs has no room, with SIGBUS, which would end the process. The handler here puts an empty page in place,
/// marks the mapping as broken, and lets the copy go on; who copied then does it by a system call, which says what is wrong.
/// </summary>
/// <remarks>
/// The signal comes on the thread that copies, inside memcpy: no lock of ours or of the runtime is held there, and as a call out of managed code
/// the thread may enter it again. A SIGBUS elsewhere goes to the handler that was there before.
/// </remarks>
internal static unsafe partial class BusErrors
{
    private const int SigBus = 7;
    private const int SaSigInfo = 4;
    private const int SiAddress = 16; // of siginfo_t
    private const nint DefaultOrIgnore = 1; // SIG_DFL, SIG_IGN

    private const int MaxMappings = 64;

    private static readonly FileMapping?[] s_mappings = new FileMapping?[MaxMappings];
    private static readonly Lock s_lock = new();
    private static SignalAction s_previous;
    private static bool s_isInstalled;

    /// <summary>Guards a mapping from now on.</summary>
    /// <returns>False: there are as many as can be guarded, or the system refuses.</returns>
    public static bool TryGuard(FileMapping mapping)
    {
        lock (s_lock)
        {
            var free = Array.IndexOf(s_mappings, null);
            if (free < 0 || !TryInstall()) return false;
            Volatile.Write(ref s_mappings[free], mapping);
            return true;
        }
    }

    /// <summary>Guards it no more: nobody copies from or to it any longer.</summary>
    public static void Release(FileMapping mapping)
    {
        lock (s_lock)
        {
            var index = Array.IndexOf(s_mappings, mapping);
            if (index >= 0) Volatile.Write(ref s_mappings[index], null);
        }
    }

    /// <summary>Copies; one of the two is in a mapping that is guarded.</summary>
    public static void Copy(byte* source, byte* destination, nuint lengthBytes) => _ = MemCpy(destination, source, lengthBytes);

    /// <summary><see cref="Copy"/> to where nobody looks soon: see <see cref="StreamingCopy"/>.</summary>
    public static void CopyAway(byte* source, byte* destination, nuint lengthBytes)
    {
        var streamed = StreamingCopy.IsSupported && (nuint)destination % StreamingCopy.Alignment == 0 ? lengthBytes & ~(nuint)(StreamingCopy.StepBytes - 1) : 0;
        if (streamed > 0) StreamingCopy.Copy(destination, source, streamed);
        if (streamed < lengthBytes) Copy(source + streamed, destination + streamed, lengthBytes - streamed);
    }

    private static bool TryInstall()
    {
        if (s_isInstalled) return true;
        SignalAction previous;
        if (SigAction(SigBus, null, &previous) != 0) return false;
        s_previous = previous; // before the handler can be called
        var action = new SignalAction { Handler = (nint)(delegate* unmanaged[Cdecl]<int, byte*, void*, void>)&OnSignal, Flags = SaSigInfo };
        return s_isInstalled = SigAction(SigBus, &action, null) == 0;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void OnSignal(int signal, byte* info, void* context)
    {
        var address = *(nint*)(info + SiAddress);
        for (var i = 0; i < MaxMappings; i++)
            if (Volatile.Read(ref s_mappings[i]) is { } mapping && mapping.TryMend(address)) return;
        var previous = s_previous;
        if (previous.Handler > DefaultOrIgnore) ((delegate* unmanaged[Cdecl]<int, byte*, void*, void>)previous.Handler)(signal, info, context);
        else _ = SigAction(SigBus, &previous, null); // the instruction runs again, and ends the process
    }

    [LibraryImport("libc", EntryPoint = "memcpy")]
    private static partial byte* MemCpy(byte* destination, byte* source, nuint lengthBytes);

    [LibraryImport("libc", EntryPoint = "sigaction")]
    private static partial int SigAction(int signal, SignalAction* action, SignalAction* previous);

    // struct sigaction of glibc and musl on 64-bit Linux; the mask between is empty.
    [StructLayout(LayoutKind.Explicit, Size = 152)]
    private struct SignalAction
    {
        [FieldOffset(0)]
        public nint Handler;

        [FieldOffset(136)]
        public int Flags;
    }
}

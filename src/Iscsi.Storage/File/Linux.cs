using System.Runtime.InteropServices;

namespace Iscsi.Storage;

/// <summary>
/// Numbers of the Linux kernel interface (include/uapi); the same on every architecture where nothing else is said.
/// </summary>
internal static class Linux
{
    public const int EIntr = 4;
    public const int EIO = 5;
    public const int ENxIo = 6;
    public const int EAgain = 11;
    public const int EAcces = 13;
    public const int ENoDev = 19;
    public const int EInval = 22;
    public const int ETxtBsy = 26;
    public const int EFBig = 27;
    public const int ENoSpc = 28;
    public const int ERofs = 30;
    public const int ENoSys = 38;
    public const int EOpNotSupp = 95;
    public const int ETimedOut = 110;
    public const int EStale = 116;
    public const int EDQuot = 122;

    public const int RwfDSync = 0x2;
    public const int RwfNoWait = 0x8;

    public const int FallocKeepSize = 0x1;
    public const int FallocPunchHole = 0x2;
    public const int FallocZeroRange = 0x10;

    public const int FutexWaitPrivate = 0 | 128;
    public const int FutexWakePrivate = 1 | 128;

    public const int ProtNone = 0;
    public const int ProtRead = 1;
    public const int ProtWrite = 2;
    public const int ProtExecute = 4;
    public const int MapShared = 0x1;
    public const int MapPrivate = 0x2;
    public const int MapFixed = 0x10;
    public const int MapAnonymous = 0x20;
    public const int MAdvPopulateRead = 22;

    public const int SeekEnd = 2;
    public const int SeekData = 3;
    public const int SeekHole = 4;

    public const int FGetFl = 3;
    public const int FSetFl = 4;
    public const int FOfdGetLk = 36;
    public const int FOfdSetLk = 37;
    public const short FRdLck = 0;
    public const short FWrLck = 1;
    public const short FUnLck = 2;

    public const int OCloExec = 0x80000;
    public const int AtFdCwd = -100;
    public const int AtEmptyPath = 0x1000;
    public const uint StatXBasic = 0x7FF;
    public const uint StatXDirectAlignment = 0x2000;

    public const int TypeMask = 0xF000;
    public const int TypeDirectory = 0x4000;
    public const int TypeBlockDevice = 0x6000;
    public const int TypeRegular = 0x8000;

    public const long TmpFsMagic = 0x01021994;
    public const long ExtMagic = 0xEF53;
    public const long XfsMagic = 0x58465342;
    public const long BtrfsMagic = 0x9123683E;

    /// <summary>O_DIRECT, which differs between architectures.</summary>
    public static int ODirect => RuntimeInformation.ProcessArchitecture switch
    {
        Architecture.Arm or Architecture.Arm64 => 0x10000,
        Architecture.Ppc64le => 0x20000,
        _ => 0x4000,
    };
}

/// <summary>struct iovec.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct IoVector
{
    public byte* Base;
    public nint Length;
}

/// <summary>struct flock of 64-bit Linux.</summary>
[StructLayout(LayoutKind.Explicit, Size = 32)]
internal struct FileLock
{
    [FieldOffset(0)]
    public short Type;

    [FieldOffset(2)]
    public short Whence;

    [FieldOffset(8)]
    public long Start;

    [FieldOffset(16)]
    public long Length; // 0: to the end, wherever it will be

    [FieldOffset(24)]
    public int ProcessId; // 0 for locks of an open file description
}

/// <summary>struct statx, which is the same on every architecture; the fields that are used.</summary>
[StructLayout(LayoutKind.Explicit, Size = 256)]
internal struct FileStatus
{
    [FieldOffset(0)]
    public uint Mask;

    [FieldOffset(4)]
    public uint BlockSize;

    [FieldOffset(28)]
    public ushort Mode;

    [FieldOffset(32)]
    public ulong Inode;

    [FieldOffset(40)]
    public long Size;

    [FieldOffset(48)]
    public long Sectors; // 512 bytes each

    [FieldOffset(128)]
    public uint RawDeviceMajor;

    [FieldOffset(132)]
    public uint RawDeviceMinor;

    [FieldOffset(136)]
    public uint DeviceMajor;

    [FieldOffset(140)]
    public uint DeviceMinor;

    [FieldOffset(152)]
    public uint DirectMemoryAlignment;

    [FieldOffset(156)]
    public uint DirectOffsetAlignment;

    public readonly int Type => Mode & Linux.TypeMask;
}

/// <summary>struct statfs of 64-bit Linux; the fields that are used.</summary>
[StructLayout(LayoutKind.Explicit, Size = 128)]
internal struct FileSystemStatus
{
    [FieldOffset(0)]
    public long Magic;

    [FieldOffset(8)]
    public long BlockSize;

    [FieldOffset(16)]
    public long Blocks;

    [FieldOffset(32)]
    public long AvailableBlocks; // to who is not root

    [FieldOffset(72)]
    public long FragmentSize; // the unit of the two above
}

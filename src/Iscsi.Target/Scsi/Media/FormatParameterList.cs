using System.Buffers.Binary;
using System.Numerics;
using Iscsi.Protocol.Scsi;

namespace Iscsi.Target.Scsi.Media;

// SBC-3, FORMAT UNIT parameter list: a header, the initialization pattern descriptor when IP is set, the defect list, which is empty here
//
//   Byte/     7       6       5       4       3       2       1       0
//      0|Reserved (5)                          |PROTECTION FIELD USAGE (3)
//      1|FOV    |DPRY   |DCRT   |STPF   |IP     |Obsolete|IMMED |VS
//      2|DEFECT LIST LENGTH (2)                                              short header, 4 bytes
//
//      2|Reserved
//      3|P_I_INFORMATION (4)           |PROTECTION INTERVAL EXPONENT (4)
//      4|DEFECT LIST LENGTH (4)                                              long header, 8 bytes
//
//   Initialization pattern descriptor
//      0|Obsolete (2)   |SI     |Reserved (5)
//      1|INITIALIZATION PATTERN TYPE: 00h the default, 01h repeat
//      2|INITIALIZATION PATTERN LENGTH (2)
//      4|INITIALIZATION PATTERN

/// <summary>The parameter list of FORMAT UNIT.</summary>
internal static class FormatParameterList
{
    /// <summary>Bytes of the short header.</summary>
    public const int ShortHeaderSize = 4;

    /// <summary>Bytes of the long header.</summary>
    public const int LongHeaderSize = 8;

    /// <summary>Bytes of the descriptor before the pattern.</summary>
    public const int DescriptorSize = 4;

    private const byte OptionsValid = 0x80;
    private const byte Options = 0x78; // DPRY, DCRT, STPF, IP
    private const byte InitializationPattern = 0x08;
    private const byte ReservedFlags = 0x05;
    private const byte Immediate = 0x02;
    private const byte SecurityInitialize = 0x20;
    private const byte RepeatPattern = 0x01;

    /// <summary>What FORMAT UNIT does without a list, or with one that says nothing else: every block reads as zeroes.</summary>
    /// <param name="unit">The logical unit: its device may be unable to deallocate.</param>
    /// <param name="overwrites">Whether every block must be written, and not only deallocated.</param>
    public static MediumOperation Default(LogicalUnit unit, bool overwrites = false) => new(MediumWork.Format)
    {
        Pattern = overwrites || !ScsiCapabilities.CanWriteZeroes(unit) ? [0] : [],
    };

    /// <summary>Reads a list; fails the request where it is wrong. DPRY, DCRT and STPF ask for nothing that a virtual disk does.</summary>
    /// <param name="r">The request.</param>
    /// <param name="list">What was sent, as far as it can be meant.</param>
    /// <param name="isLong">LONGLIST.</param>
    /// <param name="isImmediate">IMMED.</param>
    /// <returns>Null: the request has failed.</returns>
    public static MediumOperation? Parse(ScsiRequest r, ReadOnlySpan<byte> list, bool isLong, out bool isImmediate)
    {
        isImmediate = false;
        var headerSize = isLong ? LongHeaderSize : ShortHeaderSize;
        if (list.Length < headerSize) return TooShort(r);
        if (list[0] != 0) return Wrong(r, 0, BitOperations.Log2(list[0]));
        var flags = list[1];
        if ((flags & ReservedFlags) != 0) return Wrong(r, 1, BitOperations.Log2((uint)(flags & ReservedFlags)));
        if ((flags & OptionsValid) == 0 && (flags & Options) != 0) return Wrong(r, 1, BitOperations.Log2((uint)(flags & Options)));
        isImmediate = (flags & Immediate) != 0;
        if (isLong && list[2] != 0) return Wrong(r, 2);
        if (isLong && list[3] != 0) return Wrong(r, 3);
        // Blocks of a file are not defective, and none can be declared so.
        var hasDefects = isLong ? BinaryPrimitives.ReadUInt32BigEndian(list[4..]) != 0 : BinaryPrimitives.ReadUInt16BigEndian(list[2..]) != 0;
        if (hasDefects) return Wrong(r, isLong ? 4 : 2);
        return (flags & InitializationPattern) == 0 ? Default(r.Unit!) : ParseDescriptor(r, list[headerSize..], headerSize);
    }

    private static MediumOperation? ParseDescriptor(ScsiRequest r, ReadOnlySpan<byte> descriptor, int at)
    {
        if (descriptor.Length < DescriptorSize) return TooShort(r);
        var unit = r.Unit!;
        if ((descriptor[0] & ~SecurityInitialize) != 0) return Wrong(r, at, BitOperations.Log2((uint)(descriptor[0] & ~SecurityInitialize)));
        var patternLength = BinaryPrimitives.ReadUInt16BigEndian(descriptor[2..]);
        switch (descriptor[1])
        {
            case 0:
                return patternLength == 0 ? Default(unit, overwrites: (descriptor[0] & SecurityInitialize) != 0) : Wrong(r, at + 2);
            case RepeatPattern:
                if (patternLength == 0 || patternLength > unit.Info.BlockSize) return Wrong(r, at + 2);
                if (descriptor.Length < DescriptorSize + patternLength) return TooShort(r);
                return new MediumOperation(MediumWork.Format) { Pattern = descriptor.Slice(DescriptorSize, patternLength).ToArray() };
            default:
                return Wrong(r, at + 1);
        }
    }

    private static MediumOperation? TooShort(ScsiRequest r)
    {
        r.Fail(SenseKey.IllegalRequest, AdditionalSense.ParameterListLengthError);
        return null;
    }

    private static MediumOperation? Wrong(ScsiRequest r, int offsetBytes, int? bit = null)
    {
        r.InvalidParameter(offsetBytes, bit);
        return null;
    }
}

using System.Buffers.Binary;
using System.Numerics;
using Iscsi.Protocol.Scsi;

namespace Iscsi.Target.Scsi;

// SPC-4: mode parameter list
//
//      header (4 or 8): the length and the device-specific parameter are ignored
//      block descriptor (0, 8, or 16 with LONGLBA): must describe the unit as it is
//      mode pages: 0| PS | SPF | PAGE CODE      1| PAGE LENGTH                          SPF zero
//                  0| PS | SPF | PAGE CODE      1| SUBPAGE CODE     2| PAGE LENGTH (2)  SPF one

/// <summary>The parameter list of MODE SELECT: what it would make of a unit's mode pages.</summary>
internal static class ModeParameterList
{
    /// <summary>Bytes of the header of MODE SELECT (6).</summary>
    public const int Header6 = 4;

    /// <summary>Bytes of the header of MODE SELECT (10).</summary>
    public const int Header10 = 8;

    /// <summary>Bytes of a short block descriptor.</summary>
    public const int ShortBlockDescriptor = 8;

    /// <summary>Bytes of a long block descriptor.</summary>
    public const int LongBlockDescriptor = 16;

    /// <summary>The most bytes of a list: more than all pages of a unit, with header and block descriptor, several times over.</summary>
    public const int MaxSize = 4096;

    private const byte SubpageFormat = 0x40;

    /// <summary>Checks a whole list and works it into a copy of the current values.</summary>
    /// <param name="unit">The logical unit.</param>
    /// <param name="list">The list.</param>
    /// <param name="headerSize"><see cref="Header6"/> or <see cref="Header10"/>.</param>
    /// <param name="isPageFormat">PF. Zero: what follows the block descriptor is vendor specific, of which there is nothing.</param>
    /// <param name="values">The values; of no use when an error is returned.</param>
    /// <returns>The error; null: there is none.</returns>
    public static SenseData? Apply(LogicalUnit unit, ReadOnlySpan<byte> list, int headerSize, bool isPageFormat, byte[][] values)
    {
        if (list.Length < headerSize) return LengthError;
        var isShortHeader = headerSize == Header6;
        var mediumTypeAt = isShortHeader ? 1 : 2;
        if (list[mediumTypeAt] != 0) return Invalid(mediumTypeAt);
        var isLong = !isShortHeader && (list[4] & 0x01) != 0;
        int descriptorLength = isShortHeader ? list[3] : BinaryPrimitives.ReadUInt16BigEndian(list[6..]);
        if (descriptorLength != 0 && descriptorLength != (isLong ? LongBlockDescriptor : ShortBlockDescriptor))
            return Invalid(isShortHeader ? 3 : 6);
        if (list.Length < headerSize + descriptorLength) return LengthError;
        if (descriptorLength > 0 && CheckBlockDescriptor(unit, list.Slice(headerSize, descriptorLength), headerSize) is { } wrong) return wrong;

        var at = headerSize + descriptorLength;
        if (at < list.Length && !isPageFormat)
        {
            return new SenseData(SenseKey.IllegalRequest, AdditionalSense.InvalidFieldInCdb)
            {
                Field = new FieldPointer(InCdb: true, 1, 4),
            };
        }
        while (at < list.Length)
        {
            if (ApplyPage(unit, list, ref at, values) is { } error) return error;
        }
        return null;
    }

    // SBC-3: a NUMBER OF LOGICAL BLOCKS of zero or of all ones keeps the capacity, which can't be changed this way; nor can the length.
    private static SenseData? CheckBlockDescriptor(LogicalUnit unit, ReadOnlySpan<byte> descriptor, int at)
    {
        var info = unit.Info;
        if (descriptor.Length == LongBlockDescriptor)
        {
            var count = BinaryPrimitives.ReadUInt64BigEndian(descriptor);
            if (count is not (0 or ulong.MaxValue) && count != (ulong)info.BlockCount) return Invalid(at);
            return BinaryPrimitives.ReadUInt32BigEndian(descriptor[12..]) == info.BlockSize ? null : Invalid(at + 12);
        }
        var shortCount = BinaryPrimitives.ReadUInt32BigEndian(descriptor);
        if (shortCount is not (0 or uint.MaxValue) && shortCount != info.BlockCount) return Invalid(at);
        return (BinaryPrimitives.ReadUInt32BigEndian(descriptor[4..]) & 0xFFFFFF) == info.BlockSize ? null : Invalid(at + 5);
    }

    private static SenseData? ApplyPage(LogicalUnit unit, ReadOnlySpan<byte> list, ref int at, byte[][] values)
    {
        var rest = list[at..];
        var hasSubpage = (rest[0] & SubpageFormat) != 0;
        var headerSize = hasSubpage ? 4 : 2;
        if (rest.Length < headerSize) return LengthError;
        var index = ModePages.IndexOf((byte)(rest[0] & 0x3F), hasSubpage ? rest[1] : (byte)0);
        // A page with subpage 00h has the short header: 00h in the long one names nothing.
        if (index >= 0 && hasSubpage && rest[1] == 0) return Invalid(at + 1);
        if (index < 0 || !unit.Modes.Has(index)) return hasSubpage ? Invalid(at + 1) : Invalid(at, 5);
        var page = ModePages.All[index];
        int length = hasSubpage ? BinaryPrimitives.ReadUInt16BigEndian(rest[2..]) : rest[1];
        if (length != page.Size - headerSize) return Invalid(at + headerSize - (hasSubpage ? 2 : 1));
        if (rest.Length < page.Size) return LengthError;

        var sent = rest[..page.Size];
        var value = values[index].AsSpan();
        var changeable = unit.Modes.Changeable(index);
        for (var i = headerSize; i < sent.Length; i++)
        {
            var wrong = (sent[i] ^ value[i]) & ~changeable[i];
            if (wrong != 0) return Invalid(at + i, BitOperations.Log2((uint)wrong));
        }
        sent[headerSize..].CopyTo(value[headerSize..]);
        if (page.Check is { } check && check(unit, value) is >= 0 and var bad) return Invalid(at + bad);
        at += page.Size;
        return null;
    }

    private static SenseData LengthError => new(SenseKey.IllegalRequest, AdditionalSense.ParameterListLengthError);

    private static SenseData Invalid(int offsetBytes, int? bit = null) =>
        new(SenseKey.IllegalRequest, AdditionalSense.InvalidFieldInParameterList)
        {
            Field = new FieldPointer(InCdb: false, (ushort)offsetBytes, (byte?)bit),
        };
}

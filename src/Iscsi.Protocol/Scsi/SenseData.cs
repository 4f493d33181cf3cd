using System.Buffers.Binary;

namespace Iscsi.Protocol.Scsi;

/// <summary>
/// Sense data as a value: key, additional sense, and what stands beside them (SPC-4). Rendered in fixed or descriptor format,
/// parsed from both.
/// </summary>
public readonly record struct SenseData
{
    /// <summary>Bytes of sense data in fixed format as rendered here.</summary>
    public const int FixedSize = 18;

    /// <summary>
    /// The most bytes that <see cref="WriteDescriptor"/> writes: header, information, command-specific information and sense-key
    /// specific descriptors.
    /// </summary>
    public const int MaxDescriptorSize = 8 + 12 + 12 + 8;

    private const byte CurrentFixed = 0x70;
    private const byte CurrentDescriptor = 0x72;

    /// <summary>Creates sense data.</summary>
    public SenseData(SenseKey key, AdditionalSense additional)
    {
        Key = key;
        Additional = additional;
    }

    /// <summary>SENSE KEY.</summary>
    public SenseKey Key { get; init; }

    /// <summary>ADDITIONAL SENSE CODE and its qualifier.</summary>
    public AdditionalSense Additional { get; init; }

    /// <summary>
    /// INFORMATION: for block commands the logical block address; for a miscompare the byte offset. Null: not valid.
    /// </summary>
    public ulong? Information { get; init; }

    /// <summary>
    /// COMMAND-SPECIFIC INFORMATION: for a third-party copy the number of the segment descriptor, from 0. Null: zero is rendered.
    /// </summary>
    public uint? CommandSpecificInformation { get; init; }

    /// <summary>Which field is wrong, for ILLEGAL REQUEST and COPY ABORTED. Null: not said.</summary>
    public FieldPointer? Field { get; init; }

    /// <summary>
    /// PROGRESS INDICATION, for NOT READY and NO SENSE: 65 536ths of the operation that are done. Null: not said. It and
    /// <see cref="Field"/> share their place, which is the field's when both are given.
    /// </summary>
    public ushort? Progress { get; init; }

    /// <summary>Whether it says nothing at all.</summary>
    public bool IsNoSense => Key == SenseKey.NoSense && Additional == default;

    // SPC-4: fixed format
    //
    //   Byte/     7       6       5       4       3       2       1       0
    //      0|VALID | RESPONSE CODE (70h)
    //      2|FILEMK|EOM    |ILI    |       | SENSE KEY
    //      3| INFORMATION (4)
    //      7| ADDITIONAL SENSE LENGTH (n-7)
    //      8| COMMAND-SPECIFIC INFORMATION (4)
    //     12| ADDITIONAL SENSE CODE
    //     13| ADDITIONAL SENSE CODE QUALIFIER
    //     14| FIELD REPLACEABLE UNIT CODE
    //     15|SKSV  | SENSE KEY SPECIFIC (3): C/D, BPV, BIT POINTER, FIELD POINTER (2); or Reserved, PROGRESS INDICATION (2)

    /// <summary>
    /// Renders fixed format, <see cref="FixedSize"/> bytes. An information value of more than 32 bits is left out.
    /// </summary>
    /// <returns>Bytes written.</returns>
    public int WriteFixed(Span<byte> destination)
    {
        var sense = destination[..FixedSize];
        sense.Clear();
        sense[0] = CurrentFixed;
        sense[2] = (byte)Key;
        if (Information is <= uint.MaxValue)
        {
            sense[0] |= 0x80;
            BinaryPrimitives.WriteUInt32BigEndian(sense[3..], (uint)Information.Value);
        }
        sense[7] = FixedSize - 8;
        BinaryPrimitives.WriteUInt32BigEndian(sense[8..], CommandSpecificInformation ?? 0);
        sense[12] = Additional.Code;
        sense[13] = Additional.Qualifier;
        WriteKeySpecific(sense[15..]);
        return FixedSize;
    }

    // SPC-4: descriptor format
    //
    //      0|       | RESPONSE CODE (72h)
    //      1|       | SENSE KEY
    //      2| ADDITIONAL SENSE CODE
    //      3| ADDITIONAL SENSE CODE QUALIFIER
    //      7| ADDITIONAL SENSE LENGTH (n-7)
    //      8| descriptors: information (type 00h, length 0Ah, VALID, INFORMATION (8)),
    //                      command-specific information (type 01h, length 0Ah, COMMAND-SPECIFIC INFORMATION (8) at byte 4),
    //                      sense key specific (type 02h, length 06h, SENSE KEY SPECIFIC (3) at byte 4)

    /// <summary>Renders descriptor format, at most <see cref="MaxDescriptorSize"/> bytes.</summary>
    /// <returns>Bytes written.</returns>
    public int WriteDescriptor(Span<byte> destination)
    {
        var length = 8 + (Information is null ? 0 : 12) + (CommandSpecificInformation is null ? 0 : 12) + (HasKeySpecific ? 8 : 0);
        var sense = destination[..length];
        sense.Clear();
        sense[0] = CurrentDescriptor;
        sense[1] = (byte)Key;
        sense[2] = Additional.Code;
        sense[3] = Additional.Qualifier;
        sense[7] = (byte)(length - 8);
        var next = sense[8..];
        if (Information is { } information)
        {
            next[1] = 0x0A;
            next[2] = 0x80;
            BinaryPrimitives.WriteUInt64BigEndian(next[4..], information);
            next = next[12..];
        }
        if (CommandSpecificInformation is { } specific)
        {
            next[0] = 0x01;
            next[1] = 0x0A;
            BinaryPrimitives.WriteUInt64BigEndian(next[4..], specific);
            next = next[12..];
        }
        if (HasKeySpecific)
        {
            next[0] = 0x02;
            next[1] = 0x06;
            WriteKeySpecific(next[4..]);
        }
        return length;
    }

    /// <summary>Parses sense data of either format, current or deferred, however short.</summary>
    /// <returns>False: no sense data of a known format.</returns>
    public static bool TryParse(ReadOnlySpan<byte> source, out SenseData sense)
    {
        sense = default;
        if (source.Length < 2) return false;
        switch (source[0] & 0x7F)
        {
            case 0x70 or 0x71:
                return TryParseFixed(source, out sense);
            case 0x72 or 0x73:
                return TryParseDescriptor(source, out sense);
            default:
                return false;
        }
    }

    /// <inheritdoc/>
    public override string ToString() => $"{(byte)Key:X1}/{Additional}";

    private bool HasKeySpecific => Field is not null || Progress is not null;

    private void WriteKeySpecific(Span<byte> destination)
    {
        if (Field is { } field)
        {
            field.Write(destination);
        }
        else if (Progress is { } progress)
        {
            destination[0] = 0x80;
            BinaryPrimitives.WriteUInt16BigEndian(destination[1..], progress);
        }
    }

    private static SenseData WithKeySpecific(SenseData sense, ReadOnlySpan<byte> source)
    {
        if (sense.Key is SenseKey.NoSense or SenseKey.NotReady)
            return (source[0] & 0x80) != 0 ? sense with { Progress = BinaryPrimitives.ReadUInt16BigEndian(source[1..]) } : sense;
        return FieldPointer.TryParse(source, out var field) ? sense with { Field = field } : sense;
    }

    private static bool TryParseFixed(ReadOnlySpan<byte> source, out SenseData sense)
    {
        sense = default;
        if (source.Length < 3) return false;
        sense = new SenseData((SenseKey)(source[2] & 0x0F), new AdditionalSense(
            source.Length > 12 ? source[12] : (byte)0, source.Length > 13 ? source[13] : (byte)0));
        if ((source[0] & 0x80) != 0 && source.Length >= 7)
            sense = sense with { Information = BinaryPrimitives.ReadUInt32BigEndian(source[3..]) };
        if (source.Length >= 12 && BinaryPrimitives.ReadUInt32BigEndian(source[8..]) is var specific && specific != 0)
            sense = sense with { CommandSpecificInformation = specific };
        if (source.Length >= 18) sense = WithKeySpecific(sense, source[15..]);
        return true;
    }

    private static bool TryParseDescriptor(ReadOnlySpan<byte> source, out SenseData sense)
    {
        sense = default;
        if (source.Length < 4) return false;
        sense = new SenseData((SenseKey)(source[1] & 0x0F), new AdditionalSense(source[2], source[3]));
        if (source.Length < 8) return true;
        var rest = source[8..];
        rest = rest[..Math.Min(rest.Length, source[7])];
        while (rest.Length >= 2 && rest.Length >= 2 + rest[1])
        {
            var descriptor = rest[..(2 + rest[1])];
            if (descriptor is [0x00, >= 0x0A, >= 0x80, ..])
                sense = sense with { Information = BinaryPrimitives.ReadUInt64BigEndian(descriptor[4..]) };
            else if (descriptor is [0x01, >= 0x0A, ..])
                sense = sense with { CommandSpecificInformation = (uint)BinaryPrimitives.ReadUInt64BigEndian(descriptor[4..]) };
            else if (descriptor is [0x02, >= 0x06, ..])
                sense = WithKeySpecific(sense, descriptor[4..]);
            rest = rest[descriptor.Length..];
        }
        return true;
    }
}

namespace Iscsi.Protocol;

// RFC 7143, 11.2.2: Additional Header Segment
//
//  Byte|       0       |       1       |       2       |       3       |
//     0| AHSLength                     | AHSType       | AHS-Specific  |
//     4/ AHS-Specific, padded to a multiple of 4                       /
//
// AHSLength counts the AHS-specific bytes, which begin at byte 3, without padding.

/// <summary>One Additional Header Segment of a PDU (RFC 7143, 11.2.2).</summary>
public readonly ref struct AdditionalHeaderSegment
{
    internal AdditionalHeaderSegment(AhsType type, ReadOnlySpan<byte> specific)
    {
        Type = type;
        Specific = specific;
    }

    /// <summary>The type, bits 0 to 5 of byte 2. A type that is not known is skipped by its reader.</summary>
    public AhsType Type { get; }

    /// <summary>The AHS-specific bytes, from byte 3, without padding.</summary>
    public ReadOnlySpan<byte> Specific { get; }
}

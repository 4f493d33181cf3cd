namespace Iscsi.Protocol;

/// <summary>The header digest: over the Basic Header Segment and all Additional Header Segments (RFC 7143, 11.2.3).</summary>
public static class HeaderDigest
{
    /// <summary>Writes the digest.</summary>
    /// <param name="header">The 48 bytes of the Basic Header Segment.</param>
    /// <param name="additionalHeader">All Additional Header Segments, a multiple of 4 bytes; may be empty.</param>
    /// <param name="destination">At least 4 bytes.</param>
    public static void Write(ReadOnlySpan<byte> header, ReadOnlySpan<byte> additionalHeader, Span<byte> destination) =>
        Crc32C.WriteDigest(
            Crc32C.Append(Crc32C.Append(Crc32C.Initial, header[..BasicHeaderSegment.Size]), additionalHeader), destination);
}

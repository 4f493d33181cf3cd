namespace Iscsi.Protocol;

/// <summary>Every segment is padded to 4 bytes (RFC 7143, 11.1).</summary>
public static class PduPadding
{
    /// <summary>Pad bytes, 0 to 3, after a segment.</summary>
    /// <param name="lengthBytes">Bytes of the segment without padding.</param>
    public static int Of(int lengthBytes) => -lengthBytes & 3;
}

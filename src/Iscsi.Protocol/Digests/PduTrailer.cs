using Reservations;

namespace Iscsi.Protocol;

/// <summary>
/// What follows the data of a PDU: padding to 4 bytes, then the data digest, which covers the padding too (RFC 7143, 11.2.3).
/// </summary>
public static class PduTrailer
{
    /// <summary>The most bytes a trailer has: 3 of padding and 4 of digest, rounded up to a word.</summary>
    public const int MaxLength = 8;

    /// <summary>Bytes of the trailer. A PDU without data has none, not even a digest.</summary>
    /// <param name="dataLengthBytes">DataSegmentLength.</param>
    /// <param name="hasDigest">Whether data digests are on.</param>
    public static int GetLength(int dataLengthBytes, bool hasDigest) =>
        dataLengthBytes == 0 ? 0 : PduPadding.Of(dataLengthBytes) + (hasDigest ? Crc32C.DigestLength : 0);

    /// <summary>Writes the trailer of data in a list of blocks.</summary>
    /// <param name="data">The list.</param>
    /// <param name="offsetBytes">First byte of the data.</param>
    /// <param name="lengthBytes">DataSegmentLength.</param>
    /// <param name="hasDigest">Whether data digests are on; else only padding is written.</param>
    /// <param name="destination">At least <see cref="GetLength"/> bytes; <see cref="MaxLength"/> are always enough.</param>
    /// <returns>Bytes written.</returns>
    public static int Write(BlockList data, int offsetBytes, int lengthBytes, bool hasDigest, Span<byte> destination) =>
        Finish(hasDigest ? Append(Crc32C.Initial, data, offsetBytes, lengthBytes) : 0, lengthBytes, hasDigest, destination);

    /// <summary>Writes the trailer of data in one piece.</summary>
    /// <param name="data">The data segment.</param>
    /// <param name="hasDigest">Whether data digests are on; else only padding is written.</param>
    /// <param name="destination">At least <see cref="GetLength"/> bytes; <see cref="MaxLength"/> are always enough.</param>
    /// <returns>Bytes written.</returns>
    public static int Write(ReadOnlySpan<byte> data, bool hasDigest, Span<byte> destination) =>
        Finish(hasDigest ? Crc32C.Append(Crc32C.Initial, data) : 0, data.Length, hasDigest, destination);

    /// <summary>Writes the trailer after a CRC over the data alone.</summary>
    /// <param name="state">The register after the data; not used without digest.</param>
    /// <param name="dataLengthBytes">DataSegmentLength.</param>
    /// <param name="hasDigest">Whether data digests are on.</param>
    /// <param name="destination">At least <see cref="GetLength"/> bytes.</param>
    /// <returns>Bytes written.</returns>
    public static int Finish(uint state, int dataLengthBytes, bool hasDigest, Span<byte> destination)
    {
        var length = GetLength(dataLengthBytes, hasDigest);
        if (length == 0) return 0;
        var pad = destination[..PduPadding.Of(dataLengthBytes)];
        pad.Clear();
        if (hasDigest) Crc32C.WriteDigest(Crc32C.Append(state, pad), destination[pad.Length..]);
        return length;
    }

    private static uint Append(uint state, BlockList data, int offsetBytes, int lengthBytes)
    {
        ArgumentNullException.ThrowIfNull(data);
        if ((uint)offsetBytes > (uint)data.Length || (uint)lengthBytes > (uint)(data.Length - offsetBytes))
            throw new ArgumentOutOfRangeException(nameof(lengthBytes), "The data are not inside the list.");
        foreach (var run in data.Runs)
        {
            if (lengthBytes == 0) break;
            if (offsetBytes >= run.Length)
            {
                offsetBytes -= run.Length;
                continue;
            }
            var take = Math.Min(lengthBytes, run.Length - offsetBytes);
            state = Crc32C.Append(state, run.Span.Slice(offsetBytes, take));
            lengthBytes -= take;
            offsetBytes = 0;
        }
        return state;
    }
}

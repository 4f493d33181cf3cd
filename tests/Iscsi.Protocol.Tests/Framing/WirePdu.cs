namespace Iscsi.Protocol.Tests;

/// <summary>
/// A PDU put together byte by byte, with nothing of the code under test: the other opinion on lengths, padding and digests.
/// </summary>
internal sealed record WirePdu(byte[] Header, byte[] AdditionalHeader, byte[] Data)
{
    public static WirePdu Create(Random random, int additionalLength, int dataLength) =>
        new(CreateHeader(random, additionalLength, dataLength), random.NextBytes(additionalLength), random.NextBytes(dataLength));

    public static byte[] CreateHeader(Random random, int additionalLength, int dataLength)
    {
        var header = random.NextBytes(48);
        header[4] = (byte)(additionalLength / 4);
        header[5] = (byte)(dataLength >> 16);
        header[6] = (byte)(dataLength >> 8);
        header[7] = (byte)dataLength;
        return header;
    }

    public byte[] Encode(bool headerDigest, bool dataDigest)
    {
        var bytes = new List<byte>();
        bytes.AddRange(Header);
        bytes.AddRange(AdditionalHeader);
        if (headerDigest) bytes.AddRange(SlowDigest([.. Header, .. AdditionalHeader]));
        var padded = new List<byte>(Data);
        while (padded.Count % 4 != 0) padded.Add(0);
        bytes.AddRange(padded);
        if (dataDigest && Data.Length > 0) bytes.AddRange(SlowDigest([.. padded]));
        return [.. bytes];
    }

    /// <summary>Bit by bit, as RFC 7143, 13.1 defines it.</summary>
    public static byte[] SlowDigest(ReadOnlySpan<byte> data)
    {
        var crc = 0xFFFFFFFFu;
        foreach (var b in data)
        {
            crc ^= b;
            for (var bit = 0; bit < 8; bit++) crc = (crc & 1) != 0 ? (crc >> 1) ^ 0x82F63B78 : crc >> 1;
        }
        crc = ~crc;
        return [(byte)crc, (byte)(crc >> 8), (byte)(crc >> 16), (byte)(crc >> 24)];
    }
}

namespace Iscsi.Protocol.Tests;

public sealed class AhsTests
{
    [Fact]
    public void An_extended_CDB_and_a_bidirectional_length_are_read()
    {
        // AHSLength = CDBLength - 15 = 5; reserved byte; 4 bytes of CDB. Then AHSLength 5 and the length.
        var bytes = Convert.FromHexString("0005010011121314" + "0005020000012345");
        Assert.Equal(PduFault.None, ScsiCommandAhs.TryRead(bytes, out var ahs));
        Assert.Equal([0x11, 0x12, 0x13, 0x14], ahs.ExtendedCdb.ToArray());
        Assert.Equal(20, ahs.CdbLength);
        Assert.Equal(0x12345u, ahs.BidirectionalReadExpectedDataTransferLength);
    }

    [Fact]
    public void A_32_byte_CDB_is_put_together()
    {
        var cdb = Enumerable.Range(1, 32).Select(i => (byte)i).ToArray();
        var header = new byte[48];
        ScsiCommandPdu.Write(header, new ScsiCommandFields { IsFinal = true, Cdb = cdb.AsSpan(0, 16) });
        var segments = new byte[ScsiCommandAhs.GetLength(32, hasBidirectionalReadLength: false)];
        Assert.Equal(20, ScsiCommandAhs.Write(segments, cdb));
        Assert.Equal("00110100" + Convert.ToHexString(cdb[16..]), Convert.ToHexString(segments));
        Assert.Equal(PduFault.None, ScsiCommandAhs.TryRead(segments, out var ahs));
        var copy = new byte[32];
        Assert.Equal(32, ahs.CopyCdbTo(new ScsiCommandPdu(in BasicHeaderSegment.Over(header)), copy));
        Assert.Equal(cdb, copy);
    }

    [Fact]
    public void Every_CDB_length_survives_with_and_without_a_bidirectional_length()
    {
        for (var length = 1; length <= 260; length++)
        {
            foreach (var readLength in new uint?[] { null, 0, 77 })
            {
                var cdb = new Random(length).NextBytes(length);
                var segments = new byte[ScsiCommandAhs.GetLength(length, readLength is not null)];
                Assert.Equal(segments.Length, ScsiCommandAhs.Write(segments, cdb, readLength));
                Assert.Equal(0, segments.Length % 4);
                Assert.Equal(PduFault.None, ScsiCommandAhs.TryRead(segments, out var ahs));
                Assert.Equal(cdb.Skip(16), ahs.ExtendedCdb.ToArray());
                Assert.Equal(readLength, ahs.BidirectionalReadExpectedDataTransferLength);
            }
        }
    }

    [Fact]
    public void Every_length_lie_is_found()
    {
        for (var words = 1; words <= 5; words++)
        {
            for (var length = 0; length <= 0xFFFF; length++)
            {
                var bytes = new byte[words * 4];
                bytes[0] = (byte)(length >> 8);
                bytes[1] = (byte)length;
                bytes[2] = 0x3F;
                var padded = (3 + length + 3) / 4 * 4;
                // What follows is read as segments of length 0: one word each.
                var expected = padded <= bytes.Length ? 1 + ((bytes.Length - padded) / 4) : -1;
                var count = 0;
                var reader = new AhsReader(bytes);
                while (reader.MoveNext())
                {
                    Assert.Equal(count == 0 ? length : 0, reader.Current.Specific.Length);
                    count++;
                }
                Assert.Equal(expected < 0 ? PduFault.AhsMalformed : PduFault.None, reader.Fault);
                Assert.Equal(Math.Max(0, expected), count);
            }
        }
    }

    [Theory]
    [InlineData("000101000000000000000000")] // An extended CDB without a byte of CDB.
    [InlineData("0004020000012345")] // A bidirectional length that is too short.
    [InlineData("000602000001234500000000")] // One that is too long.
    [InlineData("00050200000000010005020000000001")] // Twice.
    [InlineData("00050100111213140005010011121314")] // Twice.
    [InlineData("000501001112")] // Cut off.
    [InlineData("0005")] // Cut off.
    public void Segments_that_cannot_be_are_malformed(string hex) =>
        Assert.Equal(PduFault.AhsMalformed, ScsiCommandAhs.TryRead(Convert.FromHexString(hex), out _));

    [Fact]
    public void A_type_that_is_not_known_is_skipped()
    {
        Assert.Equal(PduFault.None, ScsiCommandAhs.TryRead(Convert.FromHexString("00010900" + "0005020000000007"), out var ahs));
        Assert.Equal(7u, ahs.BidirectionalReadExpectedDataTransferLength);
    }

    [Fact]
    public void Random_segments_are_read_without_an_exception() => Seeded.Run(5000, random =>
    {
        var bytes = random.NextBytes(random.Next(64));
        for (var i = 0; i < bytes.Length; i += 4) bytes[i] = 0;
        _ = ScsiCommandAhs.TryRead(bytes, out _);
    });
}

namespace Iscsi.Protocol.Tests;

public sealed class Crc32CTests
{
    [Theory]
    // RFC 3720, B.4: the digest as it is on the wire.
    [InlineData("0000000000000000000000000000000000000000000000000000000000000000", "aa36918a")]
    [InlineData("ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", "43aba862")]
    [InlineData("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", "4e79dd46")]
    [InlineData("1f1e1d1c1b1a191817161514131211100f0e0d0c0b0a09080706050403020100", "5cdb3f11")]
    [InlineData("01c000000000000000000000000000001400000000000400000000140000001828000000000000000200000000000000", "563a96d9")]
    // The check value of the CRC catalogues: "123456789" gives 0xE3069283.
    [InlineData("313233343536373839", "839206e3")]
    [InlineData("", "00000000")]
    public void The_examples_of_the_standard_come_out_on_the_wire(string data, string digest)
    {
        var bytes = new byte[4];
        Crc32C.WriteDigest(Crc32C.Append(Crc32C.Initial, Convert.FromHexString(data)), bytes);
        Assert.Equal(digest, Convert.ToHexStringLower(bytes));
        Assert.True(Crc32C.Matches(Crc32C.Append(Crc32C.Initial, Convert.FromHexString(data)), bytes));
    }

    [Fact]
    public void Every_length_agrees_with_the_definition()
    {
        // Up to four rounds of the three-lane path and all its remainders nearby.
        var data = new Random(7).NextBytes(6200);
        foreach (var length in Enumerable.Range(0, 100).Concat(Enumerable.Range(1500, 80)).Concat(Enumerable.Range(3060, 30)).Append(4096).Append(6200))
        {
            var digest = new byte[4];
            Crc32C.WriteDigest(Crc32C.Append(Crc32C.Initial, data.AsSpan(0, length)), digest);
            Assert.Equal(WirePdu.SlowDigest(data.AsSpan(0, length)), digest);
        }
    }

    [Fact]
    public void Portions_of_any_size_and_alignment_give_the_CRC_of_the_whole() => Seeded.Run(300, random =>
    {
        var data = random.NextBytes(random.Next(1, 9000));
        var state = Crc32C.Initial;
        for (var i = 0; i < data.Length;)
        {
            var take = Math.Min(data.Length - i, random.Next(1, 4000));
            state = Crc32C.Append(state, data.AsSpan(i, take));
            i += take;
        }
        Assert.Equal(Crc32C.Compute(data), Crc32C.Finish(state));
    });

    [Fact]
    public void Both_ways_to_compute_it_agree()
    {
        Assert.SkipUnless(FoldedCrc32C.IsSupported, "This processor has no carry-less multiplication of 64 bytes: there is only one way.");
        Seeded.Run(200, random =>
        {
            var data = new byte[random.Next(5000)];
            random.NextBytes(data);
            var state = (uint)random.NextInt64(1L << 32);
            Assert.Equal(Crc32C.AppendByInstruction(state, data), Crc32C.Append(state, data));
        });
    }

    [Fact]
    public void A_header_digest_covers_the_additional_header()
    {
        var pdu = WirePdu.Create(new Random(1), 12, 0);
        var digest = new byte[4];
        HeaderDigest.Write(pdu.Header, pdu.AdditionalHeader, digest);
        Assert.Equal(WirePdu.SlowDigest([.. pdu.Header, .. pdu.AdditionalHeader]), digest);
    }

    [Fact]
    public void A_trailer_is_padding_and_a_digest_that_covers_it()
    {
        for (var length = 0; length <= 9; length++)
        {
            foreach (var hasDigest in new[] { false, true })
            {
                var pdu = WirePdu.Create(new Random(length), 0, length);
                var expected = pdu.Encode(headerDigest: false, hasDigest)[(48 + length)..];
                var blocks = Sequences.Runs(2, 3, 1, 10);
                blocks.CopyFrom(1, pdu.Data);
                var trailer = new byte[PduTrailer.MaxLength];
                trailer.AsSpan().Fill(0xEE);
                Assert.Equal(expected.Length, PduTrailer.Write(blocks, 1, length, hasDigest, trailer));
                Assert.Equal(expected, trailer[..expected.Length]);
                Assert.Equal(expected.Length, PduTrailer.Write(pdu.Data, hasDigest, trailer));
                Assert.Equal(expected, trailer[..expected.Length]);
                Assert.Equal(expected.Length, PduTrailer.GetLength(length, hasDigest));
            }
        }
    }

    [Fact]
    public void A_trailer_of_data_outside_the_list_throws() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => PduTrailer.Write(Sequences.Runs(4, 4), 5, 4, hasDigest: true, new byte[8]));
}

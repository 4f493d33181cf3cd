using System.Buffers;
using Reservations;

namespace Iscsi.Protocol.Tests;

public sealed class PduParserTests
{
    public static TheoryData<bool, bool> Digests => new() { { false, false }, { true, false }, { false, true }, { true, true } };

    [Theory, MemberData(nameof(Digests))]
    public void A_stream_is_parsed_the_same_wherever_it_is_split_in_two(bool headerDigest, bool dataDigest)
    {
        var pdus = SomePdus();
        var stream = Encode(pdus, headerDigest, dataDigest);
        for (var split = 0; split <= stream.Length; split++)
        {
            // As two segments of one input, and as two inputs.
            Feed(pdus, headerDigest, dataDigest, [Sequences.Split(stream, split)]);
            Feed(pdus, headerDigest, dataDigest, [new(stream[..split]), new(stream[split..])]);
        }
    }

    [Theory, MemberData(nameof(Digests))]
    public void A_PDU_is_parsed_the_same_wherever_it_is_split_in_three(bool headerDigest, bool dataDigest)
    {
        WirePdu[] pdus = [WirePdu.Create(new Random(3), 8, 5)];
        var stream = Encode(pdus, headerDigest, dataDigest);
        for (var first = 0; first <= stream.Length; first++)
        {
            for (var second = first; second <= stream.Length; second++)
            {
                Feed(pdus, headerDigest, dataDigest, [new(stream[..first]), new(stream[first..second]), new(stream[second..])]);
            }
        }
    }

    [Theory, MemberData(nameof(Digests))]
    public void A_stream_is_parsed_byte_by_byte(bool headerDigest, bool dataDigest)
    {
        var pdus = SomePdus();
        var stream = Encode(pdus, headerDigest, dataDigest);
        Feed(pdus, headerDigest, dataDigest, [.. stream.Select(b => new ReadOnlySequence<byte>([b]))]);
        Feed(pdus, headerDigest, dataDigest, [Sequences.Shatter(stream)]);
    }

    [Fact]
    public void Random_streams_in_random_portions_into_random_runs_with_direct_receives_are_parsed() => Seeded.Run(300, random =>
    {
        var headerDigest = random.NextBool();
        var dataDigest = random.NextBool();
        var pdus = new WirePdu[random.Next(1, 8)];
        for (var i = 0; i < pdus.Length; i++)
            pdus[i] = WirePdu.Create(random, random.Next(4) == 0 ? random.Next(8) * 4 : 0, random.Next(3) == 0 ? 0 : random.Next(1, 5000));
        var stream = Encode(pdus, headerDigest, dataDigest);
        Receive(pdus, stream, headerDigest, dataDigest, random);
    });

    [Fact]
    public void Nothing_of_a_header_is_consumed_until_it_is_complete()
    {
        var parser = Parser(headerDigest: true);
        var stream = WirePdu.Create(new Random(1), 12, 0).Encode(headerDigest: true, dataDigest: false);
        for (var length = 0; length < stream.Length; length++)
        {
            var input = new ReadOnlySequence<byte>(stream, 0, length);
            Assert.Equal(PduParseStatus.NeedInput, parser.ParseHeader(ref input));
            Assert.Equal(length, input.Length);
        }
        var all = new ReadOnlySequence<byte>(stream);
        Assert.Equal(PduParseStatus.Done, parser.ParseHeader(ref all));
        Assert.True(all.IsEmpty);
    }

    [Fact]
    public void Every_data_segment_length_over_the_limit_is_a_fault_with_a_readable_header()
    {
        foreach (var limit in new[] { 0, 1, 7, 8192, 0xFFFFFE })
        {
            foreach (var length in new[] { 0, 1, 6, 7, 8, 8191, 8192, 8193, 0x10000, 0xFFFFFE, 0xFFFFFF })
            {
                var parser = Parser(limit: limit);
                var header = WirePdu.CreateHeader(new Random(2), 0, length);
                var input = new ReadOnlySequence<byte>(header);
                var status = parser.ParseHeader(ref input);
                Assert.Equal(length > limit ? PduParseStatus.Failed : PduParseStatus.Done, status);
                Assert.Equal(length > limit ? PduFault.DataSegmentTooLong : PduFault.None, parser.Fault);
                Assert.Equal(header, parser.Header.ReadOnlyBytes.ToArray());
            }
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(4)]
    [InlineData(256)]
    [InlineData(1020)]
    public void Every_additional_header_length_over_the_limit_is_a_fault_before_its_bytes_are_there(int limit)
    {
        for (var words = 0; words <= 255; words++)
        {
            var parser = new PduParser(new PduParserLimits { MaxAhsLengthBytes = limit });
            var header = WirePdu.CreateHeader(new Random(2), words * 4, 0);
            var input = new ReadOnlySequence<byte>(header);
            var expected = words * 4 > limit ? PduParseStatus.Failed : words == 0 ? PduParseStatus.Done : PduParseStatus.NeedInput;
            Assert.Equal(expected, parser.ParseHeader(ref input));
            if (expected != PduParseStatus.Failed) continue;
            Assert.Equal(PduFault.AhsTooLong, parser.Fault);
            Assert.Equal(header, parser.Header.ReadOnlyBytes.ToArray());
        }
    }

    [Theory, MemberData(nameof(Digests))]
    public void An_additional_header_over_the_limit_is_drained_at_every_split_point_and_the_next_PDU_is_parsed(bool headerDigest, bool dataDigest)
    {
        var bad = WirePdu.Create(new Random(1), 40, 7);
        var good = WirePdu.Create(new Random(2), 0, 3);
        var stream = Encode([bad, good], headerDigest, dataDigest);
        for (var split = 0; split <= stream.Length; split++)
        {
            var parser = new PduParser(new PduParserLimits { MaxAhsLengthBytes = 36 }) { HeaderDigest = headerDigest, DataDigest = dataDigest };
            var seen = new List<byte[]>();
            var rest = ReadOnlySequence<byte>.Empty;
            var isDraining = false;
            foreach (var part in new[] { stream[..split], stream[split..] })
            {
                rest = new ReadOnlySequence<byte>([.. rest.ToArray(), .. part]);
                while (true)
                {
                    if (!parser.IsInPdu)
                    {
                        var status = parser.ParseHeader(ref rest);
                        if (status == PduParseStatus.NeedInput) break;
                        if (status == PduParseStatus.Failed)
                        {
                            Assert.Equal(PduFault.AhsTooLong, parser.Fault);
                            parser.Drain();
                            isDraining = true;
                        }
                        else
                        {
                            parser.DiscardPayload();
                        }
                    }
                    if (parser.ParsePayload(ref rest) != PduParseStatus.Done) break;
                    seen.Add(parser.Header.ReadOnlyBytes.ToArray());
                }
            }
            Assert.True(isDraining);
            Assert.True(rest.IsEmpty);
            Assert.Equal([bad.Header, good.Header], seen);
        }
    }

    [Fact]
    public void A_data_segment_over_the_limit_can_be_drained_too()
    {
        WirePdu[] pdus = [WirePdu.Create(new Random(1), 0, 101), WirePdu.Create(new Random(2), 0, 0)];
        var parser = Parser(dataDigest: true, limit: 100);
        var input = new ReadOnlySequence<byte>(Encode(pdus, headerDigest: false, dataDigest: true));
        Assert.Equal(PduParseStatus.Failed, parser.ParseHeader(ref input));
        Assert.Equal(PduParseStatus.Failed, parser.ParseHeader(ref input));
        parser.Drain();
        Assert.Equal(PduParseStatus.Done, parser.ParsePayload(ref input));
        Assert.Equal(PduParseStatus.Done, parser.ParseHeader(ref input));
        Assert.Equal(PduFault.None, parser.Fault);
    }

    [Fact]
    public void Draining_an_additional_header_checks_the_header_digest_and_the_data_length_after_it()
    {
        var stream = WirePdu.Create(new Random(1), 40, 7).Encode(headerDigest: true, dataDigest: false);
        var broken = (byte[])stream.Clone();
        broken[60] ^= 1;
        var parser = new PduParser(new PduParserLimits { MaxAhsLengthBytes = 0 }) { HeaderDigest = true };
        var input = new ReadOnlySequence<byte>(broken);
        Assert.Equal(PduParseStatus.Failed, parser.ParseHeader(ref input));
        parser.Drain();
        Assert.Equal(PduParseStatus.Failed, parser.ParsePayload(ref input));
        Assert.Equal(PduFault.HeaderDigestMismatch, parser.Fault);

        parser = new PduParser(new PduParserLimits { MaxAhsLengthBytes = 0, MaxDataSegmentLength = 6 }) { HeaderDigest = true };
        input = new ReadOnlySequence<byte>(stream);
        Assert.Equal(PduParseStatus.Failed, parser.ParseHeader(ref input));
        parser.Drain();
        Assert.Equal(PduParseStatus.Failed, parser.ParsePayload(ref input));
        Assert.Equal(PduFault.DataSegmentTooLong, parser.Fault);
    }

    [Fact]
    public void Every_flipped_bit_under_the_header_digest_is_found_and_nothing_is_parsed_after_it()
    {
        var stream = WirePdu.Create(new Random(5), 8, 0).Encode(headerDigest: true, dataDigest: false);
        for (var bit = 0; bit < stream.Length * 8; bit++)
        {
            if (bit / 8 is >= 4 and < 8) continue; // A length: fewer or more bytes are then taken for the digest.
            var broken = (byte[])stream.Clone();
            broken[bit / 8] ^= (byte)(1 << (bit % 8));
            var parser = Parser(headerDigest: true);
            var input = new ReadOnlySequence<byte>(broken);
            Assert.Equal(PduParseStatus.Failed, parser.ParseHeader(ref input));
            Assert.Equal(PduFault.HeaderDigestMismatch, parser.Fault);
            var next = new ReadOnlySequence<byte>(stream);
            Assert.Equal(PduParseStatus.Failed, parser.ParseHeader(ref next));
            Assert.Equal(stream.Length, next.Length);
        }
    }

    [Fact]
    public void Every_flipped_bit_under_the_data_digest_padding_included_is_found_and_the_next_PDU_is_parsed()
    {
        foreach (var length in new[] { 1, 2, 3, 4, 5 })
        {
            var stream = WirePdu.Create(new Random(5), 0, length).Encode(headerDigest: false, dataDigest: true);
            for (var bit = 48 * 8; bit < stream.Length * 8; bit++)
            {
                var broken = (byte[])stream.Clone();
                broken[bit / 8] ^= (byte)(1 << (bit % 8));
                var parser = Parser(dataDigest: true);
                var input = new ReadOnlySequence<byte>([.. broken, .. stream]);
                Assert.Equal(PduParseStatus.Done, parser.ParseHeader(ref input));
                parser.CollectInto(Sequences.Runs(length), 0);
                Assert.Equal(PduParseStatus.Failed, parser.ParsePayload(ref input));
                Assert.Equal(PduFault.DataDigestMismatch, parser.Fault);
                Assert.Equal(PduParseStatus.Done, parser.ParseHeader(ref input));
                parser.DiscardPayload();
                Assert.Equal(PduParseStatus.Done, parser.ParsePayload(ref input));
                Assert.Equal(PduFault.None, parser.Fault);
            }
        }
    }

    [Fact]
    public void A_payload_that_is_discarded_has_its_digest_checked()
    {
        var stream = WirePdu.Create(new Random(5), 0, 9).Encode(headerDigest: false, dataDigest: true);
        stream[50] ^= 1;
        var parser = Parser(dataDigest: true);
        var input = new ReadOnlySequence<byte>(stream);
        parser.ParseHeader(ref input);
        parser.DiscardPayload();
        Assert.Equal(PduParseStatus.Failed, parser.ParsePayload(ref input));
    }

    [Fact]
    public void A_payload_goes_to_its_offset_and_touches_nothing_else()
    {
        var pdu = WirePdu.Create(new Random(8), 0, 10);
        var destination = Sequences.Runs(3, 4, 1, 20);
        for (var i = 0; i < destination.Length; i++) destination.CopyFrom(i, [0xEE]);
        var parser = Parser();
        var input = new ReadOnlySequence<byte>(pdu.Encode(headerDigest: false, dataDigest: false));
        parser.ParseHeader(ref input);
        parser.CollectInto(destination, 5);
        Assert.Equal(PduParseStatus.Done, parser.ParsePayload(ref input));
        Assert.Equal([.. Enumerable.Repeat<byte>(0xEE, 5), .. pdu.Data, .. Enumerable.Repeat<byte>(0xEE, 13)], destination.ToArray());
    }

    [Fact]
    public void A_payload_that_ends_with_the_list_fits_and_one_byte_more_does_not()
    {
        var parser = Parser();
        var input = new ReadOnlySequence<byte>(WirePdu.Create(new Random(8), 0, 10).Encode(headerDigest: false, dataDigest: false));
        parser.ParseHeader(ref input);
        Assert.Throws<ArgumentOutOfRangeException>(() => parser.CollectInto(Sequences.Runs(9), 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => parser.CollectInto(Sequences.Runs(10), 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => parser.CollectInto(Sequences.Runs(10), -1));
        Assert.Throws<ArgumentOutOfRangeException>(() => parser.CollectInto(Sequences.Runs(10), int.MaxValue));
        parser.CollectInto(Sequences.Runs(5, 6), 1);
        Assert.Equal(PduParseStatus.Done, parser.ParsePayload(ref input));
    }

    [Fact]
    public void The_direct_destination_is_the_rest_of_the_data_without_padding_and_digest()
    {
        var pdu = WirePdu.Create(new Random(8), 0, 10);
        var stream = pdu.Encode(headerDigest: false, dataDigest: true);
        var destination = Sequences.Runs(4, 2, 6);
        var parser = Parser(dataDigest: true);
        var input = new ReadOnlySequence<byte>(stream, 0, 48 + 3);
        parser.ParseHeader(ref input);
        Assert.Equal(0, parser.DirectBytesWanted);
        parser.CollectInto(destination, 1);
        Assert.Equal(10, parser.DirectBytesWanted);
        Assert.Equal(PduParseStatus.NeedInput, parser.ParsePayload(ref input));
        Assert.Equal(7, parser.DirectBytesWanted);

        var direct = new BlockList();
        parser.GetDirectDestination(direct);
        Assert.Equal([2, 5], direct.Runs.ToArray().Select(run => run.Length));
        direct.CopyFrom(0, stream.AsSpan(51, 4));
        Assert.Throws<ArgumentOutOfRangeException>(() => parser.OnDirectReceived(8));
        parser.OnDirectReceived(4);
        Assert.Equal(3, parser.DirectBytesWanted);
        direct.Clear();
        parser.GetDirectDestination(direct);
        direct.CopyFrom(0, stream.AsSpan(55, 3));
        parser.OnDirectReceived(3);
        Assert.Equal(0, parser.DirectBytesWanted);

        input = new ReadOnlySequence<byte>(stream, 58, stream.Length - 58);
        Assert.Equal(PduParseStatus.Done, parser.ParsePayload(ref input));
        Assert.Equal([0, .. pdu.Data, 0], destination.ToArray());
    }

    [Fact]
    public void A_PDU_without_payload_is_done_without_input_and_without_a_place()
    {
        var parser = Parser(dataDigest: true);
        var input = new ReadOnlySequence<byte>(WirePdu.Create(new Random(1), 0, 0).Header);
        Assert.Equal(PduParseStatus.Done, parser.ParseHeader(ref input));
        Assert.True(parser.IsInPdu);
        var none = default(ReadOnlySequence<byte>);
        Assert.Equal(PduParseStatus.Done, parser.ParsePayload(ref none));
        Assert.False(parser.IsInPdu);
    }

    [Fact]
    public void Calls_out_of_turn_are_our_own_mistakes_and_throw()
    {
        var parser = Parser();
        var stream = WirePdu.Create(new Random(1), 0, 4).Encode(headerDigest: false, dataDigest: false);
        var input = new ReadOnlySequence<byte>(stream);
        Assert.Throws<InvalidOperationException>(() => Payload(parser));
        Assert.Throws<InvalidOperationException>(parser.DiscardPayload);
        Assert.Throws<InvalidOperationException>(parser.Drain);
        parser.ParseHeader(ref input);
        Assert.Throws<InvalidOperationException>(() => Payload(parser));
        Assert.Throws<InvalidOperationException>(() => parser.GetDirectDestination(new BlockList()));
        parser.DiscardPayload();
        Assert.Throws<InvalidOperationException>(parser.DiscardPayload);
        Assert.Throws<InvalidOperationException>(() =>
        {
            var next = new ReadOnlySequence<byte>(stream);
            parser.ParseHeader(ref next);
        });
        Assert.Throws<InvalidOperationException>(parser.Drain);

        static void Payload(PduParser parser)
        {
            var none = ReadOnlySequence<byte>.Empty;
            parser.ParsePayload(ref none);
        }
    }

    [Fact]
    public void Limits_and_digests_change_between_two_PDUs()
    {
        var parser = Parser(limit: 8);
        var first = new ReadOnlySequence<byte>(WirePdu.Create(new Random(1), 0, 8).Encode(headerDigest: false, dataDigest: false));
        parser.ParseHeader(ref first);
        // The payload of the last login response comes without a digest, even when the next PDU has one.
        parser.HeaderDigest = parser.DataDigest = true;
        parser.Limits.MaxDataSegmentLength = 9;
        parser.DiscardPayload();
        Assert.Equal(PduParseStatus.Done, parser.ParsePayload(ref first));
        var second = new ReadOnlySequence<byte>(WirePdu.Create(new Random(2), 0, 9).Encode(headerDigest: true, dataDigest: true));
        Assert.Equal(PduParseStatus.Done, parser.ParseHeader(ref second));
        parser.DiscardPayload();
        Assert.Equal(PduParseStatus.Done, parser.ParsePayload(ref second));
        Assert.True(second.IsEmpty);
    }

    [Theory, MemberData(nameof(Digests))]
    public void Parsing_allocates_nothing(bool headerDigest, bool dataDigest)
    {
        WirePdu[] pdus = [WirePdu.Create(new Random(1), 0, 0), WirePdu.Create(new Random(1), 0, 4095), WirePdu.Create(new Random(1), 16, 3)];
        var stream = Encode(pdus, headerDigest, dataDigest);
        var parser = Parser(headerDigest, dataDigest);
        var whole = new ReadOnlySequence<byte>(stream);
        var split = Sequences.Split(stream, 20, 70, 2000, 4200);
        var destination = Sequences.Runs(1000, 5000);
        for (var i = 0; i < 50; i++) ParseAll(parser, whole, split, destination);
        // The runtime itself allocates a little on this thread while it compiles: the best of some rounds is what the code does.
        var allocated = long.MaxValue;
        for (var round = 0; round < 6 && allocated != 0; round++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < 1000; i++) ParseAll(parser, whole, split, destination);
            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        }
        Assert.Equal(0, allocated);

        static void ParseAll(PduParser parser, ReadOnlySequence<byte> whole, ReadOnlySequence<byte> split, BlockList destination)
        {
            ParseStream(parser, whole, destination);
            ParseStream(parser, split, destination);
        }

        static void ParseStream(PduParser parser, ReadOnlySequence<byte> input, BlockList destination)
        {
            while (!input.IsEmpty)
            {
                if (parser.ParseHeader(ref input) != PduParseStatus.Done) throw new InvalidOperationException();
                parser.CollectInto(destination, 7);
                if (parser.ParsePayload(ref input) != PduParseStatus.Done) throw new InvalidOperationException();
            }
        }
    }

    private static PduParser Parser(bool headerDigest = false, bool dataDigest = false, int limit = 8192) =>
        new(new PduParserLimits { MaxDataSegmentLength = limit }) { HeaderDigest = headerDigest, DataDigest = dataDigest };

    private static WirePdu[] SomePdus()
    {
        var random = new Random(42);
        return
        [
            WirePdu.Create(random, 0, 0), WirePdu.Create(random, 0, 1), WirePdu.Create(random, 12, 2), WirePdu.Create(random, 0, 3),
            WirePdu.Create(random, 4, 0), WirePdu.Create(random, 0, 4), WirePdu.Create(random, 0, 21),
        ];
    }

    private static byte[] Encode(IEnumerable<WirePdu> pdus, bool headerDigest, bool dataDigest) =>
        [.. pdus.SelectMany(pdu => pdu.Encode(headerDigest, dataDigest))];

    /// <summary>A receive loop: keeps what was not consumed, and goes on when more comes.</summary>
    private static void Feed(WirePdu[] expected, bool headerDigest, bool dataDigest, ReadOnlySequence<byte>[] inputs)
    {
        var parser = Parser(headerDigest, dataDigest);
        var destination = Sequences.Runs(2, 5, 30);
        var seen = 0;
        byte[] kept = [];
        foreach (var input in inputs)
        {
            var rest = kept.Length == 0 ? input : new ReadOnlySequence<byte>([.. kept, .. input.ToArray()]);
            while (true)
            {
                if (!parser.IsInPdu)
                {
                    if (parser.ParseHeader(ref rest) != PduParseStatus.Done) break;
                    Assert.Equal(expected[seen].Header, parser.Header.ReadOnlyBytes.ToArray());
                    Assert.Equal(expected[seen].AdditionalHeader, parser.AdditionalHeader.ToArray());
                    parser.CollectInto(destination, 1);
                }
                if (parser.ParsePayload(ref rest) != PduParseStatus.Done) break;
                Assert.Equal(expected[seen].Data, destination.ToArray()[1..(1 + expected[seen].Data.Length)]);
                seen++;
            }
            Assert.Equal(PduFault.None, parser.Fault);
            kept = rest.ToArray();
        }
        Assert.Equal(expected.Length, seen);
        Assert.Empty(kept);
    }

    /// <summary>A receive loop that mixes read-ahead with direct receives, whose tails go through the input.</summary>
    private static void Receive(WirePdu[] expected, byte[] stream, bool headerDigest, bool dataDigest, Random random)
    {
        var parser = Parser(headerDigest, dataDigest);
        var position = 0;
        var input = ReadOnlySequence<byte>.Empty;
        foreach (var pdu in expected)
        {
            PduParseStatus status;
            while ((status = parser.ParseHeader(ref input)) == PduParseStatus.NeedInput) ReadAhead();
            Assert.Equal(PduParseStatus.Done, status);
            Assert.Equal(pdu.AdditionalHeader, parser.AdditionalHeader.ToArray());

            var offset = random.Next(50);
            var runs = new List<int>();
            while (runs.Sum() < offset + pdu.Data.Length) runs.Add(random.Next(1, 2000));
            var destination = Sequences.Runs([.. runs, 1]);
            parser.CollectInto(destination, offset);
            while ((status = parser.ParsePayload(ref input)) == PduParseStatus.NeedInput)
            {
                if (!input.IsEmpty || parser.DirectBytesWanted == 0 || random.NextBool())
                {
                    ReadAhead();
                    continue;
                }
                var direct = new BlockList();
                parser.GetDirectDestination(direct);
                Assert.Equal(parser.DirectBytesWanted, direct.Length);
                var tail = new byte[16];
                direct.Add(tail);
                var received = Math.Min(random.Next(1, direct.Length + 1), stream.Length - position);
                direct.CopyFrom(0, stream.AsSpan(position, received));
                position += received;
                var data = Math.Min(received, parser.DirectBytesWanted);
                parser.OnDirectReceived(data);
                input = new ReadOnlySequence<byte>(tail[..(received - data)]);
            }
            Assert.Equal(PduParseStatus.Done, status);
            Assert.Equal(pdu.Data, destination.ToArray()[offset..(offset + pdu.Data.Length)]);
        }
        Assert.Equal(stream.Length, position);
        Assert.True(input.IsEmpty);

        void ReadAhead()
        {
            var take = Math.Min(random.Next(1, 300), stream.Length - position);
            Assert.True(take > 0, "The parser wants more than the stream has.");
            byte[] bytes = [.. input.ToArray(), .. stream[position..(position + take)]];
            position += take;
            input = random.NextBool() ? new ReadOnlySequence<byte>(bytes) : Sequences.Split(bytes, random.Next(bytes.Length + 1));
        }
    }
}

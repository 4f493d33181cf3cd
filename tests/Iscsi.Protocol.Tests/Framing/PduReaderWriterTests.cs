using System.Buffers;
using System.IO.Pipelines;
using Reservations;

namespace Iscsi.Protocol.Tests;

public sealed class PduReaderWriterTests
{
    [Theory, MemberData(nameof(PduParserTests.Digests), MemberType = typeof(PduParserTests))]
    public async Task What_is_written_is_the_wire_format_however_the_data_come(bool headerDigest, bool dataDigest)
    {
        foreach (var length in new[] { 0, 1, 2, 3, 4, 5000 })
        {
            var pdu = WirePdu.Create(new Random(length), length == 3 ? 12 : 0, length);
            var blocks = Sequences.Runs(1000, 3, 6000);
            blocks.CopyFrom(999, pdu.Data);
            var pipe = new Pipe();
            var writer = new PduWriter(pipe.Writer) { HeaderDigest = headerDigest, DataDigest = dataDigest };
            writer.Write(pdu.Header, pdu.AdditionalHeader, pdu.Data);
            writer.Write(pdu.Header, pdu.AdditionalHeader, Sequences.Split(pdu.Data, length / 3, length / 2));
            writer.Write(pdu.Header, pdu.AdditionalHeader, blocks, 999, length);
            Assert.True(await writer.FlushAsync());
            var once = pdu.Encode(headerDigest, dataDigest);
            var written = (await pipe.Reader.ReadAsync()).Buffer.ToArray();
            Assert.Equal([.. once, .. once, .. once], written);
        }
    }

    [Fact]
    public void The_writer_fills_in_the_lengths()
    {
        var output = new SmallBlocksWriter(64);
        var writer = new PduWriter(output);
        writer.Write(new byte[48], new byte[8], new byte[0x10203]);
        Assert.Equal([2, 1, 2, 3], output.Written[4..8]);
        Assert.Equal(48 + 8 + 0x10204, output.Written.Count);
        Assert.Throws<ArgumentOutOfRangeException>(() => writer.Write(new byte[48], new byte[6]));
    }

    [Fact]
    public void The_writer_is_content_with_blocks_of_any_size()
    {
        var pdu = WirePdu.Create(new Random(3), 40, 999);
        foreach (var blockSize in new[] { 1, 7, 4096 })
        {
            var output = new SmallBlocksWriter(blockSize);
            var writer = new PduWriter(output) { HeaderDigest = true, DataDigest = true };
            writer.Write(pdu.Header, pdu.AdditionalHeader, pdu.Data);
            Assert.Equal(pdu.Encode(headerDigest: true, dataDigest: true), output.Written);
        }
    }

    [Theory, MemberData(nameof(PduParserTests.Digests), MemberType = typeof(PduParserTests))]
    public async Task What_is_written_is_read(bool headerDigest, bool dataDigest)
    {
        var pipe = new Pipe(new PipeOptions(pauseWriterThreshold: 4096, resumeWriterThreshold: 2048, minimumSegmentSize: 100));
        var pdus = Enumerable.Range(0, 40).Select(i => WirePdu.Create(new Random(i), i % 3 * 4, i % 4 == 0 ? 0 : i * 100)).ToArray();
        var writing = Task.Run(async () =>
        {
            var writer = new PduWriter(pipe.Writer) { HeaderDigest = headerDigest, DataDigest = dataDigest };
            foreach (var pdu in pdus)
            {
                writer.Write(pdu.Header, pdu.AdditionalHeader, pdu.Data);
                await writer.FlushAsync();
            }
            await pipe.Writer.CompleteAsync();
        });
        var reader = new PduReader(pipe.Reader, new PduParser(new PduParserLimits()) { HeaderDigest = headerDigest, DataDigest = dataDigest });
        var destination = Sequences.Runs(100, 8092);
        for (var i = 0; i < pdus.Length; i++)
        {
            Assert.Equal(PduReadStatus.Done, await reader.ReadHeaderAsync());
            Assert.Equal(pdus[i].Header, reader.Parser.Header.ReadOnlyBytes.ToArray());
            Assert.Equal(pdus[i].AdditionalHeader, reader.Parser.AdditionalHeader.ToArray());
            if (i % 5 == 4)
            {
                Assert.Equal(PduReadStatus.Done, await reader.SkipPayloadAsync());
                continue;
            }
            Assert.Equal(PduReadStatus.Done, await reader.ReadPayloadAsync(destination));
            Assert.Equal(pdus[i].Data, destination.ToArray()[..pdus[i].Data.Length]);
        }
        Assert.Equal(PduReadStatus.Closed, await reader.ReadHeaderAsync());
        await writing;
    }

    [Fact]
    public async Task A_stream_that_ends_says_whether_it_ended_inside_a_PDU()
    {
        var stream = WirePdu.Create(new Random(1), 4, 9).Encode(headerDigest: true, dataDigest: true);
        for (var length = 0; length <= stream.Length; length++)
        {
            var reader = new PduReader(PipeReader.Create(new ReadOnlySequence<byte>(stream, 0, length)), new PduParser(new PduParserLimits()) { HeaderDigest = true, DataDigest = true });
            var status = await reader.ReadHeaderAsync();
            Assert.Equal(length == 0 ? PduReadStatus.Closed : length < 56 ? PduReadStatus.ClosedInPdu : PduReadStatus.Done, status);
            if (status != PduReadStatus.Done) continue;
            Assert.Equal(length < stream.Length ? PduReadStatus.ClosedInPdu : PduReadStatus.Done, await reader.ReadPayloadAsync(Sequences.Runs(9)));
        }
    }

    [Fact]
    public async Task A_header_that_is_refused_for_a_length_can_be_skipped()
    {
        byte[] stream =
        [
            .. WirePdu.Create(new Random(1), 260, 5).Encode(headerDigest: true, dataDigest: false),
            .. WirePdu.Create(new Random(2), 0, 9000).Encode(headerDigest: true, dataDigest: false),
            .. WirePdu.Create(new Random(3), 0, 1).Encode(headerDigest: true, dataDigest: false),
        ];
        var reader = new PduReader(PipeReader.Create(new ReadOnlySequence<byte>(stream)), new PduParser(new PduParserLimits()) { HeaderDigest = true });
        Assert.Equal(PduReadStatus.Failed, await reader.ReadHeaderAsync());
        Assert.Equal(PduFault.AhsTooLong, reader.Parser.Fault);
        Assert.Equal(PduReadStatus.Done, await reader.SkipPayloadAsync());
        Assert.Equal(PduReadStatus.Failed, await reader.ReadHeaderAsync());
        Assert.Equal(PduFault.DataSegmentTooLong, reader.Parser.Fault);
        Assert.Equal(PduReadStatus.Done, await reader.SkipPayloadAsync());
        Assert.Equal(PduReadStatus.Done, await reader.ReadHeaderAsync());
        Assert.Equal(PduReadStatus.Done, await reader.ReadPayloadAsync(Sequences.Runs(1)));
    }

    [Fact]
    public async Task A_read_that_is_cancelled_loses_nothing()
    {
        var pipe = new Pipe();
        var pdu = WirePdu.Create(new Random(1), 0, 0);
        var reader = new PduReader(pipe.Reader, new PduParser(new PduParserLimits()));
        await pipe.Writer.WriteAsync(pdu.Header.AsMemory(0, 20));
        using var cancellation = new CancellationTokenSource();
        var reading = reader.ReadHeaderAsync(cancellation.Token).AsTask();
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading);
        await pipe.Writer.WriteAsync(pdu.Header.AsMemory(20));
        Assert.Equal(PduReadStatus.Done, await reader.ReadHeaderAsync());
        Assert.Equal(pdu.Header, reader.Parser.Header.ReadOnlyBytes.ToArray());
    }

    /// <summary>Gives out blocks of one size, and refuses to be asked for more than one.</summary>
    private sealed class SmallBlocksWriter(int blockSize) : PipeWriter
    {
        private readonly byte[] _block = new byte[blockSize];

        public List<byte> Written { get; } = [];

        public override void Advance(int bytes) => Written.AddRange(_block[..bytes]);

        public override Memory<byte> GetMemory(int sizeHint = 0)
        {
            Assert.InRange(sizeHint, 0, blockSize);
            return _block;
        }

        public override Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

        public override void CancelPendingFlush() => throw new NotSupportedException();

        public override void Complete(Exception? exception = null) => throw new NotSupportedException();

        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) => throw new NotSupportedException();
    }
}

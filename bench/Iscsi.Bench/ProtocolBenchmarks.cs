using System.Buffers;
using BenchmarkDotNet.Attributes;
using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;
using Reservations;

namespace Iscsi.Bench;

/// <summary>The machines without I/O.</summary>
[MemoryDiagnoser]
public class ProtocolBenchmarks
{
    private readonly byte[] _header = GC.AllocateArray<byte>(BasicHeaderSegment.Size, pinned: true);
    private readonly byte[] _wire = GC.AllocateArray<byte>(BasicHeaderSegment.Size + 4096, pinned: true);
    private readonly byte[] _data = GC.AllocateArray<byte>(64 * 1024, pinned: true);
    private readonly byte[] _trailer = new byte[PduTrailer.MaxLength];
    private readonly BlockList _place;
    private readonly BlockList _blocks;
    private readonly ReadOnlySequence<byte> _input;
    private readonly PduParser _parser = new(new PduParserLimits { MaxDataSegmentLength = 64 * 1024 });
    private readonly CommandWindow _window = new(1, 128);
    private readonly DataInSegmenter _segmenter = new();

    /// <summary>Prepares.</summary>
    public ProtocolBenchmarks()
    {
        new Random(1).NextBytes(_data);
        _place = BlockList.Over(GC.AllocateArray<byte>(4096, pinned: true));
        _blocks = BlockList.Over(_data);
        ScsiCommandPdu.Write(_wire, Command(4096));
        _input = new ReadOnlySequence<byte>(_wire);
        _window.Grow(64);
    }

    /// <summary>48 bytes of a SCSI Command written and looked at.</summary>
    [Benchmark]
    public uint WriteAndReadScsiCommand()
    {
        ScsiCommandPdu.Write(_header, Command(0));
        BasicHeaderSegment header = default;
        _header.CopyTo((Span<byte>)header);
        var pdu = new ScsiCommandPdu(in header);
        return pdu.Validate() == PduFault.None ? pdu.CmdSN : 0;
    }

    /// <summary>A SCSI Command with 4 KiB of immediate data through the parser, into its place.</summary>
    [Benchmark]
    public bool ParseWrite4KiB()
    {
        var input = _input;
        _parser.ParseHeader(ref input);
        _parser.CollectInto(_place, 0);
        return _parser.ParsePayload(ref input) == PduParseStatus.Done;
    }

    /// <summary>One number comes, and its slot opens the next.</summary>
    [Benchmark]
    public uint AcceptInWindow()
    {
        _window.Classify(_window.ExpCmdSN, isImmediate: false);
        _window.Accept(_window.ExpCmdSN, now: 0);
        _window.Grow(1);
        return _window.Advertise();
    }

    /// <summary>64 KiB cut into Data-In PDUs of 8 KiB.</summary>
    [Benchmark]
    public uint CutDataIn64KiB()
    {
        _segmenter.Begin(64 * 1024, 8192, 256 * 1024);
        while (_segmenter.Remaining > 0) _segmenter.Next((int)_segmenter.Remaining, canCarryStatus: true);
        return _segmenter.DataSN;
    }

    /// <summary>CRC32C of 4 KiB.</summary>
    [Benchmark]
    public uint Crc4KiB() => Crc32C.Compute(_data.AsSpan(0, 4096));

    /// <summary>CRC32C of 64 KiB.</summary>
    [Benchmark]
    public uint Crc64KiB() => Crc32C.Compute(_data);

    /// <summary>Padding and data digest of 4 KiB.</summary>
    [Benchmark]
    public int TrailerOf4KiB() => PduTrailer.Write(_blocks, 0, 4096, hasDigest: true, _trailer);

    private static ScsiCommandFields Command(int dataLength) => new()
    {
        IsFinal = true,
        IsWrite = true,
        InitiatorTaskTag = 7,
        ExpectedDataTransferLength = 4096,
        DataSegmentLength = dataLength,
        CmdSN = 1,
        Cdb = Write10,
    };

    private static ReadOnlySpan<byte> Write10 => [0x2A, 0, 0, 0, 0, 0, 0, 0, 8, 0];
}

using System.Buffers;
using Reservations;

namespace Iscsi.Protocol;

// The life of a parser:
//
//   Header ──── ParseHeader Done ────▶ Payload ──── ParsePayload Done, or wrong data digest ────▶ Header
//     │
//     ├── AHS or data too long ──▶ Refused ── Drain ──▶ DrainHeader (after AHS too long)
//     │                                   ▲                  │
//     │                                   └── data too long ─┤
//     └── wrong header digest ───▶ Broken ◀─ wrong digest ───┘── else ──▶ Payload, discarding
//
// Drain after a data segment that is too long goes to Payload, discarding, at once.

/// <summary>
/// Takes PDUs out of a stream of bytes, sans-IO: first the header, then, when the caller has said where it goes, the payload
/// (RFC 7143, 11.1). It never allocates, never waits and never throws for what a peer sent.
/// </summary>
/// <remarks>
/// For each PDU: <see cref="ParseHeader"/> until it is Done; <see cref="CollectInto"/> or <see cref="DiscardPayload"/> when
/// <c>Header.DataSegmentLength</c> is not 0; <see cref="ParsePayload"/> until it is Done (also for a PDU without payload).
/// Between two calls of <see cref="ParsePayload"/>, data may be received past the input straight into the destination.
/// </remarks>
public sealed partial class PduParser
{
    private readonly byte[] _additionalHeader;
    private BasicHeaderSegment _header;
    private int _additionalHeaderLength;
    private State _state;

    private enum State : byte
    {
        Header,
        Payload,
        Refused,
        DrainHeader,
        Broken,
    }

    /// <summary>Creates a parser that stands before the first header.</summary>
    /// <param name="limits">The limits; kept, so that a change counts from the next header on.</param>
    public PduParser(PduParserLimits limits)
    {
        ArgumentNullException.ThrowIfNull(limits);
        Limits = limits;
        _additionalHeader = new byte[limits.MaxAhsLengthBytes & ~3];
    }

    /// <summary>The limits.</summary>
    public PduParserLimits Limits { get; }

    /// <summary>Whether headers carry a digest. A change counts from the next header on.</summary>
    public bool HeaderDigest { get; set; }

    /// <summary>Whether data segments carry a digest. A change counts from the next header on.</summary>
    public bool DataDigest { get; set; }

    /// <summary>
    /// The header of the current PDU: valid from <see cref="ParseHeader"/>'s Done, or Failed, to its next call.
    /// </summary>
    public ref readonly BasicHeaderSegment Header => ref _header;

    /// <summary>
    /// The Additional Header Segments of the current PDU, usually none. Valid as long as <see cref="Header"/> is.
    /// </summary>
    public ReadOnlySpan<byte> AdditionalHeader => _additionalHeader.AsSpan(0, _additionalHeaderLength);

    /// <summary>Why the last step failed; <see cref="PduFault.None"/> again when the next header is parsed.</summary>
    public PduFault Fault { get; private set; }

    /// <summary>
    /// Whether a header has been parsed, or refused, whose payload is not complete. When the stream ends with this false and
    /// nothing unconsumed, it ended between two PDUs.
    /// </summary>
    public bool IsInPdu => _state != State.Header;

    /// <summary>
    /// Parses a header: 48 bytes, Additional Header Segments, digest. Consumes nothing until they are all there.
    /// </summary>
    /// <param name="input">The unconsumed bytes; advanced past what is consumed.</param>
    /// <returns>
    /// Done; NeedInput with nothing consumed (the most it needs at once is 48 bytes + MaxAhsLengthBytes + 4); or Failed with
    /// <see cref="PduFault.AhsTooLong"/> or <see cref="PduFault.DataSegmentTooLong"/> (<see cref="Drain"/> makes it possible to
    /// go on) or <see cref="PduFault.HeaderDigestMismatch"/> (the stream has no more boundaries: every later call fails too).
    /// </returns>
    /// <exception cref="InvalidOperationException">The payload of the last PDU is not complete.</exception>
    public PduParseStatus ParseHeader(ref ReadOnlySequence<byte> input)
    {
        if (_state != State.Header) return OutOfTurn();
        var first = input.FirstSpan;
        if (HeaderDigest || first.Length < BasicHeaderSegment.Size || first[4] != 0) return ParseLongHeader(ref input);
        _header = BasicHeaderSegment.Over(first);
        _additionalHeaderLength = 0;
        input = input.Slice(BasicHeaderSegment.Size);
        return BeginPayload();
    }

    /// <summary>Goes on after a header that was refused for a length: its payload will be read and thrown away.</summary>
    /// <remarks>
    /// After <see cref="PduFault.AhsTooLong"/> the header digest has not been checked: <see cref="ParsePayload"/> checks it, and
    /// refuses a data segment that is too long in its turn. So the Reject is for when it is Done.
    /// </remarks>
    /// <exception cref="InvalidOperationException">No header was refused.</exception>
    public void Drain()
    {
        if (_state != State.Refused) throw new InvalidOperationException("Only a refused header can be drained.");
        if (Fault == PduFault.AhsTooLong)
        {
            _state = State.DrainHeader;
            _drainRemaining = _header.TotalAhsLengthBytes;
            _crc = HeaderDigest ? Crc32C.Append(Crc32C.Initial, _header.ReadOnlyBytes) : 0;
            _trailerLength = HeaderDigest ? Crc32C.DigestLength : 0;
            _trailerFilled = 0;
            return;
        }
        EnterPayload();
        _sink = Sink.Discard;
    }

    private PduParseStatus ParseLongHeader(ref ReadOnlySequence<byte> input)
    {
        Span<byte> copy = stackalloc byte[BasicHeaderSegment.Size + (255 * 4) + Crc32C.DigestLength];
        if (!TryPeek(input, BasicHeaderSegment.Size, copy, out var bytes)) return PduParseStatus.NeedInput;
        var additionalLength = bytes[4] * 4;
        if (additionalLength > _additionalHeader.Length)
        {
            _header = BasicHeaderSegment.Over(bytes);
            _additionalHeaderLength = 0;
            input = input.Slice(BasicHeaderSegment.Size);
            return Refuse(PduFault.AhsTooLong);
        }

        var covered = BasicHeaderSegment.Size + additionalLength;
        var total = covered + (HeaderDigest ? Crc32C.DigestLength : 0);
        if (!TryPeek(input, total, copy, out bytes)) return PduParseStatus.NeedInput;
        _header = BasicHeaderSegment.Over(bytes);
        bytes[BasicHeaderSegment.Size..covered].CopyTo(_additionalHeader);
        _additionalHeaderLength = additionalLength;
        var isIntact = !HeaderDigest || Crc32C.Matches(Crc32C.Append(Crc32C.Initial, bytes[..covered]), bytes[covered..]);
        input = input.Slice(total);
        return isIntact ? BeginPayload() : Break();
    }

    /// <summary>The first bytes in one piece: in place when they are, else copied.</summary>
    private static bool TryPeek(in ReadOnlySequence<byte> input, int length, Span<byte> copy, out ReadOnlySpan<byte> bytes)
    {
        bytes = input.FirstSpan;
        if (bytes.Length >= length)
        {
            bytes = bytes[..length];
            return true;
        }
        if (input.Length < length) return false;
        input.Slice(0, length).CopyTo(copy);
        bytes = copy[..length];
        return true;
    }

    private PduParseStatus BeginPayload()
    {
        if (_header.DataSegmentLength > Limits.MaxDataSegmentLength) return Refuse(PduFault.DataSegmentTooLong);
        EnterPayload();
        Fault = PduFault.None;
        return PduParseStatus.Done;
    }

    private PduParseStatus Refuse(PduFault fault)
    {
        _state = State.Refused;
        Fault = fault;
        return PduParseStatus.Failed;
    }

    private PduParseStatus Break()
    {
        _state = State.Broken;
        Fault = PduFault.HeaderDigestMismatch;
        return PduParseStatus.Failed;
    }

    private PduParseStatus OutOfTurn() => _state is State.Broken or State.Refused
        ? PduParseStatus.Failed
        : throw new InvalidOperationException("The payload of the last PDU is not complete.");
}

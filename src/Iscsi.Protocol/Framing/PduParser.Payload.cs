using System.Buffers;
using System.Runtime.CompilerServices;
using Reservations;

namespace Iscsi.Protocol;

public sealed partial class PduParser
{
    private BlockList? _destination;
    private int _runIndex;
    private int _runOffsetBytes;
    private int _dataRemaining;
    private int _drainRemaining;
    private uint _crc;
    private Trailer _trailer;
    private int _trailerLength;
    private int _trailerFilled;
    private bool _hasDataDigest;
    private Sink _sink;

    private enum Sink : byte
    {
        None,
        Collect,
        Discard,
    }

    /// <summary>
    /// Data bytes (no padding, no digest) that are missing and may be received straight into the destination; 0 when nothing is
    /// collected. The input must be consumed first, because what is in it comes first.
    /// </summary>
    public int DirectBytesWanted => _state == State.Payload && _sink == Sink.Collect ? _dataRemaining : 0;

    /// <summary>Says where the payload of the current PDU goes. Its CRC runs as it arrives.</summary>
    /// <param name="destination">Kept until the payload is complete; must not be changed meanwhile.</param>
    /// <param name="offsetBytes">Where the first byte goes; DataSegmentLength bytes must fit after it.</param>
    /// <exception cref="ArgumentOutOfRangeException">The list has no room for the payload there.</exception>
    /// <exception cref="InvalidOperationException">
    /// There is no header whose payload waits, or its place has been given.
    /// </exception>
    public void CollectInto(BlockList destination, int offsetBytes)
    {
        ArgumentNullException.ThrowIfNull(destination);
        CheckPlaceless();
        if ((uint)offsetBytes > (uint)destination.Length || _dataRemaining > destination.Length - offsetBytes)
            throw new ArgumentOutOfRangeException(
                nameof(offsetBytes), $"No room for {_dataRemaining} bytes at {offsetBytes} of {destination.Length}.");
        _destination = destination;
        _sink = Sink.Collect;
        _runIndex = 0;
        var runs = destination.Runs;
        while (_runIndex < runs.Length && offsetBytes >= runs[_runIndex].Length) offsetBytes -= runs[_runIndex++].Length;
        _runOffsetBytes = offsetBytes;
    }

    /// <summary>Says that the payload of the current PDU is thrown away. Its digest is checked all the same.</summary>
    /// <exception cref="InvalidOperationException">
    /// There is no header whose payload waits, or its place has been given.
    /// </exception>
    public void DiscardPayload()
    {
        CheckPlaceless();
        _sink = Sink.Discard;
    }

    /// <summary>Consumes the payload of the current PDU, its padding and its digest, as far as the input goes.</summary>
    /// <param name="input">The unconsumed bytes; advanced past what is consumed. May be empty.</param>
    /// <returns>
    /// NeedInput; Done, once for each PDU; or Failed with <see cref="PduFault.DataDigestMismatch"/> (all of the PDU is consumed,
    /// the next header can be parsed) or, while draining, with <see cref="PduFault.HeaderDigestMismatch"/> or
    /// <see cref="PduFault.DataSegmentTooLong"/>.
    /// </returns>
    /// <exception cref="InvalidOperationException">
    /// No header has been parsed, or there is data and no place for it was given.
    /// </exception>
    public PduParseStatus ParsePayload(ref ReadOnlySequence<byte> input)
    {
        if (_state != State.Payload)
        {
            if (_state == State.Header) throw new InvalidOperationException("There is no header whose payload waits.");
            if (_state != State.DrainHeader) return PduParseStatus.Failed;
            var drained = DrainHeader(ref input);
            if (drained != PduParseStatus.Done) return drained;
        }
        if (_dataRemaining > 0)
        {
            if (_sink == Sink.None) throw new InvalidOperationException("Say first where the payload goes.");
            ConsumeData(ref input);
            if (_dataRemaining > 0) return PduParseStatus.NeedInput;
        }
        if (_trailerFilled < _trailerLength && !FillTrailer(ref input)) return PduParseStatus.NeedInput;

        _state = State.Header;
        _destination = null;
        if (!_hasDataDigest) return PduParseStatus.Done;
        ReadOnlySpan<byte> trailer = _trailer;
        var padLength = _trailerLength - Crc32C.DigestLength;
        if (Crc32C.Matches(Crc32C.Append(_crc, trailer[..padLength]), trailer[padLength..])) return PduParseStatus.Done;
        Fault = PduFault.DataDigestMismatch;
        return PduParseStatus.Failed;
    }

    /// <summary>
    /// Appends the rest of the destination, as runs, to a list. The caller may add memory for what follows the data.
    /// </summary>
    /// <param name="into">Gets <see cref="DirectBytesWanted"/> bytes more.</param>
    /// <exception cref="InvalidOperationException">Nothing is wanted.</exception>
    public void GetDirectDestination(BlockList into)
    {
        ArgumentNullException.ThrowIfNull(into);
        var remaining = DirectBytesWanted;
        if (remaining == 0) throw new InvalidOperationException("No data are wanted.");
        var runs = _destination!.Runs;
        var offset = _runOffsetBytes;
        for (var i = _runIndex; remaining > 0; i++)
        {
            var take = Math.Min(remaining, runs[i].Length - offset);
            into.Add(runs[i].Slice(offset, take));
            remaining -= take;
            offset = 0;
        }
    }

    /// <summary>Takes note of data that were received straight into the destination.</summary>
    /// <param name="byteCount">
    /// Data bytes: at most <see cref="DirectBytesWanted"/>. What was received beyond them belongs into the next input.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException">More than was wanted.</exception>
    public void OnDirectReceived(int byteCount)
    {
        if ((uint)byteCount > (uint)DirectBytesWanted)
            throw new ArgumentOutOfRangeException(nameof(byteCount), byteCount, "More than was wanted.");
        _dataRemaining -= byteCount;
        while (byteCount > 0)
        {
            var rest = CurrentRun;
            var take = Math.Min(byteCount, rest.Length);
            if (_hasDataDigest) _crc = Crc32C.Append(_crc, rest[..take]);
            Advance(take, rest.Length);
            byteCount -= take;
        }
    }

    private Span<byte> CurrentRun => _destination!.Runs[_runIndex].Span[_runOffsetBytes..];

    private void EnterPayload()
    {
        _state = State.Payload;
        _sink = Sink.None;
        _dataRemaining = _header.DataSegmentLength;
        _hasDataDigest = DataDigest && _dataRemaining > 0;
        _trailerLength = PduTrailer.GetLength(_dataRemaining, DataDigest);
        _trailerFilled = 0;
        _crc = Crc32C.Initial;
    }

    private void ConsumeData(ref ReadOnlySequence<byte> input)
    {
        var consumed = 0;
        if (input.IsSingleSegment)
        {
            consumed = Take(input.FirstSpan);
        }
        else
        {
            foreach (var segment in input)
            {
                consumed += Take(segment.Span);
                if (_dataRemaining == 0) break;
            }
        }
        input = input.Slice(consumed);
    }

    private int Take(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > _dataRemaining) bytes = bytes[.._dataRemaining];
        var taken = bytes.Length;
        _dataRemaining -= taken;
        if (_hasDataDigest) _crc = Crc32C.Append(_crc, bytes);
        if (_sink == Sink.Discard) return taken;
        while (!bytes.IsEmpty)
        {
            var rest = CurrentRun;
            var take = Math.Min(bytes.Length, rest.Length);
            bytes[..take].CopyTo(rest);
            bytes = bytes[take..];
            Advance(take, rest.Length);
        }
        return taken;
    }

    private void Advance(int byteCount, int restOfRun)
    {
        if (byteCount < restOfRun)
        {
            _runOffsetBytes += byteCount;
            return;
        }
        _runIndex++;
        _runOffsetBytes = 0;
    }

    private bool FillTrailer(ref ReadOnlySequence<byte> input)
    {
        var take = (int)Math.Min(_trailerLength - _trailerFilled, input.Length);
        Span<byte> trailer = _trailer;
        input.Slice(0, take).CopyTo(trailer[_trailerFilled..]);
        input = input.Slice(take);
        _trailerFilled += take;
        return _trailerFilled == _trailerLength;
    }

    private PduParseStatus DrainHeader(ref ReadOnlySequence<byte> input)
    {
        var take = (int)Math.Min(_drainRemaining, input.Length);
        if (_trailerLength > 0)
        {
            foreach (var segment in input.Slice(0, take)) _crc = Crc32C.Append(_crc, segment.Span);
        }
        input = input.Slice(take);
        _drainRemaining -= take;
        if (_drainRemaining > 0) return PduParseStatus.NeedInput;
        if (_trailerFilled < _trailerLength && !FillTrailer(ref input)) return PduParseStatus.NeedInput;
        if (_trailerLength > 0 && !Crc32C.Matches(_crc, _trailer)) return Break();
        if (_header.DataSegmentLength > Limits.MaxDataSegmentLength) return Refuse(PduFault.DataSegmentTooLong);
        EnterPayload();
        _sink = Sink.Discard;
        return PduParseStatus.Done;
    }

    private void CheckPlaceless()
    {
        if (_state != State.Payload || _sink != Sink.None)
            throw new InvalidOperationException("There is no header whose payload waits for a place.");
    }

    [InlineArray(PduTrailer.MaxLength)]
    private struct Trailer
    {
        private byte _first;
    }
}

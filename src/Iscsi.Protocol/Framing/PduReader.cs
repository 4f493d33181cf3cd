using System.IO.Pipelines;
using Reservations;

namespace Iscsi.Protocol;

/// <summary>
/// Reads PDUs from a pipe, one at a time: for the login phase and for simple peers. A hot receive loop drives
/// <see cref="PduParser"/> itself.
/// </summary>
/// <remarks>
/// The pipe must be able to hold 48 bytes, the longest Additional Header and 4 bytes at once. For each PDU:
/// <see cref="ReadHeaderAsync"/>, then one of <see cref="ReadPayloadAsync"/>, <see cref="SkipPayloadAsync"/>.
/// </remarks>
public sealed class PduReader
{
    private readonly PipeReader _input;

    /// <summary>Creates a reader.</summary>
    /// <param name="input">Where the bytes come from. It is not completed by the reader.</param>
    /// <param name="parser">The parser, which stands before a header.</param>
    public PduReader(PipeReader input, PduParser parser)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(parser);
        _input = input;
        Parser = parser;
    }

    /// <summary>The parser, for the header, the fault and the digests.</summary>
    public PduParser Parser { get; }

    /// <summary>Reads a header.</summary>
    /// <param name="cancellationToken">Cancels the wait; what was received stays in the pipe.</param>
    public async ValueTask<PduReadStatus> ReadHeaderAsync(CancellationToken cancellationToken = default)
    {
        PduReadStatus status;
        while (!TryTakeHeader(await _input.ReadAsync(cancellationToken).ConfigureAwait(false), out status)) { }
        return status;
    }

    /// <summary>Takes a header out of what was read, for who waits for input himself; the input is advanced.</summary>
    /// <param name="read">What was read.</param>
    /// <param name="status">How it ended, when the answer is true.</param>
    /// <returns>False: more input is needed.</returns>
    /// <exception cref="OperationCanceledException">The read was cancelled by <see cref="PipeReader.CancelPendingRead"/>.</exception>
    public bool TryTakeHeader(in ReadResult read, out PduReadStatus status)
    {
        var rest = read.Buffer;
        var wasEmpty = rest.IsEmpty;
        var parsed = Parser.ParseHeader(ref rest);
        _input.AdvanceTo(rest.Start, parsed == PduParseStatus.NeedInput ? read.Buffer.End : rest.Start);
        status = parsed != PduParseStatus.NeedInput ? Convert(parsed) : wasEmpty ? PduReadStatus.Closed : PduReadStatus.ClosedInPdu;
        return parsed != PduParseStatus.NeedInput || IsEnd(read);
    }

    /// <summary>Reads the payload of the PDU whose header was read.</summary>
    /// <param name="destination">Gets the data; must have room for DataSegmentLength bytes.</param>
    /// <param name="offsetBytes">Where the first byte goes.</param>
    /// <param name="cancellationToken">Cancels the wait; the connection is then of no more use.</param>
    /// <returns>Done, Failed or ClosedInPdu.</returns>
    public ValueTask<PduReadStatus> ReadPayloadAsync(
        BlockList destination, int offsetBytes = 0, CancellationToken cancellationToken = default)
    {
        Parser.CollectInto(destination, offsetBytes);
        return FinishAsync(cancellationToken);
    }

    /// <summary>Reads and throws away the payload of the PDU whose header was read, or was refused for a length.</summary>
    /// <param name="cancellationToken">Cancels the wait; the connection is then of no more use.</param>
    /// <returns>Done, Failed or ClosedInPdu.</returns>
    public ValueTask<PduReadStatus> SkipPayloadAsync(CancellationToken cancellationToken = default)
    {
        if (Parser.Fault is PduFault.AhsTooLong or PduFault.DataSegmentTooLong) Parser.Drain();
        else Parser.DiscardPayload();
        return FinishAsync(cancellationToken);
    }

    /// <summary>Begins to take the payload of the PDU whose header was read, for who waits for input himself.</summary>
    /// <param name="destination">Gets the data; must have room for DataSegmentLength bytes.</param>
    /// <param name="status">How it ended, when the answer is true.</param>
    /// <returns>False: input is needed, for <see cref="TryTakePayload"/>.</returns>
    public bool TryStartPayload(BlockList destination, out PduReadStatus status)
    {
        Parser.CollectInto(destination, offsetBytes: 0);
        return TryFinishWithHeader(out status);
    }

    /// <summary>Takes the payload, or a part of it, out of what was read; the input is advanced.</summary>
    /// <param name="read">What was read.</param>
    /// <param name="status">How it ended, when the answer is true: Done, Failed or ClosedInPdu.</param>
    /// <returns>False: more input is needed.</returns>
    /// <exception cref="OperationCanceledException">The read was cancelled by <see cref="PipeReader.CancelPendingRead"/>.</exception>
    public bool TryTakePayload(in ReadResult read, out PduReadStatus status)
    {
        var rest = read.Buffer;
        var parsed = Parser.ParsePayload(ref rest);
        _input.AdvanceTo(rest.Start, rest.Start);
        status = parsed != PduParseStatus.NeedInput ? Convert(parsed) : PduReadStatus.ClosedInPdu;
        return parsed != PduParseStatus.NeedInput || IsEnd(read);
    }

    private async ValueTask<PduReadStatus> FinishAsync(CancellationToken cancellationToken)
    {
        if (TryFinishWithHeader(out var status)) return status;
        while (!TryTakePayload(await _input.ReadAsync(cancellationToken).ConfigureAwait(false), out status)) { }
        return status;
    }

    // A PDU may end with its header: then there is nothing to wait for.
    private bool TryFinishWithHeader(out PduReadStatus status)
    {
        var none = default(System.Buffers.ReadOnlySequence<byte>);
        var parsed = Parser.ParsePayload(ref none);
        status = Convert(parsed);
        return parsed != PduParseStatus.NeedInput;
    }

    private static bool IsEnd(in ReadResult read)
    {
        if (read.IsCompleted) return true;
        return read.IsCanceled ? throw new OperationCanceledException("The pending read was cancelled.") : false;
    }

    private static PduReadStatus Convert(PduParseStatus status) =>
        status == PduParseStatus.Done ? PduReadStatus.Done : PduReadStatus.Failed;
}

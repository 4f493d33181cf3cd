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
        while (true)
        {
            var read = await _input.ReadAsync(cancellationToken).ConfigureAwait(false);
            var rest = read.Buffer;
            var wasEmpty = rest.IsEmpty;
            var status = Parser.ParseHeader(ref rest);
            _input.AdvanceTo(rest.Start, status == PduParseStatus.NeedInput ? read.Buffer.End : rest.Start);
            if (status != PduParseStatus.NeedInput) return Convert(status);
            if (read.IsCompleted) return wasEmpty ? PduReadStatus.Closed : PduReadStatus.ClosedInPdu;
            if (read.IsCanceled) throw new OperationCanceledException("The pending read was cancelled.");
        }
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

    private async ValueTask<PduReadStatus> FinishAsync(CancellationToken cancellationToken)
    {
        // A PDU may end with its header: then there is nothing to wait for.
        var none = default(System.Buffers.ReadOnlySequence<byte>);
        var status = Parser.ParsePayload(ref none);
        while (status == PduParseStatus.NeedInput)
        {
            var read = await _input.ReadAsync(cancellationToken).ConfigureAwait(false);
            var rest = read.Buffer;
            status = Parser.ParsePayload(ref rest);
            _input.AdvanceTo(rest.Start, rest.Start);
            if (status != PduParseStatus.NeedInput) break;
            if (read.IsCompleted) return PduReadStatus.ClosedInPdu;
            if (read.IsCanceled) throw new OperationCanceledException("The pending read was cancelled.");
        }
        return Convert(status);
    }

    private static PduReadStatus Convert(PduParseStatus status) =>
        status == PduParseStatus.Done ? PduReadStatus.Done : PduReadStatus.Failed;
}

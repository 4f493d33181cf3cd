namespace Iscsi.Protocol;

/// <summary>
/// The data of one write command at its initiator: what the command carries, the unsolicited sequence, the answers to R2Ts
/// (RFC 7143, 4.2.5.2, 11.7, 11.8). Reused from task to task.
/// </summary>
public sealed class DataOutSequencer
{
    private readonly Sequence[] _requested;
    private DataSequenceParameters _parameters = new();
    private Sequence _current;
    private int _maxSegmentLength;
    private int _requestedFirst;
    private int _requestedCount;
    private uint _nextR2TSN;

    /// <summary>Creates a sequencer.</summary>
    /// <param name="maxOutstandingR2T">
    /// R2Ts that may wait at once, 1 to 65,535: at least MaxOutstandingR2T of the sessions it is used in.
    /// </param>
    public DataOutSequencer(int maxOutstandingR2T = 1)
    {
        if (maxOutstandingR2T is < 1 or > 65535) throw new ArgumentOutOfRangeException(nameof(maxOutstandingR2T));
        _requested = new Sequence[maxOutstandingR2T];
    }

    /// <summary>ExpectedDataTransferLength of the command.</summary>
    public uint ExpectedLength { get; private set; }

    /// <summary>Bytes the command itself carries.</summary>
    public int ImmediateLength { get; private set; }

    /// <summary>The F bit of the command: no unsolicited Data-Out follows it.</summary>
    public bool IsCommandFinal { get; private set; }

    /// <summary>Whether <see cref="TryNext"/> has a Data-Out.</summary>
    public bool HasNext => _current.IsOpen || _requestedCount > 0;

    /// <summary>Starts with a command.</summary>
    /// <param name="parameters">What the login agreed on.</param>
    /// <param name="maxRecvDataSegmentLength">What the target declared.</param>
    /// <param name="expectedLength">Bytes to write.</param>
    public void Begin(DataSequenceParameters parameters, int maxRecvDataSegmentLength, uint expectedLength)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        ArgumentOutOfRangeException.ThrowIfLessThan(maxRecvDataSegmentLength, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(parameters.MaxOutstandingR2T, _requested.Length, nameof(parameters));
        _parameters = parameters;
        _maxSegmentLength = maxRecvDataSegmentLength;
        _requestedFirst = 0;
        _requestedCount = 0;
        _nextR2TSN = 0;
        ExpectedLength = expectedLength;
        var unsolicited = Math.Min((uint)parameters.FirstBurstLength, expectedLength);
        ImmediateLength = parameters.ImmediateData ? (int)Math.Min((uint)maxRecvDataSegmentLength, unsolicited) : 0;
        IsCommandFinal = parameters.InitialR2T || (uint)ImmediateLength == unsolicited;
        _current = IsCommandFinal
            ? default
            : new Sequence(0, TaskTag.Reserved, (uint)ImmediateLength, unsolicited - (uint)ImmediateLength);
    }

    /// <summary>Takes in an R2T of the command. It is answered after what is being sent.</summary>
    /// <param name="pdu">The PDU, which has passed its own check.</param>
    /// <returns>
    /// <see cref="PduFault.None"/>; <see cref="PduFault.InvalidDataSN"/>; <see cref="PduFault.DataOverrun"/> when it asks for
    /// what the command does not have, or for more than MaxBurstLength; <see cref="PduFault.UnexpectedPdu"/> when too many wait.
    /// </returns>
    public PduFault OnR2T(ReadyToTransferPdu pdu)
    {
        if (pdu.R2TSN != _nextR2TSN) return PduFault.InvalidDataSN;
        // An offset that was asked for before is harmless, and some targets do that; one outside the memory is not.
        if ((ulong)pdu.BufferOffset + pdu.DesiredDataTransferLength > ExpectedLength) return PduFault.DataOverrun;
        if (pdu.DesiredDataTransferLength == 0) return PduFault.InvalidLength;
        if (pdu.DesiredDataTransferLength > (uint)_parameters.MaxBurstLength) return PduFault.DataOverrun;
        if (_requestedCount + (_current.IsSolicited ? 1 : 0) >= _parameters.MaxOutstandingR2T) return PduFault.UnexpectedPdu;
        _nextR2TSN++;
        var last = _requestedFirst + _requestedCount++;
        if (last >= _requested.Length) last -= _requested.Length;
        _requested[last] = new Sequence(pdu.Lun, pdu.TargetTransferTag, pdu.BufferOffset, pdu.DesiredDataTransferLength);
        return PduFault.None;
    }

    /// <summary>The next Data-Out.</summary>
    /// <param name="segment">What to send.</param>
    /// <returns>False when there is nothing to send: the target has the word.</returns>
    public bool TryNext(out DataOutSegment segment)
    {
        if (!_current.IsOpen)
        {
            if (_requestedCount == 0)
            {
                segment = default;
                return false;
            }
            _current = _requested[_requestedFirst];
            if (++_requestedFirst == _requested.Length) _requestedFirst = 0;
            _requestedCount--;
        }
        segment = _current.Cut(_maxSegmentLength);
        return true;
    }

    /// <summary>A run of bytes that is being sent: one answer, or the unsolicited one.</summary>
    private struct Sequence(ulong lun, uint targetTransferTag, uint offset, uint length)
    {
        private uint _offset = offset;
        private uint _remaining = length;
        private uint _dataSN;

        public readonly bool IsOpen => _remaining > 0;

        public readonly bool IsSolicited => _remaining > 0 && targetTransferTag != TaskTag.Reserved;

        public DataOutSegment Cut(int maxLength)
        {
            var cut = Math.Min((uint)maxLength, _remaining);
            var segment = new DataOutSegment(lun, targetTransferTag, _dataSN, _offset, (int)cut, cut == _remaining);
            _offset += cut;
            _remaining -= cut;
            _dataSN++;
            return segment;
        }
    }
}

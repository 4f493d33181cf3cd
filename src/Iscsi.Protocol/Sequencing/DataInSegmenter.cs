namespace Iscsi.Protocol;

/// <summary>
/// Cuts the data of one read command into Data-In PDUs, chunk by chunk (RFC 7143, 11.7): none is longer than the initiator's
/// MaxRecvDataSegmentLength, F ends each MaxBurstLength and the last, S rides on the last. Reused from task to task.
/// </summary>
public sealed class DataInSegmenter
{
    private uint _totalLength;
    private int _maxSegmentLength;
    private int _maxBurstLength;
    private int _sequenceLength;
    private uint _dataSN;

    /// <summary>Bytes cut so far: the offset of the next byte.</summary>
    public uint OffsetBytes { get; private set; }

    /// <summary>Bytes to come.</summary>
    public uint Remaining => _totalLength - OffsetBytes;

    /// <summary>Data-In PDUs so far: ExpDataSN of a SCSI Response.</summary>
    public uint DataSN => _dataSN;

    /// <summary>Starts with a command.</summary>
    /// <param name="totalLength">
    /// Bytes to send: the smaller of ExpectedDataTransferLength and what the CDB reads. May be 0: then nothing can be cut.
    /// </param>
    /// <param name="maxRecvDataSegmentLength">What the initiator declared.</param>
    /// <param name="maxBurstLength">What the login agreed on.</param>
    public void Begin(uint totalLength, int maxRecvDataSegmentLength, int maxBurstLength)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maxRecvDataSegmentLength, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(maxBurstLength, 1);
        _totalLength = totalLength;
        _maxSegmentLength = maxRecvDataSegmentLength;
        _maxBurstLength = maxBurstLength;
        _sequenceLength = 0;
        _dataSN = 0;
        OffsetBytes = 0;
    }

    /// <summary>The next Data-In.</summary>
    /// <param name="availableBytes">Bytes of the chunk that are left, at least 1. What goes past the total is not sent.</param>
    /// <param name="canCarryStatus">Whether the last PDU may end the command: it ends without sense data.</param>
    /// <exception cref="InvalidOperationException">Everything has been cut.</exception>
    public DataInSegment Next(int availableBytes, bool canCarryStatus)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(availableBytes, 1);
        if (Remaining == 0) throw new InvalidOperationException("All data have been cut.");
        var length = Math.Min(Math.Min(availableBytes, _maxSegmentLength), _maxBurstLength - _sequenceLength);
        if ((uint)length > Remaining) length = (int)Remaining;
        var offset = OffsetBytes;
        OffsetBytes += (uint)length;
        _sequenceLength += length;
        var isLast = Remaining == 0;
        var isFinal = isLast || _sequenceLength == _maxBurstLength;
        if (isFinal) _sequenceLength = 0;
        return new DataInSegment(_dataSN++, offset, length, isFinal, isLast && canCarryStatus);
    }
}

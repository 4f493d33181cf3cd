namespace Iscsi.Protocol;

//                 F=0                          Data-Out with F
//   Begin ──────────────────▶ Unsolicited ──────────────────────▶ Idle
//     │ F=1                                                      ▲  │ Request
//     └──────────────────────────────────────────────────────────┤  ▼
//                                              Data-Out with F   └─ Solicited
//
// Idle and everything wanted is here: complete. A condition, or Abandon, changes no state: data that are owed are read to their F
// and thrown away.

/// <summary>
/// The data of one write command at its target: immediate and unsolicited data, then one R2T after another, each answered in
/// order (RFC 7143, 4.2.5.2, 11.7, 11.8; DataPDUInOrder and DataSequenceInOrder are Yes). Reused from task to task.
/// </summary>
/// <remarks>
/// It keeps one R2T outstanding, because bursts are granted one by one. What is wrong with the amounts becomes a
/// <see cref="Condition"/> of the command, after the sequence was read to its end; nonsense tags, numbers and offsets are faults.
/// </remarks>
public sealed class R2TSequencer
{
    private DataSequenceParameters _parameters = new();
    private Phase _phase;
    private uint _targetTransferTag;
    private uint _sequenceEnd;
    private uint _nextDataSN;
    private uint _nextR2TSN;
    private bool _isAbandoned;

    private enum Phase : byte
    {
        Idle,
        Unsolicited,
        Solicited,
    }

    /// <summary>Bytes the initiator announced: its ExpectedDataTransferLength with W, else 0.</summary>
    public uint ExpectedLength { get; private set; }

    /// <summary>Bytes to get: the smaller of <see cref="ExpectedLength"/> and what the CDB wants.</summary>
    public uint WantedLength { get; private set; }

    /// <summary>Bytes that arrived in order, those past <see cref="WantedLength"/> included.</summary>
    public uint ReceivedLength { get; private set; }

    /// <summary>What ends the command once <see cref="OwesData"/> is false.</summary>
    public WriteCondition Condition { get; private set; }

    /// <summary>Whether the initiator is in the middle of a sequence: it still has to send F.</summary>
    public bool OwesData => _phase != Phase.Idle;

    /// <summary>Whether it owes the answer to an R2T.</summary>
    public bool HasOutstandingR2T => _phase == Phase.Solicited;

    /// <summary>Whether the next R2T may be sent: data are wanted, and nothing is owed.</summary>
    public bool CanRequest => _phase == Phase.Idle && !IsDiscarding && ReceivedLength < WantedLength;

    /// <summary>Whether everything wanted is here.</summary>
    public bool IsComplete => _phase == Phase.Idle && !IsDiscarding && ReceivedLength >= WantedLength;

    private bool IsDiscarding => _isAbandoned || Condition != WriteCondition.None;

    /// <summary>Starts with a command that arrived; also with one that writes nothing, whose data are then unexpected.</summary>
    /// <param name="parameters">What the login agreed on.</param>
    /// <param name="command">
    /// The command. Its immediate data count as received; they are wanted when <see cref="Condition"/> is None.
    /// </param>
    public void Begin(DataSequenceParameters parameters, ScsiCommandPdu command) =>
        Begin(parameters, command.IsWrite ? command.ExpectedDataTransferLength : 0, command.DataSegmentLength, command.IsFinal);

    /// <summary>Starts with a command that arrived.</summary>
    /// <param name="parameters">What the login agreed on.</param>
    /// <param name="expectedLength">ExpectedDataTransferLength, 0 without W.</param>
    /// <param name="immediateBytes">Its DataSegmentLength.</param>
    /// <param name="isFinal">Its F bit.</param>
    public void Begin(DataSequenceParameters parameters, uint expectedLength, int immediateBytes, bool isFinal)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        _parameters = parameters;
        _isAbandoned = false;
        _nextDataSN = 0;
        _nextR2TSN = 0;
        _targetTransferTag = TaskTag.Reserved;
        _sequenceEnd = Math.Min((uint)parameters.FirstBurstLength, expectedLength);
        ExpectedLength = expectedLength;
        WantedLength = expectedLength;
        ReceivedLength = (uint)immediateBytes;
        _phase = isFinal ? Phase.Idle : Phase.Unsolicited;

        var isImmediateWelcome = immediateBytes == 0 || (parameters.ImmediateData && ReceivedLength <= _sequenceEnd);
        var isSequenceWelcome = isFinal || !parameters.InitialR2T;
        Condition = isImmediateWelcome && isSequenceWelcome ? WriteCondition.None : WriteCondition.UnexpectedUnsolicitedData;
    }

    /// <summary>Says what the CDB wants, once it has been looked at; before the first R2T.</summary>
    /// <param name="cdbLengthBytes">Bytes the CDB writes; 0 when it writes none.</param>
    public void LimitTo(long cdbLengthBytes) => WantedLength = (uint)Math.Clamp(cdbLengthBytes, 0, ExpectedLength);

    /// <summary>The next R2T; its data are owed from here on.</summary>
    /// <param name="targetTransferTag">A tag that names the task.</param>
    /// <param name="burstBytes">Bytes there is memory for, at least 1.</param>
    /// <returns>At most MaxBurstLength and <paramref name="burstBytes"/> of what is missing.</returns>
    /// <exception cref="InvalidOperationException"><see cref="CanRequest"/> is false.</exception>
    public R2TRequest Request(uint targetTransferTag, int burstBytes)
    {
        if (!CanRequest) throw new InvalidOperationException("No data are wanted now.");
        ArgumentOutOfRangeException.ThrowIfLessThan(burstBytes, 1);
        ArgumentOutOfRangeException.ThrowIfEqual(targetTransferTag, TaskTag.Reserved);
        var length = Math.Min((uint)Math.Min(burstBytes, _parameters.MaxBurstLength), WantedLength - ReceivedLength);
        _phase = Phase.Solicited;
        _targetTransferTag = targetTransferTag;
        _sequenceEnd = ReceivedLength + length;
        _nextDataSN = 0;
        return new R2TRequest(_nextR2TSN++, targetTransferTag, ReceivedLength, length);
    }

    /// <summary>Takes in a Data-Out of the task, before its payload is read.</summary>
    /// <param name="pdu">The PDU, which has passed its own check.</param>
    public DataOutDecision OnDataOut(DataOutPdu pdu)
    {
        // The tag of an unsolicited sequence is 0xffffffff, which no R2T has.
        if (_phase == Phase.Idle || pdu.TargetTransferTag != _targetTransferTag) return Fault(PduFault.InvalidTargetTransferTag);
        if (IsDiscarding) return Discard(pdu.IsFinal);
        if (pdu.DataSN != _nextDataSN)
        {
            // 7.9 and 7.8: a PDU before it must have been lost to a digest error; without recovery the task ends with CHECK CONDITION.
            Condition = WriteCondition.ProtocolServiceCrcError;
            return Discard(pdu.IsFinal);
        }
        if (pdu.BufferOffset != ReceivedLength) return Fault(PduFault.InvalidDataOffset);
        var length = (uint)pdu.DataSegmentLength;
        if (length > RestOfSequence)
        {
            Condition = _phase == Phase.Unsolicited
                ? WriteCondition.UnexpectedUnsolicitedData
                : WriteCondition.IncorrectAmountOfData;
            return Discard(pdu.IsFinal);
        }
        if (length == RestOfSequence && !pdu.IsFinal) return Fault(PduFault.MissingFinal);

        var offset = ReceivedLength;
        ReceivedLength += length;
        _nextDataSN++;
        if (pdu.IsFinal) EndSequence();
        return new DataOutDecision
        {
            Disposition = DataOutDisposition.Store,
            OffsetBytes = offset,
            UsefulBytes = offset >= WantedLength ? 0 : (int)Math.Min(length, WantedLength - offset),
            EndsSequence = pdu.IsFinal,
        };
    }

    /// <summary>The task was aborted: what it still owes is read to its F and thrown away; no R2T follows.</summary>
    public void Abandon() => _isAbandoned = true;

    private uint RestOfSequence => _sequenceEnd - ReceivedLength;

    /// <summary>The amount of an unsolicited sequence matters only where more follows than it may hold (11.4.7.2).</summary>
    private void EndSequence()
    {
        var isAmountRight = _phase == Phase.Unsolicited
            ? ExpectedLength <= (uint)_parameters.FirstBurstLength || RestOfSequence == 0
            : RestOfSequence == 0;
        if (!isAmountRight) Condition = WriteCondition.IncorrectAmountOfData;
        _phase = Phase.Idle;
    }

    private DataOutDecision Discard(bool isFinal)
    {
        if (isFinal) _phase = Phase.Idle;
        return new DataOutDecision { Disposition = DataOutDisposition.Discard, EndsSequence = isFinal };
    }

    private static DataOutDecision Fault(PduFault fault) => new() { Disposition = DataOutDisposition.Fault, Fault = fault };
}

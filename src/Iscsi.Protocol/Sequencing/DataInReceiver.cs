namespace Iscsi.Protocol;

/// <summary>
/// The data of one read command at its initiator: checks that every Data-In goes on where the last one ended (RFC 7143, 11.7;
/// DataPDUInOrder and DataSequenceInOrder are Yes), so that nothing is written outside the caller's memory or over what is there.
/// Reused from task to task.
/// </summary>
public sealed class DataInReceiver
{
    /// <summary>Bytes expected: ExpectedDataTransferLength.</summary>
    public uint ExpectedLength { get; private set; }

    /// <summary>Bytes that arrived.</summary>
    public uint ReceivedLength { get; private set; }

    /// <summary>DataSN of the next Data-In; the number of those that arrived.</summary>
    public uint NextDataSN { get; private set; }

    /// <summary>Starts with a command.</summary>
    /// <param name="expectedLength">Its ExpectedDataTransferLength when it reads, else 0: then no Data-In may come.</param>
    public void Begin(uint expectedLength)
    {
        ExpectedLength = expectedLength;
        ReceivedLength = 0;
        NextDataSN = 0;
    }

    /// <summary>Takes in a Data-In of the command, before its payload is read.</summary>
    /// <param name="pdu">The PDU, which has passed its own check.</param>
    public DataInDecision OnDataIn(DataInPdu pdu)
    {
        if (pdu.DataSN != NextDataSN) return new DataInDecision(PduFault.InvalidDataSN, 0, 0);
        if (pdu.BufferOffset != ReceivedLength) return new DataInDecision(PduFault.InvalidDataOffset, 0, 0);
        var length = pdu.DataSegmentLength;
        if ((uint)length > ExpectedLength - ReceivedLength) return new DataInDecision(PduFault.DataOverrun, 0, 0);
        var offset = ReceivedLength;
        ReceivedLength += (uint)length;
        NextDataSN++;
        return new DataInDecision(PduFault.None, offset, length);
    }

    /// <summary>
    /// Whether a command that ended with GOOD has brought what its end says, so that no part of the memory was left out.
    /// </summary>
    /// <param name="residual">The residual of the Data-In with S or of the SCSI Response.</param>
    public bool IsComplete(Residual residual) => ReceivedLength == ExpectedLength - (residual.Underflow ? residual.Count : 0);
}

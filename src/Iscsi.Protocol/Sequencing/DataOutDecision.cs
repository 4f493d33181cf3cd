namespace Iscsi.Protocol;

/// <summary>What <see cref="R2TSequencer"/> says of a Data-Out that arrived.</summary>
public readonly record struct DataOutDecision
{
    /// <summary>What becomes of it.</summary>
    public DataOutDisposition Disposition { get; init; }

    /// <summary>What is wrong, with <see cref="DataOutDisposition.Fault"/>.</summary>
    public PduFault Fault { get; init; }

    /// <summary>Store: the offset of its first byte in the data of the command.</summary>
    public uint OffsetBytes { get; init; }

    /// <summary>
    /// Store: bytes at its beginning that the command takes; the rest, past what the CDB wants, is not to be written anywhere.
    /// </summary>
    public int UsefulBytes { get; init; }

    /// <summary>Whether it ended its sequence: the initiator owes nothing more until the next R2T.</summary>
    public bool EndsSequence { get; init; }
}

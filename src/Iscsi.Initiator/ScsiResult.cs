using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;

namespace Iscsi.Initiator;

/// <summary>How a SCSI command ended.</summary>
public readonly record struct ScsiResult
{
    /// <summary>The status.</summary>
    public ScsiStatus Status { get; init; }

    /// <summary>The sense data that came with it; null for none, or for a format that is not known.</summary>
    public SenseData? Sense { get; init; }

    /// <summary>What the target says about the length (RFC 7143, 11.4.5).</summary>
    public Residual Residual { get; init; }

    /// <summary>Bytes that were read into the caller's memory, or written from it as far as the residual tells.</summary>
    public long TransferredBytes { get; init; }

    /// <summary>Whether the status is GOOD or CONDITION MET.</summary>
    public bool IsGood => Status is ScsiStatus.Good or ScsiStatus.ConditionMet;

    /// <summary>Throws unless <see cref="IsGood"/>.</summary>
    /// <param name="command">The command, for the message.</param>
    /// <exception cref="ScsiCommandException">The status is another one.</exception>
    public void ThrowIfFailed(string command)
    {
        if (!IsGood) throw new ScsiCommandException(command, this);
    }
}

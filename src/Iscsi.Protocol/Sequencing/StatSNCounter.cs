namespace Iscsi.Protocol;

/// <summary>The status numbers of a connection at its target (RFC 7143, 4.2.2.2).</summary>
public sealed class StatSNCounter
{
    /// <summary>Starts a connection.</summary>
    /// <param name="first">The first number, any.</param>
    public StatSNCounter(uint first)
    {
        Next = first;
        Acknowledged = first;
    }

    /// <summary>
    /// The number of the next status: for PDUs that carry a StatSN without using it (R2T, a NOP-In nobody asked for).
    /// </summary>
    public uint Next { get; private set; }

    /// <summary>The initiator has received all before it.</summary>
    public uint Acknowledged { get; private set; }

    /// <summary>Statuses sent that the initiator has not acknowledged.</summary>
    public int UnacknowledgedCount => SerialNumber.Distance(Acknowledged, Next);

    /// <summary>Uses the next number.</summary>
    /// <returns>The number.</returns>
    public uint Take() => Next++;

    /// <summary>Takes in an ExpStatSN. An older one is ignored.</summary>
    /// <param name="expStatSN">ExpStatSN of any PDU of the initiator but the first login request.</param>
    /// <returns>False when it acknowledges what was never sent.</returns>
    public bool Acknowledge(uint expStatSN)
    {
        if (SerialNumber.IsAfter(expStatSN, Next)) return false;
        if (SerialNumber.IsAfter(expStatSN, Acknowledged)) Acknowledged = expStatSN;
        return true;
    }
}

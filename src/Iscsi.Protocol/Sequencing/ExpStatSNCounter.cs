namespace Iscsi.Protocol;

/// <summary>
/// The status numbers of a connection at its initiator, at error recovery level 0, where none may be missing (RFC 7143, 4.2.2.2).
/// </summary>
public sealed class ExpStatSNCounter
{
    /// <summary>Starts a connection.</summary>
    /// <param name="firstStatSN">StatSN of the first login response; it counts as received.</param>
    public ExpStatSNCounter(uint firstStatSN) => ExpStatSN = firstStatSN + 1;

    /// <summary>The next number expected, which every PDU of the initiator carries.</summary>
    public uint ExpStatSN { get; private set; }

    /// <summary>
    /// Takes in the StatSN of a PDU that uses one: any response, a Data-In with S, an Asynchronous Message, a Reject, a NOP-In
    /// that answers.
    /// </summary>
    /// <param name="statSN">The number.</param>
    /// <returns>False when it is not the next one: a status is lost, or came twice.</returns>
    public bool Accept(uint statSN)
    {
        if (statSN != ExpStatSN) return false;
        ExpStatSN++;
        return true;
    }
}

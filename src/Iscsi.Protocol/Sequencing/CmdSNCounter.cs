namespace Iscsi.Protocol;

/// <summary>The command numbers of a session at its initiator (RFC 7143, 4.2.2.1).</summary>
public sealed class CmdSNCounter
{
    /// <summary>Starts a session.</summary>
    /// <param name="firstCmdSN">The number of the first command, which the login requests carry.</param>
    public CmdSNCounter(uint firstCmdSN)
    {
        CmdSN = firstCmdSN;
        ExpCmdSN = firstCmdSN;
        MaxCmdSN = firstCmdSN - 1;
    }

    /// <summary>The number of the next non-immediate command; immediate ones carry it too, and leave it.</summary>
    public uint CmdSN { get; private set; }

    /// <summary>The target has received all before it.</summary>
    public uint ExpCmdSN { get; private set; }

    /// <summary>The last number the target takes now.</summary>
    public uint MaxCmdSN { get; private set; }

    /// <summary>Whether a non-immediate command may be sent.</summary>
    public bool CanSend => !SerialNumber.IsAfter(CmdSN, MaxCmdSN);

    /// <summary>How many non-immediate commands may be sent.</summary>
    public int Available => Math.Max(0, SerialNumber.Distance(CmdSN, MaxCmdSN) + 1);

    /// <summary>Commands sent that the target has not acknowledged.</summary>
    public int UnacknowledgedCount => SerialNumber.Distance(ExpCmdSN, CmdSN);

    /// <summary>Uses the next number for a non-immediate command.</summary>
    /// <returns>The number.</returns>
    /// <exception cref="InvalidOperationException">The window is closed.</exception>
    public uint Take()
    {
        if (!CanSend) throw new InvalidOperationException("The command window is closed.");
        return CmdSN++;
    }

    /// <summary>
    /// Takes in what a PDU of the target says. Older values are ignored, each for itself, and both when MaxCmdSN is less than
    /// ExpCmdSN - 1 (RFC 7143, 4.2.2.1) or when ExpCmdSN acknowledges what was never sent.
    /// </summary>
    /// <param name="expCmdSN">ExpCmdSN of the PDU.</param>
    /// <param name="maxCmdSN">MaxCmdSN of the PDU.</param>
    /// <returns>False when the two make no sense, and were ignored.</returns>
    public bool Update(uint expCmdSN, uint maxCmdSN)
    {
        if (SerialNumber.IsBefore(maxCmdSN, expCmdSN - 1) || SerialNumber.IsAfter(expCmdSN, CmdSN)) return false;
        if (SerialNumber.IsAfter(maxCmdSN, MaxCmdSN)) MaxCmdSN = maxCmdSN;
        if (SerialNumber.IsAfter(expCmdSN, ExpCmdSN)) ExpCmdSN = expCmdSN;
        return true;
    }
}

namespace Iscsi.Protocol;

/// <summary>
/// The sequence numbers that most PDUs of a direction have in the same place, for writers that fill them in last, when the PDU
/// leaves.
/// </summary>
public static class SequenceNumberFields
{
    /// <summary>Fills in bytes 24 to 35 of any PDU a target sends (StatSN, ExpCmdSN, MaxCmdSN).</summary>
    /// <param name="header">At least 48 bytes.</param>
    /// <param name="statSN">The status number. Zero for a Data-In without S.</param>
    /// <param name="expCmdSN">The next CmdSN the target expects.</param>
    /// <param name="maxCmdSN">The last CmdSN the target takes.</param>
    public static void StampTarget(Span<byte> header, uint statSN, uint expCmdSN, uint maxCmdSN)
    {
        header = header[..BasicHeaderSegment.Size];
        HeaderBytes.Put(header, 24, statSN);
        HeaderBytes.Put(header, 28, expCmdSN);
        HeaderBytes.Put(header, 32, maxCmdSN);
    }

    /// <summary>Fills in bytes 28 to 31 of any PDU an initiator sends (ExpStatSN).</summary>
    /// <param name="header">At least 48 bytes.</param>
    /// <param name="expStatSN">The next StatSN the initiator expects.</param>
    public static void StampInitiator(Span<byte> header, uint expStatSN) =>
        HeaderBytes.Put(header[..BasicHeaderSegment.Size], 28, expStatSN);
}

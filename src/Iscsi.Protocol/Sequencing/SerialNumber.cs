namespace Iscsi.Protocol;

/// <summary>
/// Arithmetic of 32-bit numbers that wrap around (RFC 1982), as all sequence numbers of iSCSI do (RFC 7143, 4.2.2.1).
/// </summary>
/// <remarks>
/// Numbers that are 2^31 apart have no order (RFC 1982, 3.2); here each then is before the other, so that neither passes as new.
/// </remarks>
public static class SerialNumber
{
    /// <summary>Whether <paramref name="a"/> comes before <paramref name="b"/>.</summary>
    public static bool IsBefore(uint a, uint b) => (int)(a - b) < 0;

    /// <summary>Whether <paramref name="a"/> comes after <paramref name="b"/>.</summary>
    public static bool IsAfter(uint a, uint b) => (int)(a - b) > 0;

    /// <summary>How far <paramref name="to"/> is ahead of <paramref name="from"/>; negative when it is behind.</summary>
    public static int Distance(uint from, uint to) => (int)(to - from);

    /// <summary>
    /// Whether a number lies in a range. An empty range has <paramref name="last"/> one before <paramref name="first"/>.
    /// </summary>
    /// <param name="value">The number.</param>
    /// <param name="first">The first number of the range.</param>
    /// <param name="last">The last number of the range, less than 2^31 ahead.</param>
    public static bool IsInRange(uint value, uint first, uint last) => value - first < last - first + 1;
}

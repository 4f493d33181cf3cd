namespace Iscsi.Protocol;

/// <summary>Bounds of login and text negotiation, each with the reason for its value.</summary>
public static class LoginLimits
{
    /// <summary>Longest data segment of a login PDU in bytes: the default of MaxRecvDataSegmentLength holds until login is over.</summary>
    public const int MaxDataSegmentBytes = 8192;

    /// <summary>Text one side may send in one negotiation sequence, in bytes. RFC 7143, 6.1 asks for at least 8192.</summary>
    public const int MaxRequestTextBytes = 16 * 1024;

    /// <summary>
    /// Text held for one answer, in bytes. <see cref="MaxKeys"/> answers of at most 63 + 15 bytes and our own keys fit.
    /// </summary>
    public const int MaxAnswerTextBytes = 8 * 1024;

    /// <summary>Bytes of the buffer a login machine is given: a received sequence and an answer.</summary>
    public const int TextBufferBytes = MaxRequestTextBytes + MaxAnswerTextBytes;

    /// <summary>Keys in one sequence. RFC 7143 has 40; each unknown one costs an answer, so their number is bounded.</summary>
    public const int MaxKeys = 80;

    /// <summary>
    /// Login PDUs one side accepts before it gives up. A login takes 2 to 5; 16 KiB of text in PDUs of 512 bytes, both ways, take 64.
    /// </summary>
    public const int MaxPdus = 128;
}

namespace Iscsi.Protocol;

/// <summary>What a received PDU may measure.</summary>
public sealed class PduParserLimits
{
    private readonly int _maxAhsLengthBytes = 256;
    private int _maxDataSegmentLength = 8192;

    /// <summary>
    /// The most bytes of Additional Header Segments, 0 to 1,020. Default 256: the longest CDB there is, 260 bytes, needs 248, and
    /// the read length of a bidirectional command 8.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">Not 0 to 1,020.</exception>
    public int MaxAhsLengthBytes
    {
        get => _maxAhsLengthBytes;
        init
        {
            if (value is < 0 or > 255 * 4) throw new ArgumentOutOfRangeException(nameof(value), value, "0 to 1020 bytes.");
            _maxAhsLengthBytes = value;
        }
    }

    /// <summary>
    /// The most bytes of a data segment: the MaxRecvDataSegmentLength declared. Default 8,192, which holds during login
    /// (RFC 7143, 13.12); set when the full feature phase begins. It counts from the next header on.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">Not 0 to 16,777,215.</exception>
    public int MaxDataSegmentLength
    {
        get => _maxDataSegmentLength;
        set
        {
            if (value is < 0 or > 0xFFFFFF) throw new ArgumentOutOfRangeException(nameof(value), value, "0 to 2^24 - 1 bytes.");
            _maxDataSegmentLength = value;
        }
    }
}

namespace Iscsi.Protocol;

/// <summary>
/// What one side offers and allows for the operational keys (RFC 7143, chapter 13). Each property is that side's operand of the key's
/// negotiation rule, so that no result is worse for it than what is said here.
/// </summary>
public sealed record OperationalOffer
{
    /// <summary>HeaderDigest. Default: None, CRC32C if the peer wants it.</summary>
    public DigestOffer HeaderDigest { get; init; } = DigestOffer.NoneThenCrc32C;

    /// <summary>DataDigest. Default: None, CRC32C if the peer wants it.</summary>
    public DigestOffer DataDigest { get; init; } = DigestOffer.NoneThenCrc32C;

    /// <summary>MaxConnections, 1 to 65535; the smaller wins. Default 1.</summary>
    public int MaxConnections { get; init; } = 1;

    /// <summary>InitialR2T; Yes wins. Default true.</summary>
    public bool InitialR2T { get; init; } = true;

    /// <summary>ImmediateData; No wins. Default true.</summary>
    public bool ImmediateData { get; init; } = true;

    /// <summary>MaxRecvDataSegmentLength that this side declares, in bytes, 512 to 16777215. Default 65536.</summary>
    public int MaxRecvDataSegmentLength { get; init; } = 65536;

    /// <summary>MaxBurstLength in bytes, 512 to 16777215; the smaller wins. Default 262144.</summary>
    public int MaxBurstLength { get; init; } = 262144;

    /// <summary>FirstBurstLength in bytes, 512 to 16777215; the smaller wins. Default 8192.</summary>
    public int FirstBurstLength { get; init; } = 8192;

    /// <summary>DefaultTime2Wait in seconds, 0 to 3600; the larger wins. Default 2.</summary>
    public int DefaultTime2WaitSeconds { get; init; } = 2;

    /// <summary>DefaultTime2Retain in seconds, 0 to 3600; the smaller wins. Default 20.</summary>
    public int DefaultTime2RetainSeconds { get; init; } = 20;

    /// <summary>MaxOutstandingR2T, 1 to 65535; the smaller wins. Default 1.</summary>
    public int MaxOutstandingR2T { get; init; } = 1;

    /// <summary>DataPDUInOrder; Yes wins. Default true.</summary>
    public bool DataPduInOrder { get; init; } = true;

    /// <summary>DataSequenceInOrder; Yes wins. Default true.</summary>
    public bool DataSequenceInOrder { get; init; } = true;

    /// <summary>ErrorRecoveryLevel, 0 to 2; the smaller wins. Default 0.</summary>
    public int ErrorRecoveryLevel { get; init; }

    /// <summary>iSCSIProtocolLevel, 0 to 31; the smaller wins. Default 1.</summary>
    public int IscsiProtocolLevel { get; init; } = 1;

    /// <summary>
    /// Throws when a value is outside its key's range.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">A value is outside the range of its key.</exception>
    public void Validate()
    {
        Check(MaxConnections, 1, 65535, nameof(MaxConnections));
        Check(MaxRecvDataSegmentLength, 512, 0xFFFFFF, nameof(MaxRecvDataSegmentLength));
        Check(MaxBurstLength, 512, 0xFFFFFF, nameof(MaxBurstLength));
        Check(FirstBurstLength, 512, 0xFFFFFF, nameof(FirstBurstLength));
        Check(DefaultTime2WaitSeconds, 0, 3600, nameof(DefaultTime2WaitSeconds));
        Check(DefaultTime2RetainSeconds, 0, 3600, nameof(DefaultTime2RetainSeconds));
        Check(MaxOutstandingR2T, 1, 65535, nameof(MaxOutstandingR2T));
        Check(ErrorRecoveryLevel, 0, 2, nameof(ErrorRecoveryLevel));
        Check(IscsiProtocolLevel, 0, 31, nameof(IscsiProtocolLevel));
    }

    private static void Check(int value, int minimum, int maximum, string name)
    {
        if (value < minimum || value > maximum)
            throw new ArgumentOutOfRangeException(name, value, $"{name} is {minimum} to {maximum} (RFC 7143, chapter 13).");
    }
}

namespace Iscsi.Protocol;

/// <summary>
/// What a login agreed on, from either side; created with the defaults of RFC 7143, chapter 13, which hold for every key that was not
/// negotiated. MaxRecvDataSegmentLength is declared by each side for itself and not negotiated, so there are two of it.
/// </summary>
public sealed record NegotiatedParameters
{
    /// <summary>The defaults of RFC 7143.</summary>
    public static NegotiatedParameters Default { get; } = new();

    /// <summary>Type of the session (13.21). Default Normal.</summary>
    public SessionType SessionType { get; init; }

    /// <summary>HeaderDigest is CRC32C (13.1). Default false: None.</summary>
    public bool HeaderDigestCrc32C { get; init; }

    /// <summary>DataDigest is CRC32C (13.1). Default false: None.</summary>
    public bool DataDigestCrc32C { get; init; }

    /// <summary>MaxConnections (13.2), 1 to 65535. Default 1.</summary>
    public int MaxConnections { get; init; } = 1;

    /// <summary>InitialR2T (13.10): data beyond the immediate part waits for an R2T. Default true.</summary>
    public bool InitialR2T { get; init; } = true;

    /// <summary>ImmediateData (13.11): a command PDU may carry data. Default true.</summary>
    public bool ImmediateData { get; init; } = true;

    /// <summary>MaxRecvDataSegmentLength of this side in bytes (13.12): the peer may send that much in a PDU. Default 8192.</summary>
    public int OwnMaxRecvDataSegmentLength { get; init; } = 8192;

    /// <summary>MaxRecvDataSegmentLength of the other side in bytes (13.12): this side may send that much in a PDU. Default 8192.</summary>
    public int PeerMaxRecvDataSegmentLength { get; init; } = 8192;

    /// <summary>MaxBurstLength in bytes (13.13). Default 262144.</summary>
    public int MaxBurstLength { get; init; } = 262144;

    /// <summary>FirstBurstLength in bytes (13.14), never above <see cref="MaxBurstLength"/>. Default 65536.</summary>
    public int FirstBurstLength { get; init; } = 65536;

    /// <summary>DefaultTime2Wait in seconds (13.15), 0 to 3600. Default 2.</summary>
    public int DefaultTime2WaitSeconds { get; init; } = 2;

    /// <summary>DefaultTime2Retain in seconds (13.16), 0 to 3600. Default 20.</summary>
    public int DefaultTime2RetainSeconds { get; init; } = 20;

    /// <summary>MaxOutstandingR2T of a task (13.17), 1 to 65535. Default 1.</summary>
    public int MaxOutstandingR2T { get; init; } = 1;

    /// <summary>DataPDUInOrder (13.18). Default true.</summary>
    public bool DataPduInOrder { get; init; } = true;

    /// <summary>DataSequenceInOrder (13.19). Default true.</summary>
    public bool DataSequenceInOrder { get; init; } = true;

    /// <summary>ErrorRecoveryLevel (13.20), 0 to 2. Default 0.</summary>
    public int ErrorRecoveryLevel { get; init; }

    /// <summary>iSCSIProtocolLevel (13.24), 0 to 31. Default 1.</summary>
    public int IscsiProtocolLevel { get; init; } = 1;

    /// <summary>TaskReporting (13.23). Default <see cref="TaskReporting.Rfc3720"/>.</summary>
    public TaskReporting TaskReporting { get; init; }

    /// <summary>Bytes a command may bring unsolicited: what must have memory before the command is invited.</summary>
    public int MaxUnsolicitedBytes => (ImmediateData, InitialR2T) switch
    {
        (_, false) => FirstBurstLength,
        (true, true) => Math.Min(FirstBurstLength, OwnMaxRecvDataSegmentLength),
        (false, true) => 0,
    };
}

namespace Iscsi.Protocol;

/// <summary>
/// What a login agreed on for the data of commands. The defaults are those of RFC 7143, which hold where nothing was negotiated.
/// </summary>
public sealed record DataSequenceParameters
{
    /// <summary>Whether Data-Out must wait for an R2T (13.10). Default true.</summary>
    public bool InitialR2T { get; init; } = true;

    /// <summary>Whether a command may carry data (13.11). Default true.</summary>
    public bool ImmediateData { get; init; } = true;

    /// <summary>The most unsolicited bytes of a command, those it carries included (13.14). Default 65,536.</summary>
    public int FirstBurstLength { get; init; } = 65536;

    /// <summary>The most bytes of a sequence of Data-In, or of solicited Data-Out (13.13). Default 262,144.</summary>
    public int MaxBurstLength { get; init; } = 262144;

    /// <summary>R2Ts of one task that may be outstanding at once (13.17). Default 1.</summary>
    public int MaxOutstandingR2T { get; init; } = 1;
}

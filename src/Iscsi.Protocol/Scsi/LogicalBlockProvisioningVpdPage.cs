namespace Iscsi.Protocol.Scsi;

/// <summary>Logical Block Provisioning VPD page, B2h (SBC-3).</summary>
public readonly record struct LogicalBlockProvisioningVpdPage
{
    /// <summary>Bytes of the page body.</summary>
    public const int BodySize = 4;

    private const byte ThinProvisioned = 0x02;

    /// <summary>
    /// THRESHOLD EXPONENT: blocks of a threshold set as a power of two, in which resources and thresholds are counted; 0: there are no
    /// thresholds.
    /// </summary>
    public byte ThresholdExponent { get; init; }

    /// <summary>LBPU: UNMAP is supported.</summary>
    public bool Unmap { get; init; }

    /// <summary>LBPWS: WRITE SAME (16) unmaps.</summary>
    public bool WriteSame16Unmaps { get; init; }

    /// <summary>LBPWS10: WRITE SAME (10) unmaps.</summary>
    public bool WriteSame10Unmaps { get; init; }

    /// <summary>LBPRZ: unmapped blocks read as zeroes.</summary>
    public bool UnmappedReadsZero { get; init; }

    /// <summary>PROVISIONING TYPE: thin.</summary>
    public bool IsThin { get; init; }

    // SBC-3, Logical Block Provisioning VPD page, after the page header
    //
    //      4| THRESHOLD EXPONENT
    //      5| LBPU | LBPWS | LBPWS10 | Reserved (2) | LBPRZ | ANC_SUP | DP
    //      6| Reserved (5) | PROVISIONING TYPE (3)
    //      7| Reserved

    /// <summary>Renders the body, which follows the four bytes of the page header.</summary>
    /// <returns>Bytes written: <see cref="BodySize"/>.</returns>
    public int WriteBody(Span<byte> body)
    {
        body[..BodySize].Clear();
        body[0] = ThresholdExponent;
        body[1] = (byte)((Unmap ? 0x80 : 0) | (WriteSame16Unmaps ? 0x40 : 0) | (WriteSame10Unmaps ? 0x20 : 0) | (UnmappedReadsZero ? 0x04 : 0));
        body[2] = IsThin ? ThinProvisioned : (byte)0;
        return BodySize;
    }

    /// <summary>Parses a body.</summary>
    /// <returns>False: too short.</returns>
    public static bool TryParseBody(ReadOnlySpan<byte> body, out LogicalBlockProvisioningVpdPage page)
    {
        page = default;
        if (body.Length < 3) return false;
        page = new LogicalBlockProvisioningVpdPage
        {
            ThresholdExponent = body[0],
            Unmap = (body[1] & 0x80) != 0,
            WriteSame16Unmaps = (body[1] & 0x40) != 0,
            WriteSame10Unmaps = (body[1] & 0x20) != 0,
            UnmappedReadsZero = (body[1] & 0x04) != 0,
            IsThin = (body[2] & 0x07) == ThinProvisioned,
        };
        return true;
    }
}

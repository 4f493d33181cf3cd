using Iscsi.Protocol.Scsi;

namespace Iscsi.Initiator;

/// <summary>What a logical unit says about itself.</summary>
public sealed record LogicalUnitInfo
{
    /// <summary>Its number.</summary>
    public required int Lun { get; init; }

    /// <summary>Standard INQUIRY data.</summary>
    public required StandardInquiryData Inquiry { get; init; }

    /// <summary>Supported vital product data pages; empty when it has none.</summary>
    public IReadOnlyList<byte> VpdPages { get; init; } = [];

    /// <summary>Unit serial number (page 80h); null when it has none.</summary>
    public string? SerialNumber { get; init; }

    /// <summary>Designators of the logical unit (page 83h), as text: <c>naa.…</c>, <c>eui.…</c>, <c>t10.…</c>.</summary>
    public IReadOnlyList<string> Designators { get; init; } = [];
}

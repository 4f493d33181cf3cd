using Iscsi.Protocol;
using System.Globalization;
using Iscsi.Protocol.Scsi;

namespace Iscsi.Target.Scsi;

/// <summary>INQUIRY (SPC-4).</summary>
internal static class InquiryCommands
{
    private const byte EnableVitalProductData = 0x01;

    // Version descriptors (SPC-4): no particular revision is claimed.
    private static readonly ushort[] VersionDescriptors =
    [
        0x00A0, // SAM-5
        0x0960, // iSCSI
        0x0460, // SPC-4
        0x04C0, // SBC-3
    ];

    /// <summary>The rows.</summary>
    public static readonly ScsiCommandRow[] Rows =
    [
        // byte 1 EVPD, byte 2 PAGE CODE, byte 3 ALLOCATION LENGTH (2)
        new()
        {
            Name = "INQUIRY",
            Usage = [OperationCode.Inquiry, EnableVitalProductData, 0xFF, 0xFF, 0xFF, 0],
            Traits = ScsiTraits.AnyLun | ScsiTraits.AllowedDuringUnitAttention | ScsiTraits.AllowedWhenStopped |
                ScsiTraits.AllowedDuringOperation | ScsiTraits.AllowedThroughReservations | ScsiTraits.AllowedInEveryAccessState,
            Direction = DataDirection.Read,
            Memory = MemoryNeed.ParameterData,
            Begin = Begin,
        },
    ];

    private static ScsiStep Begin(ScsiRequest r)
    {
        var page = r.Cdb[2];
        var allocationLength = r.Cdb.UInt16(3);
        if (r.Cdb.Has(1, EnableVitalProductData)) return VpdPages.Reply(r, page, allocationLength);
        if (page != 0) return r.InvalidField(2);

        Span<byte> data = stackalloc byte[StandardInquiryData.Size];
        var length = (r.Unit is not { } unit ? AbsentUnit : unit.IsRemovable ? RemovableUnit : PresentUnit).Write(data);
        if (r.Unit is { PortGroups: var groups }) StandardInquiryData.SetTargetPorts(data, groups.Support, groups.Tags.Length > 1);
        return r.Reply(data[..length], allocationLength);
    }

    private static readonly StandardInquiryData PresentUnit = new()
    {
        Peripheral = StandardInquiryData.ConnectedDirectAccess,
        Vendor = LogicalUnit.Vendor,
        Product = LogicalUnit.Product,
        Revision = Revision(),
        ThirdPartyCopy = true,
        VersionDescriptors = VersionDescriptors,
    };

    private static readonly StandardInquiryData RemovableUnit = PresentUnit with { IsRemovable = true };

    private static readonly StandardInquiryData AbsentUnit = PresentUnit with { Peripheral = StandardInquiryData.NoLogicalUnit };

    // Four characters for a version: 0.1 is "0.1 ", 12.34 is "12.3".
    private static string Revision()
    {
        var version = typeof(InquiryCommands).Assembly.GetName().Version ?? new Version(0, 0);
        return string.Create(CultureInfo.InvariantCulture, $"{version.Major}.{version.Minor}");
    }
}

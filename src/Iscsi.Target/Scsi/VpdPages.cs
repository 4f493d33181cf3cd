using System.Buffers.Binary;
using System.Text;
using Iscsi.Protocol.Scsi;
using Iscsi.Target.Scsi.Copy;

namespace Iscsi.Target.Scsi;

/// <summary>A vital product data page.</summary>
/// <param name="Code">PAGE CODE.</param>
/// <param name="WriteBody">Writes the body behind the four bytes of the header; returns its length.</param>
/// <param name="IsSupported">Whether a logical unit has it; null: all have.</param>
internal sealed record VpdPage(VpdPageCode Code, VpdPage.BodyWriter WriteBody, Func<LogicalUnit, bool>? IsSupported = null)
{
    /// <summary>Writes a page body.</summary>
    public delegate int BodyWriter(ScsiRequest r, LogicalUnit unit, Span<byte> body);
}

/// <summary>The vital product data pages, ascending by code (SPC-4, SBC-3). The list in page 00h is this table.</summary>
internal static class VpdPages
{
    private const int HeaderSize = 4;

    // The largest pages are Device Identification, three names of at most 223 bytes with suffix and padding and four short designators,
    // and SCSI Ports, such a name for each of LogicalUnitMap.MaxTargetPorts.
    private const int MaxSize = 4096;

    private static readonly VpdPage[] Pages =
    [
        new(VpdPageCode.SupportedPages, WriteSupportedPages),
        new(VpdPageCode.UnitSerialNumber, static (_, unit, body) => Encoding.ASCII.GetBytes(unit.SerialNumber, body)),
        new(VpdPageCode.DeviceIdentification, WriteDeviceIdentification),
        // No address of a management interface is known: the list is empty.
        new(VpdPageCode.ManagementNetworkAddresses, static (_, _, _) => 0),
        new(VpdPageCode.ExtendedInquiryData, WriteExtendedInquiryData),
        new(VpdPageCode.ModePagePolicy, WriteModePagePolicy),
        new(VpdPageCode.ScsiPorts, WriteScsiPorts),
        new(VpdPageCode.ThirdPartyCopy, ThirdPartyCopyVpdPage.Write),
        new(VpdPageCode.BlockLimits, static (_, unit, body) => BlockLimits(unit).WriteBody(body)),
        new(VpdPageCode.BlockDeviceCharacteristics, WriteBlockDeviceCharacteristics),
        new(VpdPageCode.LogicalBlockProvisioning, static (_, unit, body) => Provisioning(unit).WriteBody(body), ScsiCapabilities.CanUnmap),
    ];

    /// <summary>Answers INQUIRY with EVPD.</summary>
    public static ScsiStep Reply(ScsiRequest r, byte code, uint allocationLength)
    {
        // SPC-4: PERIPHERAL QUALIFIER and TYPE, PAGE CODE, PAGE LENGTH (2)
        Span<byte> page = stackalloc byte[MaxSize];
        page.Clear();
        page[1] = code;
        int length;
        if (r.Unit is not { } unit)
        {
            // Of a logical unit that is not there, only that there is nothing is known.
            if (code != (byte)VpdPageCode.SupportedPages) return r.InvalidField(2);
            page[0] = StandardInquiryData.NoLogicalUnit;
            page[HeaderSize] = (byte)VpdPageCode.SupportedPages;
            length = 1;
        }
        else
        {
            var found = Find(code, unit);
            if (found is null) return r.InvalidField(2);
            length = found.WriteBody(r, unit, page[HeaderSize..]);
        }
        BinaryPrimitives.WriteUInt16BigEndian(page[2..], (ushort)length);
        return r.Reply(page[..(HeaderSize + length)], allocationLength);
    }

    /// <summary>The limits of a logical unit.</summary>
    public static BlockLimitsVpdPage BlockLimits(LogicalUnit unit)
    {
        var info = unit.Info;
        var canUnmap = ScsiCapabilities.CanUnmap(unit);
        return new BlockLimitsVpdPage
        {
            WriteSameNonZero = !ScsiCapabilities.CanWriteSameToTheEnd(unit),
            MaximumCompareAndWriteLength = (byte)ScsiCapabilities.MaximumCompareAndWriteBlocks(unit),
            MaximumTransferLength = ScsiCapabilities.MaximumTransferBlocks(unit),
            MaximumAtomicTransferLength = (uint)ScsiCapabilities.MaximumAtomicWriteBlocks(unit),
            OptimalTransferLengthGranularity = (ushort)Math.Min(info.PhysicalBlockBlocks, ushort.MaxValue),
            MaximumUnmapLbaCount = canUnmap ? unit.Limits.MaximumUnmapBlocks : 0,
            MaximumUnmapBlockDescriptorCount = canUnmap ? (uint)ScsiCapabilities.MaximumUnmapDescriptors(unit) : 0,
            OptimalUnmapGranularity = canUnmap ? (uint)info.UnmapGranularityBlocks : 0,
            UnmapGranularityAlignment = canUnmap ? 0 : null,
            MaximumWriteSameLength = (ulong)ScsiCapabilities.MaximumWriteSameBlocks(unit),
        };
    }

    private static LogicalBlockProvisioningVpdPage Provisioning(LogicalUnit unit) => new()
    {
        Unmap = true,
        WriteSame16Unmaps = true,
        WriteSame10Unmaps = true,
        UnmappedReadsZero = ScsiCapabilities.UnmappedReadsZero(unit),
        IsThin = true,
        ThresholdExponent = unit.Space.IsKnown ? UnitSpace.ThresholdExponent(unit.Info) : (byte)0,
    };

    private static VpdPage? Find(byte code, LogicalUnit unit)
    {
        foreach (var page in Pages)
            if ((byte)page.Code == code) return page.IsSupported is null || page.IsSupported(unit) ? page : null;
        return null;
    }

    private static int WriteSupportedPages(ScsiRequest r, LogicalUnit unit, Span<byte> body)
    {
        var count = 0;
        foreach (var page in Pages)
            if (page.IsSupported is null || page.IsSupported(unit)) body[count++] = (byte)page.Code;
        return count;
    }

    /// <summary>Whether a designator of the Device Identification page names a logical unit.</summary>
    public static bool HasDesignator(ScsiRequest r, LogicalUnit unit, DesignatorType type, ReadOnlySpan<byte> designator)
    {
        // The one that everybody takes, without writing the page.
        if (type == DesignatorType.Naa) return designator.Length == 8 && BinaryPrimitives.ReadUInt64BigEndian(designator) == unit.NaaIdentifier;
        Span<byte> page = stackalloc byte[MaxSize];
        ReadOnlySpan<byte> body = page[..WriteDeviceIdentification(r, unit, page)];
        while (DesignationDescriptor.TryRead(ref body, out var own))
            if (own.Association == DesignatorAssociation.LogicalUnit && own.Type == type && own.Designator.SequenceEqual(designator)) return true;
        return false;
    }

    private static int WriteDeviceIdentification(ScsiRequest r, LogicalUnit unit, Span<byte> body)
    {
        var at = 0;
        Span<byte> designator = stackalloc byte[256];

        // Windows wants an NAA designator of the logical unit; udev and multipath take the first one.
        BinaryPrimitives.WriteUInt64BigEndian(designator, unit.NaaIdentifier);
        at += DesignationDescriptor.Write(body[at..], DesignatorAssociation.LogicalUnit, DesignatorType.Naa, designator[..8]);

        ScsiText.Write(LogicalUnit.Vendor, designator[..8]);
        var serialLength = Encoding.ASCII.GetBytes(unit.SerialNumber, designator[8..]);
        at += DesignationDescriptor.Write(
            body[at..], DesignatorAssociation.LogicalUnit, DesignatorType.T10VendorId, designator[..(8 + serialLength)]);

        // RFC 7143, 4.4.2: the name of a target port is the target's name, ",t,0x" and the portal group tag. The logical unit's
        // is built alike.
        at += WriteName(body[at..], DesignatorAssociation.LogicalUnit, unit, ",L,0x", LogicalUnitNumber.Encode(unit.Number), "X16");

        designator[..4].Clear();
        BinaryPrimitives.WriteUInt16BigEndian(designator[2..], r.Nexus.TargetPortGroupTag);
        at += DesignationDescriptor.Write(body[at..], DesignatorAssociation.TargetPort, DesignatorType.RelativeTargetPort, designator[..4]);
        at += DesignationDescriptor.Write(body[at..], DesignatorAssociation.TargetPort, DesignatorType.TargetPortGroup, designator[..4]);
        at += WriteName(body[at..], DesignatorAssociation.TargetPort, unit, ",t,0x", r.Nexus.TargetPortGroupTag, "X4");
        at += WriteName(body[at..], DesignatorAssociation.TargetDevice, unit);
        return at;
    }

    // SPC-4, SCSI name string designator: UTF-8, ended by a zero, filled with zeroes to a multiple of four.
    private static int WriteName(
        Span<byte> body, DesignatorAssociation association, LogicalUnit unit, string separator = "", ulong number = 0, string format = "")
    {
        Span<byte> name = stackalloc byte[256];
        name.Clear();
        var length = Encoding.UTF8.GetBytes(unit.TargetName, name);
        length += Encoding.UTF8.GetBytes(separator, name[length..]);
        if (format.Length > 0 && number.TryFormat(name[length..], out var digits, format)) length += digits;
        length = (length + 1 + 3) & ~3;
        return DesignationDescriptor.Write(body, association, DesignatorType.ScsiNameString, name[..length]);
    }

    // SPC-4, Extended INQUIRY Data VPD page (offsets of the whole page)
    //
    //      4| ACTIVATE_MICROCODE (2) | SPT (3) | GRD_CHK | APP_CHK | REF_CHK
    //      5| Reserved (2) | UASK_SUP | GROUP_SUP | PRIOR_SUP | HEADSUP | ORDSUP | SIMPSUP
    //      6| Reserved (4) | WU_SUP | CRD_SUP | NV_SUP | V_SUP
    //      7| Reserved (3) | P_I_I_SUP | Reserved (3) | LUICLR
    //      8| Reserved (3) | R_SUP | Reserved (3) | CBCS
    //     10| EXTENDED SELF-TEST COMPLETION MINUTES (2): zero, the Control mode page says it in seconds
    //     12| POA_SUP | HRA_SUP | VSA_SUP | Reserved (5)
    //     13| MAXIMUM SUPPORTED SENSE DATA LENGTH
    private static int WriteExtendedInquiryData(ScsiRequest r, LogicalUnit unit, Span<byte> body)
    {
        const int size = 0x3C;
        const byte headOfQueueOrderedSimple = 0x07;
        // REPORT LUNS ends the condition that the LUNs have changed for all units of the target.
        const byte clearsForAllUnits = 0x01;
        body[1] = headOfQueueOrderedSimple;
        body[2] = (byte)(unit.Info.HasVolatileWriteCache ? 0x01 : 0);
        body[3] = clearsForAllUnits;
        body[9] = SenseData.MaxDescriptorSize;
        return size;
    }

    // SPC-4, Mode Page Policy VPD page: POLICY PAGE CODE, POLICY SUBPAGE CODE, MLUS (1) | MODE PAGE POLICY (2), Reserved. One descriptor
    // for all pages and subpages: shared by all nexuses, and a unit's own.
    private static int WriteModePagePolicy(ScsiRequest r, LogicalUnit unit, Span<byte> body)
    {
        const int size = 4;
        body[0] = 0x3F;
        body[1] = 0xFF;
        return size;
    }

    // SPC-4, SCSI Ports VPD page, for each port: Reserved (2), RELATIVE PORT IDENTIFIER (2), Reserved (2), INITIATOR PORT TRANSPORTID
    // LENGTH (2), Reserved (2), TARGET PORT DESCRIPTORS LENGTH (2), the port's designators
    private static int WriteScsiPorts(ScsiRequest r, LogicalUnit unit, Span<byte> body)
    {
        const int header = 12;
        var at = 0;
        foreach (var port in r.Units.TargetPorts)
        {
            BinaryPrimitives.WriteUInt16BigEndian(body[(at + 2)..], port);
            var length = WriteName(body[(at + header)..], DesignatorAssociation.TargetPort, unit, ",t,0x", port, "X4");
            BinaryPrimitives.WriteUInt16BigEndian(body[(at + 10)..], (ushort)length);
            at += header + length;
        }
        return at;
    }

    // SBC-3, Block Device Characteristics VPD page: 4| MEDIUM ROTATION RATE (2), 0001h is non-rotating; 7| WABEREQ (2), WACEREQ (2),
    // NOMINAL FORM FACTOR (4). WABEREQ 01b: after a block erase every block can be read. WACEREQ 00b: there is no cryptographic erase.
    private static int WriteBlockDeviceCharacteristics(ScsiRequest r, LogicalUnit unit, Span<byte> body)
    {
        const int size = 0x3C;
        const ushort nonRotating = 0x0001;
        const byte readableAfterBlockErase = 0x40;
        BinaryPrimitives.WriteUInt16BigEndian(body, nonRotating);
        if (ScsiCapabilities.CanBlockErase(unit)) body[3] = readableAfterBlockErase;
        return size;
    }
}

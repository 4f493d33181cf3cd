using System.Buffers.Binary;

namespace Iscsi.Protocol.Scsi;

/// <summary>Logical Block Provisioning mode page, 1Ch/02h (SBC-3): thresholds on the space below a thin unit. Two of them.</summary>
public sealed record LogicalBlockProvisioningModePage
{
    /// <summary>PAGE CODE.</summary>
    public const byte Code = 0x1C;

    /// <summary>SUBPAGE CODE.</summary>
    public const byte Subcode = 0x02;

    /// <summary>Bytes of the page with its header.</summary>
    public const int Size = AvailableAt + (2 * DescriptorSize);

    /// <summary>Offset of the descriptor of the available resources.</summary>
    public const int AvailableAt = 16;

    /// <summary>Offset of the descriptor of the used resources.</summary>
    public const int UsedAt = AvailableAt + DescriptorSize;

    /// <summary>THRESHOLD RESOURCE, and parameter code of the log page: available LBA mapping resources.</summary>
    public const byte AvailableResource = 0x01;

    /// <summary>THRESHOLD RESOURCE, and parameter code of the log page: used LBA mapping resources.</summary>
    public const byte UsedResource = 0x02;

    private const int DescriptorSize = 8;
    private const byte SingleInitiatorBit = 0x01;
    private const byte EnabledBit = 0x80;
    private const byte ArmedIncreasing = 0x01;

    /// <summary>SITUA: one I_T nexus is told, not all.</summary>
    public bool SingleInitiator { get; init; }

    /// <summary>The count of available threshold sets at or below which it is told; null: the threshold is not enabled.</summary>
    public uint? Available { get; init; }

    /// <summary>The count of used threshold sets at or above which it is told; null: the threshold is not enabled.</summary>
    public uint? Used { get; init; }

    // SBC-3, Logical Block Provisioning mode page
    //
    //      0|PS    |SPF (1)| PAGE CODE (1Ch)        1| SUBPAGE CODE (02h)        2| PAGE LENGTH (2)
    //      4| Reserved                                                    |SITUA
    //     16| threshold descriptors:
    //           0|ENABLED|       | THRESHOLD TYPE (3)   | THRESHOLD ARMING (3)
    //           1| THRESHOLD RESOURCE
    //           4| THRESHOLD COUNT (4)
    // THRESHOLD TYPE 000b is a soft threshold; ARMING 000b is an armed decreasing one, 001b an armed increasing one.

    /// <summary>Renders the page, PS zero.</summary>
    /// <returns>Bytes written: <see cref="Size"/>.</returns>
    public int Write(Span<byte> destination)
    {
        var page = destination[..Size];
        page.Clear();
        page[0] = 0x40 | Code;
        page[1] = Subcode;
        page[3] = Size - 4;
        page[4] = SingleInitiator ? SingleInitiatorBit : (byte)0;
        page[AvailableAt] = Available is null ? (byte)0 : EnabledBit;
        page[AvailableAt + 1] = AvailableResource;
        BinaryPrimitives.WriteUInt32BigEndian(page[(AvailableAt + 4)..], Available ?? 0);
        page[UsedAt] = (byte)(ArmedIncreasing | (Used is null ? 0 : EnabledBit));
        page[UsedAt + 1] = UsedResource;
        BinaryPrimitives.WriteUInt32BigEndian(page[(UsedAt + 4)..], Used ?? 0);
        return Size;
    }

    /// <summary>Sets the bits of a mask that an initiator may change: SITUA, and ENABLED and THRESHOLD COUNT of both.</summary>
    public static void WriteChangeable(Span<byte> mask)
    {
        mask[4] = SingleInitiatorBit;
        foreach (var at in (ReadOnlySpan<int>)[AvailableAt, UsedAt])
        {
            mask[at] = EnabledBit;
            mask.Slice(at + 4, 4).Fill(0xFF);
        }
    }

    /// <summary>Parses the page with its header.</summary>
    /// <returns>Null: it is another page, or has other descriptors.</returns>
    public static LogicalBlockProvisioningModePage? TryParse(ReadOnlySpan<byte> page)
    {
        if (page.Length < Size || (page[0] & 0x7F) != (0x40 | Code) || page[1] != Subcode || page[3] != Size - 4) return null;
        return new LogicalBlockProvisioningModePage
        {
            SingleInitiator = (page[4] & SingleInitiatorBit) != 0,
            Available = Count(page[AvailableAt..]),
            Used = Count(page[UsedAt..]),
        };

        static uint? Count(ReadOnlySpan<byte> descriptor) =>
            (descriptor[0] & EnabledBit) != 0 ? BinaryPrimitives.ReadUInt32BigEndian(descriptor[4..]) : null;
    }
}

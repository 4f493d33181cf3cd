using System.Buffers.Binary;

namespace Iscsi.Protocol.Scsi;

/// <summary>Standard INQUIRY data (SPC-4).</summary>
public sealed record StandardInquiryData
{
    /// <summary>Bytes as rendered here, version descriptors and reserved bytes included.</summary>
    public const int Size = 96;

    /// <summary>Bytes that every device returns.</summary>
    public const int MinimumSize = 36;

    /// <summary>Peripheral qualifier 000b with type 00h: a connected direct access block device.</summary>
    public const byte ConnectedDirectAccess = 0x00;

    /// <summary>Peripheral qualifier 011b with type 1Fh: no such logical unit.</summary>
    public const byte NoLogicalUnit = 0x7F;

    private const int VersionDescriptorsAt = 58;
    private const int MaxVersionDescriptors = 8;

    /// <summary>PERIPHERAL QUALIFIER and PERIPHERAL DEVICE TYPE.</summary>
    public byte Peripheral { get; init; }

    /// <summary>RMB: the medium is removable.</summary>
    public bool IsRemovable { get; init; }

    /// <summary>VERSION: 06h is SPC-4.</summary>
    public byte Version { get; init; } = 0x06;

    /// <summary>3PC: there is a copy manager for third-party copies.</summary>
    public bool ThirdPartyCopy { get; init; }

    /// <summary>CMDQUE: the task management model of SAM is supported.</summary>
    public bool CommandQueuing { get; init; } = true;

    /// <summary>T10 VENDOR IDENTIFICATION, at most 8 printable ASCII characters.</summary>
    public string Vendor { get; init; } = "";

    /// <summary>PRODUCT IDENTIFICATION, at most 16 printable ASCII characters.</summary>
    public string Product { get; init; } = "";

    /// <summary>PRODUCT REVISION LEVEL, at most 4 printable ASCII characters.</summary>
    public string Revision { get; init; } = "";

    /// <summary>VERSION DESCRIPTORs, at most 8.</summary>
    public ReadOnlyMemory<ushort> VersionDescriptors { get; init; }

    // SPC-4, standard INQUIRY data format
    //
    //      0| PERIPHERAL QUALIFIER (3) | PERIPHERAL DEVICE TYPE (5)
    //      1| RMB | LU_CONG | Reserved (6)
    //      2| VERSION
    //      3| Reserved (2) | NORMACA | HISUP | RESPONSE DATA FORMAT (4)
    //      4| ADDITIONAL LENGTH (n-4)
    //      5| SCCS | ACC | TPGS (2) | 3PC | Reserved (2) | PROTECT
    //      6| Obsolete | ENCSERV | VS | MULTIP | Obsolete (4)
    //      7| Obsolete (6) | CMDQUE | VS
    //      8| T10 VENDOR IDENTIFICATION (8)
    //     16| PRODUCT IDENTIFICATION (16)
    //     32| PRODUCT REVISION LEVEL (4)
    //     36| vendor specific (20), Reserved (2)
    //     58| VERSION DESCRIPTOR 1 to 8 (16)
    //     74| Reserved (22)

    /// <summary>Renders the data.</summary>
    /// <returns>Bytes written: <see cref="Size"/>.</returns>
    public int Write(Span<byte> destination)
    {
        const byte hierarchicalSupport = 0x10;
        const byte responseDataFormat = 0x02;
        var data = destination[..Size];
        data.Clear();
        data[0] = Peripheral;
        data[1] = (byte)(IsRemovable ? 0x80 : 0);
        data[2] = Version;
        data[3] = hierarchicalSupport | responseDataFormat;
        data[4] = Size - 5;
        data[5] = (byte)(ThirdPartyCopy ? 0x08 : 0);
        data[7] = (byte)(CommandQueuing ? 0x02 : 0);
        ScsiText.Write(Vendor, data.Slice(8, 8));
        ScsiText.Write(Product, data.Slice(16, 16));
        ScsiText.Write(Revision, data.Slice(32, 4));
        var at = VersionDescriptorsAt;
        foreach (var descriptor in VersionDescriptors.Span[..Math.Min(VersionDescriptors.Length, MaxVersionDescriptors)])
        {
            BinaryPrimitives.WriteUInt16BigEndian(data[at..], descriptor);
            at += 2;
        }
        return Size;
    }

    /// <summary>Puts what is about target ports into rendered data: it differs by target, not by product.</summary>
    /// <param name="data">What <see cref="Write"/> rendered.</param>
    /// <param name="targetPortGroupSupport">TPGS: 00b none, 01b implicit changes of the asymmetric access state, 10b explicit, 11b both.</param>
    /// <param name="isMultiPort">MULTIP: there are several target ports.</param>
    public static void SetTargetPorts(Span<byte> data, byte targetPortGroupSupport, bool isMultiPort)
    {
        const byte multiPort = 0x10;
        data[5] |= (byte)((targetPortGroupSupport & 0x03) << 4);
        if (isMultiPort) data[6] |= multiPort;
    }

    /// <summary>Parses INQUIRY data; what a short answer leaves out is empty.</summary>
    /// <returns>False: shorter than <see cref="MinimumSize"/>.</returns>
    public static bool TryParse(ReadOnlySpan<byte> source, out StandardInquiryData? data)
    {
        data = null;
        if (source.Length < MinimumSize) return false;
        var descriptors = new List<ushort>();
        for (var at = VersionDescriptorsAt; at + 2 <= source.Length && descriptors.Count < MaxVersionDescriptors; at += 2)
        {
            var descriptor = BinaryPrimitives.ReadUInt16BigEndian(source[at..]);
            if (descriptor != 0) descriptors.Add(descriptor);
        }
        data = new StandardInquiryData
        {
            Peripheral = source[0],
            IsRemovable = (source[1] & 0x80) != 0,
            Version = source[2],
            ThirdPartyCopy = (source[5] & 0x08) != 0,
            CommandQueuing = (source[7] & 0x02) != 0,
            Vendor = ScsiText.Read(source.Slice(8, 8)),
            Product = ScsiText.Read(source.Slice(16, 16)),
            Revision = ScsiText.Read(source.Slice(32, 4)),
            VersionDescriptors = descriptors.ToArray(),
        };
        return true;
    }
}

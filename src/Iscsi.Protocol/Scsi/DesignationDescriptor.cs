namespace Iscsi.Protocol.Scsi;

/// <summary>What a designator names (ASSOCIATION in SPC-4).</summary>
public enum DesignatorAssociation : byte
{
    /// <summary>The logical unit.</summary>
    LogicalUnit = 0,

    /// <summary>The target port that received the request.</summary>
    TargetPort = 1,

    /// <summary>The target device.</summary>
    TargetDevice = 2,
}

/// <summary>How a designator is built (DESIGNATOR TYPE in SPC-4).</summary>
public enum DesignatorType : byte
{
    /// <summary>Vendor specific.</summary>
    VendorSpecific = 0x0,

    /// <summary>T10 vendor identification and a vendor specific string.</summary>
    T10VendorId = 0x1,

    /// <summary>EUI-64 based.</summary>
    Eui64 = 0x2,

    /// <summary>NAA.</summary>
    Naa = 0x3,

    /// <summary>Relative target port identifier.</summary>
    RelativeTargetPort = 0x4,

    /// <summary>Target port group.</summary>
    TargetPortGroup = 0x5,

    /// <summary>Logical unit group.</summary>
    LogicalUnitGroup = 0x6,

    /// <summary>SCSI name string: for iSCSI, iSCSI names in UTF-8, ended by a zero.</summary>
    ScsiNameString = 0x8,
}

// SPC-4: designation descriptor
//
//      0| PROTOCOL IDENTIFIER (4), iSCSI is 5h | CODE SET (4): 1h binary, 2h ASCII, 3h UTF-8
//      1| PIV | Reserved | ASSOCIATION (2) | DESIGNATOR TYPE (4)
//      2| Reserved
//      3| DESIGNATOR LENGTH (n-3)
//      4| DESIGNATOR

/// <summary>A designation descriptor of the Device Identification VPD page (SPC-4).</summary>
public readonly ref struct DesignationDescriptor
{
    private const byte Iscsi = 0x5;
    private const byte ProtocolIdentifierValid = 0x80;

    /// <summary>What it names.</summary>
    public DesignatorAssociation Association { get; private init; }

    /// <summary>How it is built.</summary>
    public DesignatorType Type { get; private init; }

    /// <summary>The designator.</summary>
    public ReadOnlySpan<byte> Designator { get; private init; }

    /// <summary>Writes a descriptor; the protocol identifier says iSCSI where it is about a port or the device.</summary>
    /// <returns>Bytes written: 4 and the designator.</returns>
    public static int Write(Span<byte> destination, DesignatorAssociation association, DesignatorType type, ReadOnlySpan<byte> designator)
    {
        var codeSet = type switch
        {
            DesignatorType.T10VendorId => 0x2,
            DesignatorType.ScsiNameString => 0x3,
            _ => 0x1,
        };
        var hasProtocol = association != DesignatorAssociation.LogicalUnit;
        destination[0] = (byte)((hasProtocol ? Iscsi << 4 : 0) | codeSet);
        destination[1] = (byte)((hasProtocol ? ProtocolIdentifierValid : 0) | ((int)association << 4) | (int)type);
        destination[2] = 0;
        destination[3] = checked((byte)designator.Length);
        designator.CopyTo(destination[4..]);
        return 4 + designator.Length;
    }

    /// <summary>Reads the first descriptor of a page body and moves on.</summary>
    /// <returns>False: no more complete descriptor.</returns>
    public static bool TryRead(ref ReadOnlySpan<byte> body, out DesignationDescriptor descriptor)
    {
        descriptor = default;
        if (body.Length < 4 || body.Length < 4 + body[3]) return false;
        descriptor = new DesignationDescriptor
        {
            Association = (DesignatorAssociation)((body[1] >> 4) & 0x3),
            Type = (DesignatorType)(body[1] & 0x0F),
            Designator = body.Slice(4, body[3]),
        };
        body = body[(4 + body[3])..];
        return true;
    }
}

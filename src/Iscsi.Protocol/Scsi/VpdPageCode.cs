namespace Iscsi.Protocol.Scsi;

/// <summary>Codes of vital product data pages (SPC-4, SBC-3).</summary>
public enum VpdPageCode : byte
{
    /// <summary>Supported VPD Pages.</summary>
    SupportedPages = 0x00,

    /// <summary>Unit Serial Number.</summary>
    UnitSerialNumber = 0x80,

    /// <summary>Device Identification.</summary>
    DeviceIdentification = 0x83,

    /// <summary>Management Network Addresses.</summary>
    ManagementNetworkAddresses = 0x85,

    /// <summary>Extended INQUIRY Data.</summary>
    ExtendedInquiryData = 0x86,

    /// <summary>Mode Page Policy.</summary>
    ModePagePolicy = 0x87,

    /// <summary>SCSI Ports.</summary>
    ScsiPorts = 0x88,

    /// <summary>Third-party Copy.</summary>
    ThirdPartyCopy = 0x8F,

    /// <summary>Block Limits.</summary>
    BlockLimits = 0xB0,

    /// <summary>Block Device Characteristics.</summary>
    BlockDeviceCharacteristics = 0xB1,

    /// <summary>Logical Block Provisioning.</summary>
    LogicalBlockProvisioning = 0xB2,
}

namespace Iscsi.Protocol.Scsi;

/// <summary>Sense keys (SPC-4).</summary>
public enum SenseKey : byte
{
    /// <summary>Nothing to report.</summary>
    NoSense = 0x0,

    /// <summary>Completed with recovery by the device.</summary>
    RecoveredError = 0x1,

    /// <summary>The logical unit is not accessible.</summary>
    NotReady = 0x2,

    /// <summary>A flaw of the medium or of the recorded data.</summary>
    MediumError = 0x3,

    /// <summary>A failure of the hardware.</summary>
    HardwareError = 0x4,

    /// <summary>A field of the CDB or of the parameter data is wrong.</summary>
    IllegalRequest = 0x5,

    /// <summary>Something happened since the last command.</summary>
    UnitAttention = 0x6,

    /// <summary>The medium or the range is protected.</summary>
    DataProtect = 0x7,

    /// <summary>Blank or non-blank medium encountered.</summary>
    BlankCheck = 0x8,

    /// <summary>Vendor specific.</summary>
    VendorSpecific = 0x9,

    /// <summary>A third-party copy was aborted.</summary>
    CopyAborted = 0xA,

    /// <summary>The device server aborted the command.</summary>
    AbortedCommand = 0xB,

    /// <summary>Data are left in the buffer at the end of a partition.</summary>
    VolumeOverflow = 0xD,

    /// <summary>Source data did not match the medium.</summary>
    Miscompare = 0xE,

    /// <summary>Completed, with information.</summary>
    Completed = 0xF,
}

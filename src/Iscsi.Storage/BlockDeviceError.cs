namespace Iscsi.Storage;

/// <summary>Why a block device refused or failed a call; a target chooses sense data by it.</summary>
public enum BlockDeviceError
{
    /// <summary>Something else; the message says what.</summary>
    Failed = 0,

    /// <summary>The medium could not be read.</summary>
    MediumError,

    /// <summary>A write, a zeroing, an unmap or a flush failed.</summary>
    WriteFailed,

    /// <summary>
    /// The storage below is full, or its quota is used up. What was asked for was not written; nothing else is in doubt.
    /// </summary>
    NoSpace,

    /// <summary>
    /// An earlier flush or durable write failed, so data that were reported as written may be gone. Writes and flushes are
    /// refused until the device is opened again.
    /// </summary>
    Latched,

    /// <summary>The device is read-only.</summary>
    ReadOnly,

    /// <summary>The storage below did not answer in time.</summary>
    Timeout,

    /// <summary>The device or its file system can't do what was asked for.</summary>
    NotSupported,

    /// <summary>The range is not inside the device (any more).</summary>
    OutOfRange,

    /// <summary>The storage below is gone, or has no power.</summary>
    Unavailable,

    /// <summary>There is nothing at the path.</summary>
    NotFound,

    /// <summary>The path names something that can't be a disk, a directory for instance.</summary>
    NotADisk,

    /// <summary>The process lacks the permission.</summary>
    AccessDenied,

    /// <summary>Someone else has the storage open.</summary>
    InUse,

    /// <summary>The size is zero or no multiple of the block size.</summary>
    InvalidSize,
}

using Iscsi.Protocol.Scsi;

namespace Iscsi.Target.Scsi;

/// <summary>What a device's failure means to the initiator.</summary>
internal static class ScsiErrors
{
    // HResult of an IOException on Unix is the errno; on Windows it is 0x8007 and the Win32 error.
    private const int NoSpace = 28;                              // ENOSPC
    private const int QuotaExceeded = 122;                       // EDQUOT
    private const int ReadOnlyFileSystem = 30;                   // EROFS
    private const int DiskFull = unchecked((int)0x80070070);     // ERROR_DISK_FULL
    private const int HandleDiskFull = unchecked((int)0x80070027); // ERROR_HANDLE_DISK_FULL
    private const int WriteProtect = unchecked((int)0x80070013); // ERROR_WRITE_PROTECT

    /// <summary>The sense of a device's exception.</summary>
    /// <param name="e">What the device threw.</param>
    /// <param name="writes">Whether the command changes the medium or flushes it.</param>
    public static SenseData Sense(Exception e, bool writes) => e switch
    {
        IOException { HResult: NoSpace or QuotaExceeded or DiskFull or HandleDiskFull } =>
            new SenseData(SenseKey.DataProtect, AdditionalSense.SpaceAllocationFailedWriteProtect),
        IOException { HResult: ReadOnlyFileSystem or WriteProtect } or UnauthorizedAccessException =>
            new SenseData(SenseKey.DataProtect, AdditionalSense.WriteProtected),
        IOException => writes
            ? new SenseData(SenseKey.MediumError, AdditionalSense.WriteError)
            : new SenseData(SenseKey.MediumError, AdditionalSense.UnrecoveredReadError),
        // Cancelled by the engine: the task was aborted, and this status goes nowhere unless the abort came too late.
        OperationCanceledException => new SenseData(SenseKey.AbortedCommand, AdditionalSense.None),
        _ => new SenseData(SenseKey.HardwareError, AdditionalSense.InternalTargetFailure),
    };

    /// <summary>Whether the failure leaves the medium as it was and known: refused before anything was lost.</summary>
    public static bool IsRefusal(Exception e) =>
        e is OperationCanceledException || Sense(e, writes: true).Key == SenseKey.DataProtect;
}

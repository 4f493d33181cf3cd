using Iscsi.Protocol.Scsi;
using Iscsi.Storage;

namespace Iscsi.Target.Scsi;

/// <summary>What a device's failure means to the initiator.</summary>
internal static class ScsiErrors
{
    /// <summary>The sense of a device's exception.</summary>
    /// <param name="e">What the device threw.</param>
    /// <param name="writes">Whether the command changes the medium or flushes it: the device's reason may leave open what
    /// failed.</param>
    public static SenseData Sense(Exception e, bool writes) => e switch
    {
        BlockDeviceException { Error: BlockDeviceError.NoSpace } =>
            new SenseData(SenseKey.DataProtect, AdditionalSense.SpaceAllocationFailedWriteProtect),
        BlockDeviceException { Error: BlockDeviceError.ReadOnly or BlockDeviceError.AccessDenied } =>
            new SenseData(SenseKey.DataProtect, AdditionalSense.WriteProtected),
        BlockDeviceException { Error: BlockDeviceError.Latched or BlockDeviceError.WriteFailed } =>
            new SenseData(SenseKey.MediumError, AdditionalSense.WriteError),
        BlockDeviceException { Error: BlockDeviceError.Timeout } =>
            new SenseData(SenseKey.AbortedCommand, AdditionalSense.CommandTimeoutDuringProcessing),
        BlockDeviceException { Error: BlockDeviceError.Unavailable } =>
            new SenseData(SenseKey.NotReady, AdditionalSense.NotReadyCauseNotReportable),
        // The device was made smaller after the range was checked.
        BlockDeviceException { Error: BlockDeviceError.OutOfRange } =>
            new SenseData(SenseKey.IllegalRequest, AdditionalSense.LogicalBlockAddressOutOfRange),
        BlockDeviceException { Error: BlockDeviceError.NotSupported } =>
            new SenseData(SenseKey.HardwareError, AdditionalSense.InternalTargetFailure),
        IOException => new SenseData(
            SenseKey.MediumError, writes ? AdditionalSense.WriteError : AdditionalSense.UnrecoveredReadError),
        // The task was aborted; this status is seen only when the abort came too late.
        OperationCanceledException => new SenseData(SenseKey.AbortedCommand, AdditionalSense.None),
        _ => new SenseData(SenseKey.HardwareError, AdditionalSense.InternalTargetFailure),
    };

    /// <summary>Whether the device refused before anything was written, so that no earlier write is in doubt.</summary>
    public static bool IsRefusal(Exception e) => e is OperationCanceledException or BlockDeviceException
    {
        Error: BlockDeviceError.NoSpace or BlockDeviceError.ReadOnly or BlockDeviceError.AccessDenied or BlockDeviceError.OutOfRange,
    };
}

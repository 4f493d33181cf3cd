using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;
using Iscsi.Storage;

namespace Iscsi.Initiator;

/// <content>How a command's failure becomes a block device's.</content>
public sealed partial class IscsiBlockDevice
{
    internal BlockDeviceException Failed(in Cdb cdb, IscsiException cause) =>
        new(BlockDeviceError.Unavailable, $"{Info.Description}: {NameOf(cdb)} failed. {cause.Message}", cause);

    internal BlockDeviceException Failed(in Cdb cdb, in ScsiResult result, bool isWrite)
    {
        var cause = new ScsiCommandException(NameOf(cdb), result);
        return new BlockDeviceException(ErrorOf(result, isWrite), $"{Info.Description}: {cause.Message}", cause);
    }

    private static BlockDeviceError ErrorOf(in ScsiResult result, bool isWrite)
    {
        var failed = isWrite ? BlockDeviceError.WriteFailed : BlockDeviceError.Failed;
        return result.Status switch
        {
            ScsiStatus.Busy or ScsiStatus.TaskSetFull => BlockDeviceError.Timeout,
            ScsiStatus.CheckCondition when result.Sense is { } sense => sense.Key switch
            {
                SenseKey.NotReady => BlockDeviceError.Unavailable,
                SenseKey.MediumError => isWrite ? BlockDeviceError.WriteFailed : BlockDeviceError.MediumError,
                SenseKey.DataProtect when sense.Additional == AdditionalSense.SpaceAllocationFailedWriteProtect => BlockDeviceError.NoSpace,
                SenseKey.DataProtect => BlockDeviceError.ReadOnly,
                SenseKey.IllegalRequest when sense.Additional == AdditionalSense.LogicalBlockAddressOutOfRange => BlockDeviceError.OutOfRange,
                SenseKey.IllegalRequest when sense.Additional == AdditionalSense.InvalidCommandOperationCode => BlockDeviceError.NotSupported,
                SenseKey.IllegalRequest when sense.Additional == AdditionalSense.LogicalUnitNotSupported => BlockDeviceError.Unavailable,
                _ => failed,
            },
            _ => failed,
        };
    }

    private static string NameOf(in Cdb cdb) => cdb.OperationCode switch
    {
        OperationCode.Read10 => "READ (10)",
        OperationCode.Read16 => "READ (16)",
        OperationCode.Write10 => "WRITE (10)",
        OperationCode.Write16 => "WRITE (16)",
        OperationCode.SynchronizeCache10 => "SYNCHRONIZE CACHE (10)",
        OperationCode.WriteSame16 => "WRITE SAME (16)",
        OperationCode.Unmap => "UNMAP",
        var code => $"command {code:X2}h",
    };
}

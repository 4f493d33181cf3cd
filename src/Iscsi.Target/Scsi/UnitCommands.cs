using Iscsi.Protocol.Scsi;

namespace Iscsi.Target.Scsi;

/// <summary>The state of a logical unit: TEST UNIT READY, REQUEST SENSE, START STOP UNIT.</summary>
internal static class UnitCommands
{
    /// <summary>The rows.</summary>
    public static readonly ScsiCommandRow[] Rows =
    [
        // SPC-4, 6.47
        new()
        {
            Name = "TEST UNIT READY",
            Usage = [OperationCode.TestUnitReady, 0, 0, 0, 0, 0],
            Begin = static r => r.Good(),
        },
    ];
}

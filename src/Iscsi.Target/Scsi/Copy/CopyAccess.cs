using Iscsi.Protocol.Scsi;

namespace Iscsi.Target.Scsi.Copy;

/// <summary>What a disk answers to a request of the copy manager before its device is asked: as it would answer the initiator itself.</summary>
internal static class CopyAccess
{
    /// <summary>Why a request is refused; null: it is not.</summary>
    public static SenseData? Check(ScsiRequest r, in CopyIo io)
    {
        var unit = io.Unit;
        // RESERVATION CONFLICT has no sense of its own.
        if (unit.Reservations.Refuse(r.Nexus, io.IsWrite ? ScsiTraits.Writes : ScsiTraits.AllowedThroughWriteExclusive)) return default(SenseData);
        if (unit.Medium.HasObstacle && unit.Medium.Refuse(ScsiTraits.None) is { } obstacle) return obstacle;
        if (io.Range.Lba + io.Range.Count > unit.Info.BlockCount) return BlockAddress.OutOfRange((ulong)unit.Info.BlockCount);
        if (!io.IsWrite) return null;
        if (unit.IsReadOnly) return new SenseData(SenseKey.DataProtect, AdditionalSense.WriteProtected);
        if (unit.Control.SoftwareWriteProtect) return new SenseData(SenseKey.DataProtect, AdditionalSense.SoftwareWriteProtected);
        return unit.IsWriteErrorLatched ? new SenseData(SenseKey.MediumError, AdditionalSense.WriteError) : null;
    }
}

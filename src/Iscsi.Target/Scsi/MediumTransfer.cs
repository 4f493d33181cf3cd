using Iscsi.Storage;

namespace Iscsi.Target.Scsi;

/// <summary>Blocks between the wire and the medium. The range is checked against the device.</summary>
/// <param name="Lba">First logical block.</param>
/// <param name="BlockCount">Number of blocks, 1 or more.</param>
/// <param name="BytesPerBlock">Block size of the device when the command began.</param>
/// <param name="Flags">
/// <see cref="BlockWriteFlags.ForceUnitAccess"/> when the CDB has FUA. A write passes it on to the device. A read has nothing to
/// pass on: SBC-3 (4.15) wants cached writes of the range on the medium first, so the device is flushed before it is read.
/// </param>
internal readonly record struct MediumTransfer(long Lba, long BlockCount, int BytesPerBlock, BlockWriteFlags Flags)
{
    /// <summary>Bytes of the blocks.</summary>
    public long LengthBytes => BlockCount * BytesPerBlock;
}

using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;

namespace Iscsi.Target.Scsi.Copy;

/// <summary>The segments of an EXTENDED COPY, one after the other (SPC-4, errors detected during processing of segment descriptors).</summary>
internal sealed class ExtendedCopyOperation(CopyRecord record, ExtendedCopyList list) : CopyOperation(record)
{
    private int _at = list.SegmentsAt;
    private int _segment = -1;

    /// <inheritdoc/>
    protected override bool TryNextExtent(ScsiRequest r, out CopyExtent extent)
    {
        extent = default;
        Span<byte> bytes = stackalloc byte[CopySegment.MaxSize];
        if (_segment >= 0) Record.OnSegment();
        for (; _at < list.SegmentsEnd; Record.OnSegment())
        {
            _segment++;
            r.DataOut.CopyTo(_at, bytes[..CopySegment.HeaderSize]);
            var length = CopySegment.LengthOf(bytes[0]);
            r.DataOut.CopyTo(_at, bytes[..length]);
            _at += length;
            var segment = CopySegment.Read(bytes);
            if (segment.Type == CopySegment.Verify)
            {
                if (!TryVerify(r, segment)) return false;
            }
            else
            {
                if (!TryGetExtent(r, segment, out extent)) return false;
                if (extent.LengthBytes > 0) return true;
            }
        }
        return false;
    }

    /// <inheritdoc/>
    protected override SenseData Failure(in CopyIo io, SenseData cause) =>
        // What the copy manager says of itself stays; what a disk answered is the disk's failure.
        new(SenseKey.CopyAborted, io.Unit is null ? cause.Additional : AdditionalSense.ThirdPartyDeviceFailure) { CommandSpecificInformation = (uint)Math.Max(0, _segment) };

    private bool TryVerify(ScsiRequest r, in CopySegment segment)
    {
        if (!TryResolve(r, segment.Source, CopySegment.SourceAt, out var unit)) return false;
        if (!segment.TestsUnitReady) return true;
        var io = new CopyIo(CopyIoKind.Barrier, unit, default);
        return !unit.Medium.HasObstacle || unit.Medium.Refuse(ScsiTraits.None) is null || Fail(r, Failure(io, default(SenseData)));
    }

    private bool TryGetExtent(ScsiRequest r, in CopySegment segment, out CopyExtent extent)
    {
        extent = default;
        if (!TryResolve(r, segment.Source, CopySegment.SourceAt, out var source)) return false;
        if (!TryResolve(r, segment.Destination, CopySegment.DestinationAt, out var destination)) return false;
        int sourceBlock = source.Info.BlockSize, destinationBlock = destination.Info.BlockSize;
        var lengthBytes = segment.BlockCount * (long)(segment.CountsDestination ? destinationBlock : sourceBlock);
        // Bytes that are left over could be held for the next segment (CAT) or filled up (PAD): neither is done for disks here.
        if (lengthBytes % sourceBlock != 0 || lengthBytes % destinationBlock != 0) return FailAt(r, AdditionalSense.UnexpectedInexactSegment, CopySegment.BlockCountAt);
        // Linux and a foreign test suite agree on this answer; the reason that READ and WRITE would give isn't one of a copy target.
        if (!IsInside(source, segment.SourceLba, lengthBytes)) return FailAt(r, AdditionalSense.CopyTargetDeviceNotReachable, CopySegment.SourceLbaAt);
        if (!IsInside(destination, segment.DestinationLba, lengthBytes)) return FailAt(r, AdditionalSense.CopyTargetDeviceNotReachable, CopySegment.DestinationLbaAt);
        extent = new CopyExtent(source, (long)segment.SourceLba, destination, (long)segment.DestinationLba, lengthBytes);
        return true;
    }

    private bool TryResolve(ScsiRequest r, ushort id, int fieldAt, out LogicalUnit unit)
    {
        unit = r.Unit!;
        if (id == CscdDescriptor.OwnUnitId) return true;
        if (id >= list.CscdCount) return FailAt(r, AdditionalSense.UnreachableCopyTarget, fieldAt);
        Span<byte> bytes = stackalloc byte[CscdDescriptor.Size];
        var at = list.CscdAt + (id * CscdDescriptor.Size);
        r.DataOut.CopyTo(at, bytes);
        var descriptor = new CscdDescriptor(bytes);
        if (descriptor.Resolve(r) is not { } found) return FailAt(r, AdditionalSense.CopyTargetDeviceNotReachable, fieldAt);
        unit = found;
        if (!descriptor.IsBlockDevice) return FailAt(r, AdditionalSense.IncorrectCopyTargetDeviceType, fieldAt);
        if (descriptor.BlockLength != 0 && descriptor.BlockLength != found.Info.BlockSize)
        {
            // A copy in other blocks than the disk's would be of other bytes than were meant.
            return Fail(r, Failure(default, AdditionalSense.InvalidFieldInParameterList) with
            {
                Field = new FieldPointer(InCdb: false, (ushort)(at + CscdDescriptor.BlockLengthAt)),
            });
        }
        return true;
    }

    private bool FailAt(ScsiRequest r, AdditionalSense additional, int offsetBytes) => Fail(r, Failure(default, additional) with
    {
        Field = new FieldPointer(InCdb: false, (ushort)offsetBytes) { InSegment = true },
    });

    private static bool Fail(ScsiRequest r, SenseData sense)
    {
        r.Fail(sense);
        return false;
    }

    private static bool IsInside(LogicalUnit unit, ulong lba, long lengthBytes)
    {
        var count = (ulong)(lengthBytes / unit.Info.BlockSize);
        var end = (ulong)unit.Info.BlockCount;
        return lba <= end && count <= end - lba;
    }
}

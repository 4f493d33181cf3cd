using Iscsi.Protocol;
using System.Buffers.Binary;
using Iscsi.Protocol.Scsi;
using Iscsi.Storage;

namespace Iscsi.Target.Scsi;

/// <summary>UNMAP and GET LBA STATUS (SBC-3).</summary>
internal static class ProvisioningCommands
{
    /// <summary>The rows.</summary>
    public static readonly ScsiCommandRow[] Rows =
    [
        // byte 1 ANCHOR (not supported), byte 6 GROUP NUMBER, byte 7 PARAMETER LIST LENGTH (2)
        new()
        {
            Name = "UNMAP",
            Usage = [OperationCode.Unmap, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0],
            Traits = ScsiTraits.Writes,
            Direction = DataDirection.Write,
            Memory = MemoryNeed.AllAtOnce,
            RecommendedTimeoutSeconds = 60,
            // A read-only device can't unmap, and should say why.
            IsSupported = static unit => ScsiCapabilities.CanUnmap(unit) || unit.Info.IsReadOnly,
            Begin = Begin,
            Execute = UnmapAsync,
        },

        // byte 2 STARTING LOGICAL BLOCK ADDRESS (8), byte 10 ALLOCATION LENGTH (4)
        new()
        {
            Name = "GET LBA STATUS",
            Usage =
            [
                OperationCode.ServiceActionIn16, OperationCode.GetLbaStatus,
                0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0,
            ],
            ServiceAction = OperationCode.GetLbaStatus,
            Traits = ScsiTraits.AllowedThroughWriteExclusive,
            Direction = DataDirection.Read,
            Memory = MemoryNeed.ParameterData,
            IsSupported = ScsiCapabilities.CanUnmap,
            Begin = BeginGetStatus,
            Execute = GetStatusAsync,
        },
    ];

    // SBC-3, GET LBA STATUS parameter data: 8 bytes of header, then descriptors of 16.
    private const int StatusHeaderSize = 8;
    private const int StatusDescriptorSize = 16;
    private const int MaxStatusDescriptors = 32;
    private const byte Mapped = 0;
    private const byte Deallocated = 1;

    private static ScsiStep BeginGetStatus(ScsiRequest r)
    {
        var lba = r.Cdb.UInt64(2);
        if (lba >= (ulong)r.Unit!.Info.BlockCount) return r.Fail(BlockAddress.OutOfRange(lba));
        r.NeedsStore = true;
        return ScsiStep.Execute;
    }

    private static async ValueTask GetStatusAsync(ScsiRequest r)
    {
        var lba = (long)r.Cdb.UInt64(2);
        var allocationLength = r.Cdb.UInt32(10);
        var room = (int)Math.Clamp(((long)allocationLength - StatusHeaderSize) / StatusDescriptorSize, 1, MaxStatusDescriptors);
        // A descriptor counts blocks in 32 bits; what lies beyond is asked for by the next command.
        var range = new BlockRange(lba, Math.Min(r.Unit!.Info.BlockCount - lba, uint.MaxValue));
        var extents = new BlockExtent[room];
        var count = await r.Unit.Device.GetExtentsAsync(range, extents, r.Cancellation).ConfigureAwait(false);
        WriteStatus(r, extents.AsSpan(0, count), allocationLength);
    }

    private static void WriteStatus(ScsiRequest r, ReadOnlySpan<BlockExtent> extents, uint allocationLength)
    {
        var writer = new ParameterDataWriter(r, allocationLength);
        writer.PutUInt32((uint)(StatusHeaderSize - 4 + (extents.Length * StatusDescriptorSize)));
        writer.PutUInt32(0);
        foreach (var extent in extents)
        {
            writer.PutUInt64((ulong)extent.Lba);
            writer.PutUInt32((uint)extent.Count);
            writer.Put([extent.IsAllocated ? Mapped : Deallocated, 0, 0, 0]);
        }
        writer.Good();
    }

    private static ScsiStep Begin(ScsiRequest r)
    {
        int length = r.Cdb.UInt16(7);
        if (length == 0) return r.Good();
        if (length < UnmapParameterList.HeaderSize || length > r.Unit!.Limits.AllAtOnceBytes)
            return r.Fail(SenseKey.IllegalRequest, AdditionalSense.ParameterListLengthError);
        r.TransferLength = length;
        r.DataOutNeeded = length;
        // Which blocks is known when the list is here; all of them may be shared with every other writer anyway.
        r.LockedRange = new BlockRange(0, r.Unit.Info.BlockCount);
        r.LocksMoreThanItChanges = true;
        r.NeedsStore = true;
        return ScsiStep.CollectDataOut;
    }

    private static async ValueTask UnmapAsync(ScsiRequest r)
    {
        if (!TryCheck(r, out var descriptorCount)) return;
        for (var i = 0; i < descriptorCount; i++)
        {
            var descriptor = ReadDescriptor(r, i);
            if (descriptor.BlockCount == 0) continue;
            r.Cancellation.ThrowIfCancellationRequested();
            var range = new BlockRange((long)descriptor.Lba, descriptor.BlockCount);
            r.Unit!.RodTokens.OnWrite(range);
            await r.Unit.Device.UnmapAsync(range, r.Cancellation).ConfigureAwait(false);
        }
    }

    // Everything is checked before anything is unmapped.
    private static bool TryCheck(ScsiRequest r, out int descriptorCount)
    {
        descriptorCount = 0;
        Span<byte> header = stackalloc byte[UnmapParameterList.HeaderSize];
        if (r.DataOut.Length < r.DataOutNeeded) return Failed(r, AdditionalSense.ParameterListLengthError);
        r.DataOut.CopyTo(0, header);
        int dataLength = BinaryPrimitives.ReadUInt16BigEndian(header);
        int descriptorLength = BinaryPrimitives.ReadUInt16BigEndian(header[UnmapParameterList.DescriptorDataLengthAt..]);
        if (dataLength > r.DataOutNeeded - 2 || descriptorLength > r.DataOutNeeded - UnmapParameterList.HeaderSize)
            return Failed(r, AdditionalSense.ParameterListLengthError);

        // SBC-3: bytes after the last whole descriptor are ignored.
        descriptorCount = descriptorLength / UnmapParameterList.DescriptorSize;
        if (descriptorCount > ScsiCapabilities.MaximumUnmapDescriptors(r.Unit!))
        {
            r.InvalidParameter(UnmapParameterList.DescriptorDataLengthAt);
            return false;
        }

        ulong total = 0;
        for (var i = 0; i < descriptorCount; i++)
        {
            var descriptor = ReadDescriptor(r, i);
            if (!BlockAddress.IsInside(r, descriptor.Lba, descriptor.BlockCount)) return false;
            total += descriptor.BlockCount;
            if (total <= r.Unit!.Limits.MaximumUnmapBlocks) continue;
            r.InvalidParameter(OffsetOf(i) + 8);
            return false;
        }
        return true;
    }

    private static bool Failed(ScsiRequest r, AdditionalSense additional)
    {
        r.Fail(SenseKey.IllegalRequest, additional);
        return false;
    }

    private static int OffsetOf(int index) => UnmapParameterList.HeaderSize + (index * UnmapParameterList.DescriptorSize);

    private static UnmapBlockDescriptor ReadDescriptor(ScsiRequest r, int index)
    {
        Span<byte> bytes = stackalloc byte[UnmapParameterList.DescriptorSize];
        r.DataOut.CopyTo(OffsetOf(index), bytes);
        return UnmapBlockDescriptor.Read(bytes);
    }
}

using System.Buffers.Binary;
using Iscsi.Protocol.Scsi;
using Iscsi.Storage;

namespace Iscsi.Target.Scsi;

/// <summary>UNMAP (SBC-3).</summary>
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
            Direction = DataDirection.Out,
            Memory = MemoryNeed.AllAtOnce,
            RecommendedTimeoutSeconds = 60,
            IsSupported = ScsiCapabilities.CanUnmap,
            Begin = Begin,
            Execute = UnmapAsync,
        },
    ];

    private static ScsiStep Begin(ScsiRequest r)
    {
        int length = r.Cdb.UInt16(7);
        if (length == 0) return r.Good();
        if (length < UnmapParameterList.HeaderSize || length > r.Unit!.Limits.AllAtOnceBytes)
            return r.Fail(SenseKey.IllegalRequest, AdditionalSense.ParameterListLengthError);
        r.TransferLength = length;
        r.DataOutNeeded = length;
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
            await r.Unit!.Device.UnmapAsync(new BlockRange((long)descriptor.Lba, descriptor.BlockCount), r.Cancellation).ConfigureAwait(false);
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

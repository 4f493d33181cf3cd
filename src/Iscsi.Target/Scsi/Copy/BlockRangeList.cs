using System.Buffers.Binary;
using System.Collections.Immutable;
using Iscsi.Protocol.Scsi;
using Iscsi.Storage;

namespace Iscsi.Target.Scsi.Copy;

// SBC-3, block device range descriptor: 0| LOGICAL BLOCK ADDRESS (8), 8| NUMBER OF LOGICAL BLOCKS (4), 12| Reserved (4)

/// <summary>The block device range descriptors of POPULATE TOKEN and WRITE USING TOKEN (SBC-3).</summary>
internal static class BlockRangeList
{
    private const int Size = 16;

    /// <summary>
    /// Reads and checks the descriptors at the end of a parameter list: inside the disk, no two overlapping, together not more than a token
    /// may represent. What follows the last whole descriptor is ignored, as are ranges of no blocks.
    /// </summary>
    /// <param name="r">The request; it fails when something is wrong.</param>
    /// <param name="lengthAt">Where BLOCK DEVICE RANGE DESCRIPTOR LENGTH is; the descriptors follow it.</param>
    /// <param name="ranges">The ranges.</param>
    public static bool TryRead(ScsiRequest r, int lengthAt, out ImmutableArray<BlockRange> ranges)
    {
        ranges = [];
        Span<byte> bytes = stackalloc byte[Size];
        r.DataOut.CopyTo(0, bytes[..2]);
        int dataLength = BinaryPrimitives.ReadUInt16BigEndian(bytes);
        r.DataOut.CopyTo(lengthAt, bytes[..2]);
        int length = BinaryPrimitives.ReadUInt16BigEndian(bytes);
        var first = lengthAt + 2;
        if (length < Size) return Failed(r.Refuse(AdditionalSense.InvalidFieldInParameterList, lengthAt));
        if (first + length > r.DataOut.Length) return Failed(r.Refuse(AdditionalSense.ParameterListLengthError));
        if (dataLength < first - 2 + length) return Failed(r.Refuse(AdditionalSense.InvalidFieldInParameterList, 0));
        var count = length / Size;
        if (count > CopyLimits.MaxRanges) return Failed(r.Refuse(AdditionalSense.TooManySegmentDescriptors));

        var unit = r.Unit!;
        var read = ImmutableArray.CreateBuilder<BlockRange>(count);
        long total = 0;
        for (var i = 0; i < count; i++)
        {
            var at = first + (i * Size);
            r.DataOut.CopyTo(at, bytes);
            var lba = BinaryPrimitives.ReadUInt64BigEndian(bytes);
            var blockCount = BinaryPrimitives.ReadUInt32BigEndian(bytes[8..]);
            if (!BlockAddress.IsInside(r, lba, blockCount)) return false;
            if (blockCount == 0) continue;
            var range = new BlockRange((long)lba, blockCount);
            foreach (var other in read)
                if (range.Lba < other.Lba + other.Count && other.Lba < range.Lba + range.Count) return Failed(r.Refuse(AdditionalSense.InvalidFieldInParameterList, at));
            total += blockCount;
            if (total * unit.Info.BlockSize > CopyLimits.MaxTokenBytes) return Failed(r.Refuse(AdditionalSense.InvalidFieldInParameterList, at + 8));
            read.Add(range);
        }
        ranges = read.ToImmutable();
        return true;
    }

    private static bool Failed(CopyOperation? none) => none is not null;
}

using System.Buffers.Binary;
using System.Collections.Immutable;
using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;
using Iscsi.Storage;

namespace Iscsi.Target.Scsi.Copy;

// SBC-3, POPULATE TOKEN parameter list
//
//      0| POPULATE TOKEN DATA LENGTH (n-1) (2)
//      2| Reserved (6) | RTV | IMMED
//      4| INACTIVITY TIMEOUT (4), seconds
//      8| ROD TYPE (4)
//     14| BLOCK DEVICE RANGE DESCRIPTOR LENGTH (2)
//     16| block device range descriptors
//
// SBC-3, WRITE USING TOKEN parameter list
//
//      0| WRITE USING TOKEN DATA LENGTH (n-1) (2)
//      2| Reserved (6) | DEL_TKN | IMMED
//      8| OFFSET INTO ROD (8), blocks of the destination
//     16| ROD TOKEN (512)
//    534| BLOCK DEVICE RANGE DESCRIPTOR LENGTH (2)
//    536| block device range descriptors

/// <summary>POPULATE TOKEN and WRITE USING TOKEN (SBC-3), which Windows calls offloaded data transfer. IMMED changes nothing: status comes with the end.</summary>
internal static class TokenCommands
{
    private const int ListIdentifierAt = 6;
    private const int LengthAt = 10;
    private const byte DeleteToken = 0x02;
    private const byte RodTypeValid = 0x02;
    private const int PopulateRangesAt = 14;
    private const int TimeoutAt = 4;
    private const int RodTypeAt = 8;
    private const int OffsetAt = 8;
    private const int TokenAt = 16;
    private const int WriteRangesAt = 534;

    /// <summary>The rows.</summary>
    public static readonly ScsiCommandRow[] Rows =
    [
        // byte 6 LIST IDENTIFIER (4), byte 10 PARAMETER LIST LENGTH (4), byte 14 GROUP NUMBER
        new()
        {
            Name = "POPULATE TOKEN",
            Usage = Usage(OperationCode.PopulateToken),
            ServiceAction = OperationCode.PopulateToken,
            Traits = ScsiTraits.AllowedThroughWriteExclusive,
            Direction = DataDirection.Write,
            Memory = MemoryNeed.AllAtOnce,
            Begin = BeginPopulate,
            StartCopy = StartPopulate,
        },
        new()
        {
            Name = "WRITE USING TOKEN",
            Usage = Usage(OperationCode.WriteUsingToken),
            ServiceAction = OperationCode.WriteUsingToken,
            Traits = ScsiTraits.Writes,
            Direction = DataDirection.Write,
            Memory = MemoryNeed.AllAtOnce,
            RecommendedTimeoutSeconds = 60,
            Begin = static r => r.CollectCopyList(LengthAt),
            StartCopy = StartWrite,
        },
    ];

    private static byte[] Usage(byte serviceAction) =>
        [OperationCode.ThirdPartyCopyOut, serviceAction, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0];

    private static ScsiStep BeginPopulate(ScsiRequest r)
    {
        var step = r.CollectCopyList(LengthAt);
        // It moves no data.
        r.ScratchBytes = 0;
        return step;
    }

    private static CopyOperation? StartPopulate(ScsiRequest r)
    {
        if (r.DataOut.Length < r.DataOutNeeded || r.DataOut.Length < PopulateRangesAt + 2) return r.Refuse(AdditionalSense.ParameterListLengthError);
        Span<byte> header = stackalloc byte[PopulateRangesAt + 2];
        r.DataOut.CopyTo(0, header);
        var seconds = BinaryPrimitives.ReadUInt32BigEndian(header[TimeoutAt..]);
        if (seconds > CopyLimits.MaxInactivitySeconds) return r.Refuse(AdditionalSense.InvalidFieldInParameterList, TimeoutAt);
        if ((header[2] & RodTypeValid) != 0 &&
            BinaryPrimitives.ReadUInt32BigEndian(header[RodTypeAt..]) is not (RodToken.ChangeVulnerable or RodToken.PointInTimeDefault or RodToken.PointInTimeAny))
            return r.Refuse(AdditionalSense.InvalidFieldInParameterList, RodTypeAt);
        if (!BlockRangeList.TryRead(r, PopulateRangesAt, out var ranges)) return null;
        // A token for nothing would have no blocks that could be written.
        if (ranges.IsEmpty) return r.Refuse(AdditionalSense.InvalidFieldInParameterList, PopulateRangesAt + 2 + 8);

        var record = new CopyRecord(r.Nexus, r.Cdb.UInt32(ListIdentifierAt), r.Cdb.ServiceAction, isHeld: true);
        return r.TryBegin(record)
            ? new PopulateTokenOperation(record, ranges, TimeSpan.FromSeconds(seconds == 0 ? CopyLimits.DefaultInactivitySeconds : seconds))
            : null;
    }

    private static CopyOperation? StartWrite(ScsiRequest r)
    {
        if (r.DataOut.Length < r.DataOutNeeded || r.DataOut.Length < WriteRangesAt + 2) return r.Refuse(AdditionalSense.ParameterListLengthError);
        Span<byte> header = stackalloc byte[WriteRangesAt];
        r.DataOut.CopyTo(0, header);
        if (!BlockRangeList.TryRead(r, WriteRangesAt, out var ranges)) return null;
        var shown = header.Slice(TokenAt, RodToken.Size);
        if (BinaryPrimitives.ReadUInt16BigEndian(shown[6..]) != RodToken.Length) return r.Refuse(AdditionalSense.InvalidTokenLength);
        RodToken? token = null;
        switch (BinaryPrimitives.ReadUInt32BigEndian(shown))
        {
            case RodToken.BlockDeviceZero:
                break;
            case RodToken.ChangeVulnerable:
                token = Use(r, shown, out var reason);
                if (token is null) return r.Refuse(reason);
                break;
            default:
                return r.Refuse(AdditionalSense.UnsupportedTokenType);
        }
        var offset = BinaryPrimitives.ReadUInt64BigEndian(header[OffsetAt..]);
        var record = new CopyRecord(r.Nexus, r.Cdb.UInt32(ListIdentifierAt), r.Cdb.ServiceAction, isHeld: true);
        if (token is not null && !IsInside(r, token, offset, ranges))
        {
            token.Unit.RodTokens.Release(token);
            return r.Refuse(AdditionalSense.InvalidFieldInParameterList, OffsetAt);
        }
        if (!r.TryBegin(record))
        {
            token?.Unit.RodTokens.Release(token);
            return null;
        }
        var offsetBytes = token is null ? 0 : (long)offset * r.Unit!.Info.BlockSize;
        return new WriteUsingTokenOperation(record, token, offsetBytes, ranges, (header[2] & DeleteToken) != 0);
    }

    // The token's unit is looked for among those of the target: one that was taken out takes its tokens with it.
    private static RodToken? Use(ScsiRequest r, ReadOnlySpan<byte> shown, out AdditionalSense reason)
    {
        foreach (var unit in r.Units.Units)
        {
            if (unit.RodTokens.TryUse(shown, out var token) is { } why)
            {
                reason = why;
                return null;
            }
            if (token is null) continue;
            reason = default;
            return token;
        }
        reason = AdditionalSense.TokenUnknown;
        return null;
    }

    private static bool IsInside(ScsiRequest r, RodToken token, ulong offset, ImmutableArray<BlockRange> ranges)
    {
        var blockSize = (ulong)r.Unit!.Info.BlockSize;
        var length = (ulong)token.LengthBytes;
        if (offset > length / blockSize) return false;
        var left = length - (offset * blockSize);
        // Blocks of two sizes meet at every boundary of a range.
        if (blockSize != (ulong)token.BlockSize && !IsAligned(token, (ulong)Math.Max(token.BlockSize, (int)blockSize), offset * blockSize, ranges, (int)blockSize)) return false;
        foreach (var range in ranges)
        {
            var bytes = (ulong)range.Count * blockSize;
            if (bytes > left) return false;
            left -= bytes;
        }
        return true;
    }

    private static bool IsAligned(
        RodToken token, ulong larger, ulong offsetBytes, ImmutableArray<BlockRange> ranges, int blockSize)
    {
        if (offsetBytes % larger != 0) return false;
        foreach (var range in token.Ranges)
            if ((ulong)range.Count * (ulong)token.BlockSize % larger != 0) return false;
        foreach (var range in ranges)
            if ((ulong)range.Count * (ulong)blockSize % larger != 0) return false;
        return true;
    }
}

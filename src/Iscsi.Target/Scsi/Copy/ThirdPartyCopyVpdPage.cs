using System.Buffers.Binary;
using System.Numerics;
using Iscsi.Protocol.Scsi;

namespace Iscsi.Target.Scsi.Copy;

// SPC-4, Third-party Copy VPD page: descriptors of 0| THIRD-PARTY COPY DESCRIPTOR TYPE (2), 2| LENGTH (2), a multiple of four

/// <summary>What the copy manager of a logical unit can do (SPC-4, Third-party Copy VPD page).</summary>
internal static class ThirdPartyCopyVpdPage
{
    /// <summary>Descriptor type codes that EXTENDED COPY takes, ascending.</summary>
    public static ReadOnlySpan<byte> DescriptorTypes => [CopySegment.BlockToBlock, CopySegment.Verify, CscdDescriptor.IdentificationType];

    private static ReadOnlySpan<uint> RodTypes => [RodToken.PointInTimeDefault, RodToken.ChangeVulnerable, RodToken.BlockDeviceZero];

    /// <summary>Writes the body of the page; returns its length.</summary>
    public static int Write(ScsiRequest r, LogicalUnit unit, Span<byte> body)
    {
        var at = 0;
        at += WriteBlockDeviceRodLimits(body[at..], unit);
        at += WriteSupportedCommands(body[at..]);
        at += WriteParameterData(body[at..]);
        at += WriteSupportedDescriptors(body[at..]);
        at += WriteSupportedCscdIds(body[at..]);
        at += WriteRodTokenFeatures(body[at..], unit);
        at += WriteSupportedRodTypes(body[at..]);
        at += WriteGeneralCopyOperations(body[at..], unit);
        return at;
    }

    // SBC-3, block device ROD limits (0000h)
    //
    //     10| MAXIMUM RANGE DESCRIPTORS (2)
    //     12| MAXIMUM INACTIVITY TIMEOUT (4), DEFAULT INACTIVITY TIMEOUT (4)
    //     20| MAXIMUM TOKEN TRANSFER SIZE (8), OPTIMAL TRANSFER COUNT (8), blocks
    private static int WriteBlockDeviceRodLimits(Span<byte> to, LogicalUnit unit)
    {
        var length = Begin(to, 0x0000, 36);
        BinaryPrimitives.WriteUInt16BigEndian(to[10..], CopyLimits.MaxRanges);
        BinaryPrimitives.WriteUInt32BigEndian(to[12..], CopyLimits.MaxInactivitySeconds);
        BinaryPrimitives.WriteUInt32BigEndian(to[16..], CopyLimits.DefaultInactivitySeconds);
        BinaryPrimitives.WriteUInt64BigEndian(to[20..], (ulong)(CopyLimits.MaxTokenBytes / unit.Info.BlockSize));
        BinaryPrimitives.WriteUInt64BigEndian(to[28..], (ulong)(CopyLimits.MaxTokenBytes / unit.Info.BlockSize));
        return length;
    }

    // supported commands (0001h): 4| COMMANDS SUPPORTED LIST LENGTH, then 0| OPERATION CODE, 1| number of service actions, 2| service actions
    private static int WriteSupportedCommands(Span<byte> to)
    {
        var at = 5;
        foreach (var code in (ReadOnlySpan<byte>)[OperationCode.ThirdPartyCopyOut, OperationCode.ThirdPartyCopyIn])
        {
            var start = at;
            at += 2;
            foreach (var row in ScsiCommandTable.Rows)
                if (row.OperationCode == code) to[at++] = row.ServiceAction!.Value;
            to[start] = code;
            to[start + 1] = (byte)(at - start - 2);
        }
        to[4] = (byte)(at - 5);
        return End(to, 0x0001, at);
    }

    // parameter data (0004h)
    //
    //      8| MAXIMUM CSCD DESCRIPTOR COUNT (2), MAXIMUM SEGMENT DESCRIPTOR COUNT (2)
    //     12| MAXIMUM DESCRIPTOR LIST LENGTH (4), MAXIMUM INLINE DATA LENGTH (4)
    private static int WriteParameterData(Span<byte> to)
    {
        var length = Begin(to, 0x0004, 32);
        BinaryPrimitives.WriteUInt16BigEndian(to[8..], CopyLimits.MaxCscdDescriptors);
        BinaryPrimitives.WriteUInt16BigEndian(to[10..], CopyLimits.MaxSegmentDescriptors);
        BinaryPrimitives.WriteUInt32BigEndian(to[12..], CopyLimits.MaxDescriptorListBytes);
        return length;
    }

    // supported descriptors (0008h): 4| SUPPORTED DESCRIPTOR LIST LENGTH, 5| descriptor type codes
    private static int WriteSupportedDescriptors(Span<byte> to)
    {
        to[4] = (byte)DescriptorTypes.Length;
        DescriptorTypes.CopyTo(to[5..]);
        return End(to, 0x0008, 5 + DescriptorTypes.Length);
    }

    // supported CSCD descriptor IDs (000Ch): 4| list length (2), 6| IDs above 07FFh
    private static int WriteSupportedCscdIds(Span<byte> to)
    {
        to[5] = 2;
        BinaryPrimitives.WriteUInt16BigEndian(to[6..], CscdDescriptor.OwnUnitId);
        return End(to, 0x000C, 8);
    }

    // ROD token features (0106h)
    //
    //      4| REMOTE TOKENS: zero, a token of another copy manager is not taken
    //     16| MINIMUM TOKEN LIFETIME (4), MAXIMUM TOKEN LIFETIME (4), MAXIMUM TOKEN INACTIVITY TIMEOUT (4)
    //     46| ROD DEVICE TYPE SPECIFIC FEATURES DESCRIPTORS LENGTH (2), then that of block devices (48 bytes)
    //
    //         0| Reserved | DEVICE TYPE (00h), 2| length (2C), 6| OPTIMAL BLOCK ROD LENGTH GRANULARITY (2)
    //         8| MAXIMUM BYTES IN BLOCK ROD (8), OPTIMAL BYTES IN BLOCK ROD TRANSFER (8)
    //        24| OPTIMAL BYTES TO TOKEN PER SEGMENT (8), OPTIMAL BYTES FROM TOKEN PER SEGMENT (8)
    private static int WriteRodTokenFeatures(Span<byte> to, LogicalUnit unit)
    {
        var length = Begin(to, 0x0106, 96);
        BinaryPrimitives.WriteUInt32BigEndian(to[20..], CopyLimits.MaxTokenLifetimeSeconds);
        BinaryPrimitives.WriteUInt32BigEndian(to[24..], CopyLimits.MaxInactivitySeconds);
        to[47] = 48;
        var block = to[48..];
        block[3] = 0x2C;
        BinaryPrimitives.WriteUInt16BigEndian(block[6..], (ushort)Math.Min(unit.Info.PhysicalBlockBlocks, ushort.MaxValue));
        BinaryPrimitives.WriteUInt64BigEndian(block[8..], CopyLimits.MaxTokenBytes);
        BinaryPrimitives.WriteUInt64BigEndian(block[16..], CopyLimits.MaxTokenBytes);
        BinaryPrimitives.WriteUInt64BigEndian(block[24..], CopyLimits.MaxTokenBytes);
        BinaryPrimitives.WriteUInt64BigEndian(block[32..], CopyLimits.MaxTokenBytes);
        return length;
    }

    // supported ROD types (0108h): 6| list length (2), then 64 bytes each: 0| ROD TYPE (4), 4| ECPY_INT | … | TOKEN_IN | TOKEN_OUT, 6| PREFERENCE INDICATOR (2)
    private static int WriteSupportedRodTypes(Span<byte> to)
    {
        const byte tokenIn = 0x02;
        const byte tokenOut = 0x01;
        var length = Begin(to, 0x0108, 8 + (64 * RodTypes.Length));
        BinaryPrimitives.WriteUInt16BigEndian(to[6..], (ushort)(64 * RodTypes.Length));
        var at = 8;
        foreach (var type in RodTypes)
        {
            BinaryPrimitives.WriteUInt32BigEndian(to[at..], type);
            // POPULATE TOKEN takes both names of the one kind; the tokens themselves bear the second.
            to[at + 4] = type switch
            {
                RodToken.PointInTimeDefault => tokenOut,
                RodToken.ChangeVulnerable => tokenIn | tokenOut,
                _ => tokenIn,
            };
            at += 64;
        }
        return length;
    }

    // general copy operations (8001h)
    //
    //      4| TOTAL CONCURRENT COPIES (4), MAXIMUM IDENTIFIED CONCURRENT COPIES (4), MAXIMUM SEGMENT LENGTH (4)
    //     16| DATA SEGMENT GRANULARITY (log 2), INLINE DATA GRANULARITY (log 2)
    private static int WriteGeneralCopyOperations(Span<byte> to, LogicalUnit unit)
    {
        var length = Begin(to, 0x8001, 36);
        BinaryPrimitives.WriteUInt32BigEndian(to[4..], CopyLimits.MaxCopies);
        BinaryPrimitives.WriteUInt32BigEndian(to[8..], CopyLimits.MaxCopies);
        to[16] = (byte)BitOperations.Log2((uint)unit.Info.BlockSize);
        return length;
    }

    private static int Begin(Span<byte> to, ushort type, int size)
    {
        BinaryPrimitives.WriteUInt16BigEndian(to, type);
        BinaryPrimitives.WriteUInt16BigEndian(to[2..], (ushort)(size - 4));
        return size;
    }

    private static int End(Span<byte> to, ushort type, int size) => Begin(to, type, (size + 3) & ~3);
}

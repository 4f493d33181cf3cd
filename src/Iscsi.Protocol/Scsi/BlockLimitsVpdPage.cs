using System.Buffers.Binary;

namespace Iscsi.Protocol.Scsi;

/// <summary>Block Limits VPD page, B0h (SBC-3). Zero says "not reported" unless a member says otherwise.</summary>
public readonly record struct BlockLimitsVpdPage
{
    /// <summary>Bytes of the page body.</summary>
    public const int BodySize = 0x3C;

    /// <summary>WSNZ: WRITE SAME refuses a number of blocks of zero.</summary>
    public bool WriteSameNonZero { get; init; }

    /// <summary>MAXIMUM COMPARE AND WRITE LENGTH, blocks; 0: COMPARE AND WRITE is not supported.</summary>
    public byte MaximumCompareAndWriteLength { get; init; }

    /// <summary>OPTIMAL TRANSFER LENGTH GRANULARITY, blocks.</summary>
    public ushort OptimalTransferLengthGranularity { get; init; }

    /// <summary>MAXIMUM TRANSFER LENGTH, blocks; 0: no limit.</summary>
    public uint MaximumTransferLength { get; init; }

    /// <summary>OPTIMAL TRANSFER LENGTH, blocks.</summary>
    public uint OptimalTransferLength { get; init; }

    /// <summary>MAXIMUM UNMAP LBA COUNT, blocks of all descriptors; 0: UNMAP is not supported.</summary>
    public uint MaximumUnmapLbaCount { get; init; }

    /// <summary>MAXIMUM UNMAP BLOCK DESCRIPTOR COUNT; 0: UNMAP is not supported.</summary>
    public uint MaximumUnmapBlockDescriptorCount { get; init; }

    /// <summary>OPTIMAL UNMAP GRANULARITY, blocks.</summary>
    public uint OptimalUnmapGranularity { get; init; }

    /// <summary>UNMAP GRANULARITY ALIGNMENT, blocks; null: UGAVALID is zero.</summary>
    public uint? UnmapGranularityAlignment { get; init; }

    /// <summary>MAXIMUM WRITE SAME LENGTH, blocks; 0: no limit.</summary>
    public ulong MaximumWriteSameLength { get; init; }

    /// <summary>MAXIMUM ATOMIC TRANSFER LENGTH, blocks (SBC-4); 0: WRITE ATOMIC is not supported.</summary>
    public uint MaximumAtomicTransferLength { get; init; }

    /// <summary>ATOMIC ALIGNMENT, blocks; 0: any address.</summary>
    public uint AtomicAlignment { get; init; }

    /// <summary>ATOMIC TRANSFER LENGTH GRANULARITY, blocks; 0: any length.</summary>
    public uint AtomicTransferLengthGranularity { get; init; }

    // SBC-3, Block Limits VPD page, after the four bytes of the page header (offsets of the whole page)
    //
    //      4| Reserved (7) | WSNZ
    //      5| MAXIMUM COMPARE AND WRITE LENGTH
    //      6| OPTIMAL TRANSFER LENGTH GRANULARITY (2)
    //      8| MAXIMUM TRANSFER LENGTH (4)
    //     12| OPTIMAL TRANSFER LENGTH (4)
    //     16| MAXIMUM PREFETCH LENGTH (4), 0: no limit
    //     20| MAXIMUM UNMAP LBA COUNT (4)
    //     24| MAXIMUM UNMAP BLOCK DESCRIPTOR COUNT (4)
    //     28| OPTIMAL UNMAP GRANULARITY (4)
    //     32| UGAVALID | UNMAP GRANULARITY ALIGNMENT (31)
    //     36| MAXIMUM WRITE SAME LENGTH (8)
    //     44| MAXIMUM ATOMIC TRANSFER LENGTH (4), SBC-4
    //     48| ATOMIC ALIGNMENT (4)
    //     52| ATOMIC TRANSFER LENGTH GRANULARITY (4)
    //     56| MAXIMUM ATOMIC TRANSFER LENGTH WITH ATOMIC BOUNDARY (4), 0: no boundaries
    //     60| MAXIMUM ATOMIC BOUNDARY SIZE (4)

    /// <summary>Renders the body, which follows the four bytes of the page header.</summary>
    /// <returns>Bytes written: <see cref="BodySize"/>.</returns>
    public int WriteBody(Span<byte> body)
    {
        body[..BodySize].Clear();
        body[0] = (byte)(WriteSameNonZero ? 1 : 0);
        body[1] = MaximumCompareAndWriteLength;
        BinaryPrimitives.WriteUInt16BigEndian(body[2..], OptimalTransferLengthGranularity);
        BinaryPrimitives.WriteUInt32BigEndian(body[4..], MaximumTransferLength);
        BinaryPrimitives.WriteUInt32BigEndian(body[8..], OptimalTransferLength);
        BinaryPrimitives.WriteUInt32BigEndian(body[16..], MaximumUnmapLbaCount);
        BinaryPrimitives.WriteUInt32BigEndian(body[20..], MaximumUnmapBlockDescriptorCount);
        BinaryPrimitives.WriteUInt32BigEndian(body[24..], OptimalUnmapGranularity);
        if (UnmapGranularityAlignment is { } alignment)
            BinaryPrimitives.WriteUInt32BigEndian(body[28..], 0x8000_0000 | (alignment & 0x7FFF_FFFF));
        BinaryPrimitives.WriteUInt64BigEndian(body[32..], MaximumWriteSameLength);
        BinaryPrimitives.WriteUInt32BigEndian(body[40..], MaximumAtomicTransferLength);
        BinaryPrimitives.WriteUInt32BigEndian(body[44..], AtomicAlignment);
        BinaryPrimitives.WriteUInt32BigEndian(body[48..], AtomicTransferLengthGranularity);
        return BodySize;
    }

    /// <summary>Parses a body; the short form of SBC-2 has the transfer lengths only.</summary>
    /// <returns>False: too short even for SBC-2.</returns>
    public static bool TryParseBody(ReadOnlySpan<byte> body, out BlockLimitsVpdPage page)
    {
        page = default;
        if (body.Length < 12) return false;
        page = new BlockLimitsVpdPage
        {
            WriteSameNonZero = (body[0] & 1) != 0,
            MaximumCompareAndWriteLength = body[1],
            OptimalTransferLengthGranularity = BinaryPrimitives.ReadUInt16BigEndian(body[2..]),
            MaximumTransferLength = BinaryPrimitives.ReadUInt32BigEndian(body[4..]),
            OptimalTransferLength = BinaryPrimitives.ReadUInt32BigEndian(body[8..]),
        };
        if (body.Length < 40) return true;
        var alignment = BinaryPrimitives.ReadUInt32BigEndian(body[28..]);
        page = page with
        {
            MaximumUnmapLbaCount = BinaryPrimitives.ReadUInt32BigEndian(body[16..]),
            MaximumUnmapBlockDescriptorCount = BinaryPrimitives.ReadUInt32BigEndian(body[20..]),
            OptimalUnmapGranularity = BinaryPrimitives.ReadUInt32BigEndian(body[24..]),
            UnmapGranularityAlignment = (alignment & 0x8000_0000) != 0 ? alignment & 0x7FFF_FFFF : null,
            MaximumWriteSameLength = BinaryPrimitives.ReadUInt64BigEndian(body[32..]),
        };
        if (body.Length < 52) return true;
        page = page with
        {
            MaximumAtomicTransferLength = BinaryPrimitives.ReadUInt32BigEndian(body[40..]),
            AtomicAlignment = BinaryPrimitives.ReadUInt32BigEndian(body[44..]),
            AtomicTransferLengthGranularity = BinaryPrimitives.ReadUInt32BigEndian(body[48..]),
        };
        return true;
    }
}

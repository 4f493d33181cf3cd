using System.Buffers.Binary;

namespace Iscsi.Protocol.Scsi;

/// <summary>Parameter data of READ CAPACITY (10) and (16) (SBC-3).</summary>
public readonly record struct ReadCapacityData
{
    /// <summary>Bytes of READ CAPACITY (10) parameter data.</summary>
    public const int Size10 = 8;

    /// <summary>Bytes of READ CAPACITY (16) parameter data.</summary>
    public const int Size16 = 32;

    /// <summary>RETURNED LOGICAL BLOCK ADDRESS: the last block. In the 10-byte form FFFFFFFFh says "more than fits".</summary>
    public required ulong LastLogicalBlockAddress { get; init; }

    /// <summary>LOGICAL BLOCK LENGTH IN BYTES.</summary>
    public required uint BlockLengthBytes { get; init; }

    /// <summary>LOGICAL BLOCKS PER PHYSICAL BLOCK EXPONENT, 0 to 15. 16-byte form only.</summary>
    public byte LogicalBlocksPerPhysicalBlockExponent { get; init; }

    /// <summary>LBPME: logical block provisioning management is on. 16-byte form only.</summary>
    public bool IsProvisioningManaged { get; init; }

    /// <summary>LBPRZ: unmapped blocks read as zeroes. 16-byte form only.</summary>
    public bool UnmappedReadsZero { get; init; }

    /// <summary>LOWEST ALIGNED LOGICAL BLOCK ADDRESS, 14 bits. 16-byte form only.</summary>
    public ushort LowestAlignedLogicalBlockAddress { get; init; }

    // SBC-3, READ CAPACITY (10) parameter data
    //
    //      0| RETURNED LOGICAL BLOCK ADDRESS (4)
    //      4| LOGICAL BLOCK LENGTH IN BYTES (4)

    /// <summary>Renders the 10-byte form.</summary>
    /// <returns>Bytes written: <see cref="Size10"/>.</returns>
    public int Write10(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt32BigEndian(destination, (uint)Math.Min(LastLogicalBlockAddress, uint.MaxValue));
        BinaryPrimitives.WriteUInt32BigEndian(destination[4..], BlockLengthBytes);
        return Size10;
    }

    // SBC-3, READ CAPACITY (16) parameter data
    //
    //      0| RETURNED LOGICAL BLOCK ADDRESS (8)
    //      8| LOGICAL BLOCK LENGTH IN BYTES (4)
    //     12| Reserved (4) | P_TYPE (3) | PROT_EN
    //     13| P_I_EXPONENT (4) | LOGICAL BLOCKS PER PHYSICAL BLOCK EXPONENT (4)
    //     14| LBPME | LBPRZ | LOWEST ALIGNED LOGICAL BLOCK ADDRESS (14)
    //     16| Reserved (16)

    /// <summary>Renders the 16-byte form.</summary>
    /// <returns>Bytes written: <see cref="Size16"/>.</returns>
    public int Write16(Span<byte> destination)
    {
        destination[..Size16].Clear();
        BinaryPrimitives.WriteUInt64BigEndian(destination, LastLogicalBlockAddress);
        BinaryPrimitives.WriteUInt32BigEndian(destination[8..], BlockLengthBytes);
        destination[13] = (byte)(LogicalBlocksPerPhysicalBlockExponent & 0x0F);
        BinaryPrimitives.WriteUInt16BigEndian(destination[14..], (ushort)(
            (IsProvisioningManaged ? 0x8000 : 0) | (UnmappedReadsZero ? 0x4000 : 0) | (LowestAlignedLogicalBlockAddress & 0x3FFF)));
        return Size16;
    }

    /// <summary>Parses the 10-byte form.</summary>
    /// <returns>False: too short.</returns>
    public static bool TryParse10(ReadOnlySpan<byte> source, out ReadCapacityData data)
    {
        data = default;
        if (source.Length < Size10) return false;
        data = new ReadCapacityData
        {
            LastLogicalBlockAddress = BinaryPrimitives.ReadUInt32BigEndian(source),
            BlockLengthBytes = BinaryPrimitives.ReadUInt32BigEndian(source[4..]),
        };
        return true;
    }

    /// <summary>Parses the 16-byte form; fields that were cut off are zero.</summary>
    /// <returns>False: shorter than block address and length.</returns>
    public static bool TryParse16(ReadOnlySpan<byte> source, out ReadCapacityData data)
    {
        data = default;
        if (source.Length < 12) return false;
        var provisioning = source.Length >= 16 ? BinaryPrimitives.ReadUInt16BigEndian(source[14..]) : 0;
        data = new ReadCapacityData
        {
            LastLogicalBlockAddress = BinaryPrimitives.ReadUInt64BigEndian(source),
            BlockLengthBytes = BinaryPrimitives.ReadUInt32BigEndian(source[8..]),
            LogicalBlocksPerPhysicalBlockExponent = source.Length > 13 ? (byte)(source[13] & 0x0F) : (byte)0,
            IsProvisioningManaged = (provisioning & 0x8000) != 0,
            UnmappedReadsZero = (provisioning & 0x4000) != 0,
            LowestAlignedLogicalBlockAddress = (ushort)(provisioning & 0x3FFF),
        };
        return true;
    }
}

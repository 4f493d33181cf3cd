using System.Buffers.Binary;

namespace Iscsi.Target.Scsi.Copy;

// SPC-4, segment descriptor header: 0| DESCRIPTOR TYPE CODE, 1| Reserved (6) | DC | CAT, 2| DESCRIPTOR LENGTH (2), of what follows
//
// Block device to block device segment descriptor (02h)
//
//      4| SOURCE CSCD DESCRIPTOR ID (2)
//      6| DESTINATION CSCD DESCRIPTOR ID (2)
//     10| BLOCK DEVICE NUMBER OF BLOCKS (2): of the destination when DC is one, else of the source
//     12| SOURCE BLOCK DEVICE LOGICAL BLOCK ADDRESS (8)
//     20| DESTINATION BLOCK DEVICE LOGICAL BLOCK ADDRESS (8)
//
// Verify CSCD segment descriptor (07h)
//
//      4| SOURCE CSCD DESCRIPTOR ID (2)
//      8| Reserved (7) | TUR

/// <summary>A segment descriptor of EXTENDED COPY (SPC-4).</summary>
internal readonly record struct CopySegment
{
    /// <summary>DESCRIPTOR TYPE CODE: block device to block device.</summary>
    public const byte BlockToBlock = 0x02;

    /// <summary>DESCRIPTOR TYPE CODE: verify CSCD.</summary>
    public const byte Verify = 0x07;

    /// <summary>Bytes before what DESCRIPTOR LENGTH counts.</summary>
    public const int HeaderSize = 4;

    /// <summary>Bytes of the longest.</summary>
    public const int MaxSize = 28;

    /// <summary>SOURCE CSCD DESCRIPTOR ID.</summary>
    public const int SourceAt = 4;

    /// <summary>DESTINATION CSCD DESCRIPTOR ID.</summary>
    public const int DestinationAt = 6;

    /// <summary>BLOCK DEVICE NUMBER OF BLOCKS.</summary>
    public const int BlockCountAt = 10;

    /// <summary>SOURCE BLOCK DEVICE LOGICAL BLOCK ADDRESS.</summary>
    public const int SourceLbaAt = 12;

    /// <summary>DESTINATION BLOCK DEVICE LOGICAL BLOCK ADDRESS.</summary>
    public const int DestinationLbaAt = 20;

    private const byte DestinationCount = 0x02;
    private const int TestUnitReadyAt = 8;

    /// <summary>DESCRIPTOR TYPE CODE.</summary>
    public byte Type { get; private init; }

    /// <summary>SOURCE CSCD DESCRIPTOR ID.</summary>
    public ushort Source { get; private init; }

    /// <summary>DESTINATION CSCD DESCRIPTOR ID.</summary>
    public ushort Destination { get; private init; }

    /// <summary>DC: <see cref="BlockCount"/> counts blocks of the destination.</summary>
    public bool CountsDestination { get; private init; }

    /// <summary>BLOCK DEVICE NUMBER OF BLOCKS.</summary>
    public ushort BlockCount { get; private init; }

    /// <summary>SOURCE BLOCK DEVICE LOGICAL BLOCK ADDRESS.</summary>
    public ulong SourceLba { get; private init; }

    /// <summary>DESTINATION BLOCK DEVICE LOGICAL BLOCK ADDRESS.</summary>
    public ulong DestinationLba { get; private init; }

    /// <summary>TUR of a verify: the unit must be ready.</summary>
    public bool TestsUnitReady { get; private init; }

    /// <summary>Bytes of a descriptor; 0: the type is not supported.</summary>
    public static int LengthOf(byte type) => type switch
    {
        BlockToBlock => 28,
        Verify => 12,
        _ => 0,
    };

    /// <summary>Reads a descriptor of a supported type and its whole length.</summary>
    public static CopySegment Read(ReadOnlySpan<byte> bytes) => new()
    {
        Type = bytes[0],
        CountsDestination = (bytes[1] & DestinationCount) != 0,
        Source = BinaryPrimitives.ReadUInt16BigEndian(bytes[SourceAt..]),
        Destination = BinaryPrimitives.ReadUInt16BigEndian(bytes[DestinationAt..]),
        TestsUnitReady = bytes[0] == Verify && (bytes[TestUnitReadyAt] & 0x01) != 0,
        BlockCount = bytes[0] == BlockToBlock ? BinaryPrimitives.ReadUInt16BigEndian(bytes[BlockCountAt..]) : (ushort)0,
        SourceLba = bytes[0] == BlockToBlock ? BinaryPrimitives.ReadUInt64BigEndian(bytes[SourceLbaAt..]) : 0,
        DestinationLba = bytes[0] == BlockToBlock ? BinaryPrimitives.ReadUInt64BigEndian(bytes[DestinationLbaAt..]) : 0,
    };
}

using Iscsi.Protocol.Scsi;

namespace Iscsi.Target.Scsi.Copy;

// SPC-4, identification descriptor CSCD descriptor
//
//      0| DESCRIPTOR TYPE CODE (E4h)
//      1| LU ID TYPE (2) | Obsolete (NUL) | PERIPHERAL DEVICE TYPE (5)
//      2| RELATIVE INITIATOR PORT IDENTIFIER (2)
//      4| Reserved (4) | CODE SET (4)
//      5| Reserved (2) | ASSOCIATION (2) | DESIGNATOR TYPE (4)
//      7| DESIGNATOR LENGTH
//      8| DESIGNATOR (20)
//     28| Reserved (5) | PAD | Reserved (2)
//     29| DISK BLOCK LENGTH (3)
//
// LU ID TYPE says how a field is read that this type of descriptor does not have, so it is ignored, as is the obsolete NUL. The relative
// initiator port says through which port the copy manager is to reach the disk: it reaches all of them without any.

/// <summary>A copy source or copy destination, named by a designator of its Device Identification page (SPC-4).</summary>
internal readonly ref struct CscdDescriptor(ReadOnlySpan<byte> bytes)
{
    /// <summary>Bytes of a descriptor.</summary>
    public const int Size = 32;

    /// <summary>DESCRIPTOR TYPE CODE: identification descriptor.</summary>
    public const byte IdentificationType = 0xE4;

    /// <summary>The CSCD DESCRIPTOR ID of the logical unit that was sent the command.</summary>
    public const ushort OwnUnitId = 0xFFFF;

    /// <summary>DISK BLOCK LENGTH.</summary>
    public const int BlockLengthAt = 29;

    private const int MaxDesignatorSize = 20;
    private readonly ReadOnlySpan<byte> _bytes = bytes;

    /// <summary>Whether it says that the disk is a direct access block device.</summary>
    public bool IsBlockDevice => (_bytes[1] & 0x1F) == 0;

    /// <summary>DISK BLOCK LENGTH; 0: not said.</summary>
    public int BlockLength => (_bytes[BlockLengthAt] << 16) | (_bytes[BlockLengthAt + 1] << 8) | _bytes[BlockLengthAt + 2];

    /// <summary>
    /// The logical unit of the same target that has the designator; null: none. A session was let in to its target and to no other, so
    /// a copy stays there.
    /// </summary>
    public LogicalUnit? Resolve(ScsiRequest r)
    {
        if (_bytes[7] > MaxDesignatorSize) return null;
        var association = (DesignatorAssociation)((_bytes[5] >> 4) & 0x3);
        if (association != DesignatorAssociation.LogicalUnit) return null;
        var type = (DesignatorType)(_bytes[5] & 0x0F);
        var designator = _bytes.Slice(8, _bytes[7]);
        foreach (var unit in r.Units.Units)
            if (VpdPages.HasDesignator(r, unit, type, designator)) return unit;
        return null;
    }

    /// <summary>Writes the descriptor of a logical unit by its NAA designator.</summary>
    public static void Write(Span<byte> destination, LogicalUnit unit)
    {
        Span<byte> designator = stackalloc byte[12];
        System.Buffers.Binary.BinaryPrimitives.WriteUInt64BigEndian(designator, unit.NaaIdentifier);
        destination[..Size].Clear();
        destination[0] = IdentificationType;
        DesignationDescriptor.Write(destination[4..], DesignatorAssociation.LogicalUnit, DesignatorType.Naa, designator[..8]);
        destination[BlockLengthAt] = (byte)(unit.Info.BlockSize >> 16);
        destination[BlockLengthAt + 1] = (byte)(unit.Info.BlockSize >> 8);
        destination[BlockLengthAt + 2] = (byte)unit.Info.BlockSize;
    }
}

using System.Buffers.Binary;

namespace Iscsi.Protocol.Scsi;

// SBC-3: UNMAP parameter list
//
//      0| UNMAP DATA LENGTH (2), n-1
//      2| UNMAP BLOCK DESCRIPTOR DATA LENGTH (2), n-7
//      4| Reserved (4)
//      8| UNMAP block descriptors: LOGICAL BLOCK ADDRESS (8), NUMBER OF LOGICAL BLOCKS (4), Reserved (4)

/// <summary>The parameter list of UNMAP (SBC-3).</summary>
public static class UnmapParameterList
{
    /// <summary>Bytes before the first descriptor.</summary>
    public const int HeaderSize = 8;

    /// <summary>Bytes of a descriptor.</summary>
    public const int DescriptorSize = 16;

    /// <summary>Offset of UNMAP BLOCK DESCRIPTOR DATA LENGTH.</summary>
    public const int DescriptorDataLengthAt = 2;

    /// <summary>Writes a list of one descriptor a range.</summary>
    /// <returns>Bytes written.</returns>
    public static int Write(Span<byte> destination, ReadOnlySpan<UnmapBlockDescriptor> descriptors)
    {
        var length = HeaderSize + (descriptors.Length * DescriptorSize);
        var list = destination[..length];
        list.Clear();
        BinaryPrimitives.WriteUInt16BigEndian(list, checked((ushort)(length - 2)));
        BinaryPrimitives.WriteUInt16BigEndian(list[DescriptorDataLengthAt..], (ushort)(length - HeaderSize));
        for (var i = 0; i < descriptors.Length; i++) descriptors[i].Write(list[(HeaderSize + (i * DescriptorSize))..]);
        return length;
    }
}

/// <summary>An UNMAP block descriptor.</summary>
/// <param name="Lba">LOGICAL BLOCK ADDRESS: UNMAP LOGICAL BLOCK ADDRESS.</param>
/// <param name="BlockCount">NUMBER OF LOGICAL BLOCKS; 0: none, which is no error.</param>
public readonly record struct UnmapBlockDescriptor(ulong Lba, uint BlockCount)
{
    internal void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt64BigEndian(destination, Lba);
        BinaryPrimitives.WriteUInt32BigEndian(destination[8..], BlockCount);
    }

    /// <summary>Reads a descriptor.</summary>
    public static UnmapBlockDescriptor Read(ReadOnlySpan<byte> source) =>
        new(BinaryPrimitives.ReadUInt64BigEndian(source), BinaryPrimitives.ReadUInt32BigEndian(source[8..]));
}

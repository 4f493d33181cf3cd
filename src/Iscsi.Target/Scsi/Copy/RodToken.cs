using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Iscsi.Protocol.Scsi;
using Iscsi.Storage;

namespace Iscsi.Target.Scsi.Copy;

// SPC-4, ROD token format; SBC-3, block device ROD token
//
//      0| ROD TYPE (4)
//      6| ROD TOKEN LENGTH (2): 01F8h
//      8| COPY MANAGER ROD TOKEN IDENTIFIER (8)
//     16| CREATOR LOGICAL UNIT DESCRIPTOR (32): a CSCD descriptor
//     48| NUMBER OF BYTES REPRESENTED (16)
//     96| device type specific data (32): READ CAPACITY (16) data from LOGICAL BLOCK LENGTH on
//    128| TARGET DEVICE DESCRIPTOR: a designation descriptor of the target device
//      n| EXTENDED ROD TOKEN DATA: random here, so that nobody makes a token but the copy manager

/// <summary>
/// A representation of data: which blocks of a logical unit WRITE USING TOKEN copies from (SPC-4, ROD tokens). It is of the type "point in time
/// copy, change vulnerable": it stands for the blocks as they were when it was made, and is revoked before the first of them is
/// written. Nothing is copied to keep it, and it does not outlive its logical unit or the server.
/// </summary>
internal sealed class RodToken
{
    /// <summary>Bytes of a token.</summary>
    public const int Size = 512;

    /// <summary>Its first bytes, which REPORT ALL ROD TOKENS tells; none of them is secret.</summary>
    public const int ManagementSize = 96;

    /// <summary>ROD TOKEN LENGTH of a token of <see cref="Size"/> bytes.</summary>
    public const ushort Length = 0x01F8;

    /// <summary>ROD TYPE: point in time copy, change vulnerable.</summary>
    public const uint ChangeVulnerable = 0x0080_0001;

    /// <summary>ROD TYPE: point in time copy, whichever kind is the default.</summary>
    public const uint PointInTimeDefault = 0x0080_0000;

    /// <summary>ROD TYPE: point in time copy, any kind.</summary>
    public const uint PointInTimeAny = 0x0080_FFFF;

    /// <summary>ROD TYPE: block device zero, the token that everybody knows.</summary>
    public const uint BlockDeviceZero = 0xFFFF_0001;

    /// <summary>Where COPY MANAGER ROD TOKEN IDENTIFIER is.</summary>
    public const int IdentifierAt = 8;

    private const int CreatorAt = 16;
    private const int LengthAt = 56;
    private const int DeviceSpecificAt = 96;
    private const int TargetAt = 128;

    // At least so much of a token nobody can guess; a longer name leaves room for no less.
    private const int MinSecretBytes = 64;

    private readonly byte[] _bytes = new byte[Size];
    private volatile RodTokenState _state;

    public RodToken(LogicalUnit unit, ImmutableArray<BlockRange> ranges)
    {
        Unit = unit;
        Ranges = ranges;
        BlockSize = unit.Info.BlockSize;
        foreach (var range in ranges) LengthBytes += range.Count * BlockSize;
        Identifier = BinaryPrimitives.ReadUInt64BigEndian(RandomNumberGenerator.GetBytes(8));
        Write(_bytes);
    }

    /// <summary>Whose blocks.</summary>
    public LogicalUnit Unit { get; }

    /// <summary>Which blocks, in the order of the data; none of no length.</summary>
    public ImmutableArray<BlockRange> Ranges { get; }

    /// <summary>The block size they were counted in.</summary>
    public int BlockSize { get; }

    /// <summary>Bytes that it represents.</summary>
    public long LengthBytes { get; }

    /// <summary>COPY MANAGER ROD TOKEN IDENTIFIER.</summary>
    public ulong Identifier { get; }

    /// <summary>Whether it can be used.</summary>
    public RodTokenState State => _state;

    /// <summary>The token.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes;

    /// <summary>When it is over unless it is used before; owned by <see cref="UnitRodTokens"/>.</summary>
    internal long LastUsed { get; set; }

    internal long Created { get; init; }

    internal TimeSpan InactivityTimeout { get; init; }

    /// <summary>WRITE USING TOKEN commands that use it now; owned by <see cref="UnitRodTokens"/>.</summary>
    internal int Users { get; set; }

    /// <summary>It can't be used from now on. The first reason stays.</summary>
    public void End(RodTokenState reason)
    {
        if (_state == RodTokenState.Valid) _state = reason;
    }

    /// <summary>Whether somebody shows this token. Takes the same time wherever the bytes differ.</summary>
    public bool IsShown(ReadOnlySpan<byte> bytes) => CryptographicOperations.FixedTimeEquals(_bytes, bytes);

    /// <summary>Whether it stands for one of the blocks.</summary>
    public bool Overlaps(in BlockRange blocks)
    {
        foreach (var range in Ranges)
            if (range.Lba < blocks.Lba + blocks.Count && blocks.Lba < range.Lba + range.Count) return true;
        return false;
    }

    private void Write(Span<byte> token)
    {
        BinaryPrimitives.WriteUInt32BigEndian(token, ChangeVulnerable);
        BinaryPrimitives.WriteUInt16BigEndian(token[6..], Length);
        BinaryPrimitives.WriteUInt64BigEndian(token[IdentifierAt..], Identifier);
        CscdDescriptor.Write(token[CreatorAt..], Unit);
        BinaryPrimitives.WriteUInt64BigEndian(token[LengthAt..], (ulong)LengthBytes);
        BinaryPrimitives.WriteUInt32BigEndian(token[DeviceSpecificAt..], (uint)BlockSize);
        token[DeviceSpecificAt + 5] = ScsiCapabilities.PhysicalBlockExponent(Unit);
        // LBPME and LBPRZ
        if (ScsiCapabilities.CanUnmap(Unit)) token[DeviceSpecificAt + 6] = (byte)(0x80 | (ScsiCapabilities.UnmappedReadsZero(Unit) ? 0x40 : 0));

        Span<byte> name = stackalloc byte[228];
        name.Clear();
        var length = (Encoding.UTF8.GetBytes(Unit.TargetName, name) + 1 + 3) & ~3;
        var end = TargetAt + DesignationDescriptor.Write(token[TargetAt..], DesignatorAssociation.TargetDevice, DesignatorType.ScsiNameString, name[..length]);
        RandomNumberGenerator.Fill(token[Math.Min(end, Size - MinSecretBytes)..]);
    }
}

// Valid ─▶ Revoked | Expired | Deleted
internal enum RodTokenState
{
    /// <summary>Its data are what they were.</summary>
    Valid,

    /// <summary>One of its blocks is about to be written, or was.</summary>
    Revoked,

    /// <summary>It was not used for its inactivity timeout, or lived as long as a token may.</summary>
    Expired,

    /// <summary>WRITE USING TOKEN was told to delete it (DEL_TKN).</summary>
    Deleted,
}

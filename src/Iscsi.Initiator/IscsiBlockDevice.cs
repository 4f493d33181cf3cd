using System.Buffers.Binary;
using Iscsi.Protocol.Scsi;
using Iscsi.Storage;
using Reservations;

namespace Iscsi.Initiator;

/// <summary>
/// A logical unit of a target as a block device (<see cref="IscsiSession.OpenDiskAsync"/>). Data go to and from the caller's memory without
/// a copy; a transfer longer than the logical unit takes in one command is cut.
/// </summary>
/// <remarks>
/// Unit attentions are taken note of and the command is repeated; so it is, with growing pauses, while the logical unit is busy
/// (<see cref="IscsiInitiatorOptions.BusyTimeout"/>). What fails for good throws <see cref="BlockDeviceException"/>, whose cause is the
/// <see cref="ScsiCommandException"/> or, when the session ended, the <see cref="IscsiException"/>.
/// </remarks>
public sealed partial class IscsiBlockDevice : IBlockDevice
{
    // WRITE SAME and the emulation write these; nobody changes them.
    private static readonly byte[] s_zeroes = GC.AllocateArray<byte>(64 * 1024, pinned: true);

    private readonly DiskLimits _limits;
    private volatile bool _isWriteSameMissing;
    private volatile bool _isDisposed;

    private IscsiBlockDevice(IscsiSession session, LogicalUnitInfo logicalUnit, BlockDeviceInfo info, DiskLimits limits)
    {
        Session = session;
        LogicalUnit = logicalUnit;
        LunField = LogicalUnitNumber.Encode(logicalUnit.Lun);
        Info = info;
        _limits = limits;
        _isWriteSameMissing = info.WriteZeroes != DeviceSupport.Native;
    }

    /// <inheritdoc/>
    public event Action<IBlockDevice>? InfoChanged;

    /// <summary>The session it belongs to.</summary>
    public IscsiSession Session { get; }

    /// <summary>What the logical unit says about itself.</summary>
    public LogicalUnitInfo LogicalUnit { get; }

    /// <inheritdoc/>
    public BlockDeviceInfo Info { get; private set; }

    internal ulong LunField { get; }

    /// <inheritdoc/>
    public ValueTask ReadAsync(long lba, BlockList destination, CancellationToken cancellationToken = default) =>
        TransferAsync(lba, destination, isWrite: false, forceUnitAccess: false, cancellationToken);

    /// <inheritdoc/>
    public ValueTask WriteAsync(long lba, BlockList source, BlockWriteFlags flags = BlockWriteFlags.None, CancellationToken cancellationToken = default) =>
        !Has(flags, BlockWriteFlags.ForceUnitAccess) ? TransferAsync(lba, source, isWrite: true, forceUnitAccess: false, cancellationToken)
        : _limits.HasForceUnitAccess ? TransferAsync(lba, source, isWrite: true, forceUnitAccess: true, cancellationToken)
        : WriteAndFlushAsync(lba, source, cancellationToken);

    /// <inheritdoc/>
    public async ValueTask FlushAsync(CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        if (!Info.HasVolatileWriteCache) return;
        // SBC-3, 5.22: block 0 with a count of 0 is the whole logical unit.
        Cdb cdb = default;
        cdb[0] = OperationCode.SynchronizeCache10;
        await Session.ExecuteAsync(this, cdb, null, 0, 0, isWrite: false, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask WriteZeroesAsync(BlockRange range, BlockWriteFlags flags = BlockWriteFlags.None, CancellationToken cancellationToken = default)
    {
        Check(range.Lba, range.Count);
        CheckWritable();
        var lba = range.Lba;
        var end = range.Lba + range.Count;
        while (lba < end)
        {
            var count = (int)Math.Min(end - lba, _isWriteSameMissing ? EmulationBlocks : _limits.MaxWriteSameBlocks);
            if (_isWriteSameMissing)
            {
                await TransferAsync(lba, Zeroes(count * Info.BlockSize), isWrite: true, forceUnitAccess: false, cancellationToken).ConfigureAwait(false);
            }
            else if (!await TryWriteSameAsync(lba, count, Has(flags, BlockWriteFlags.MayUnmap), cancellationToken).ConfigureAwait(false))
            {
                _isWriteSameMissing = true;
                continue;
            }
            lba += count;
        }
        // WRITE SAME has no FUA bit.
        if (Has(flags, BlockWriteFlags.ForceUnitAccess)) await FlushAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask UnmapAsync(BlockRange range, CancellationToken cancellationToken = default)
    {
        Check(range.Lba, range.Count);
        CheckWritable();
        if (Info.Unmap == DeviceSupport.None) throw new NotSupportedException($"{Info.Description} can't unmap.");
        var list = new byte[UnmapParameterList.HeaderSize + UnmapParameterList.DescriptorSize];
        for (var done = 0L; done < range.Count;)
        {
            var count = (uint)Math.Min(range.Count - done, _limits.MaxUnmapBlocks);
            UnmapParameterList.Write(list, [new UnmapBlockDescriptor((ulong)(range.Lba + done), count)]);
            Cdb cdb = default;
            cdb[0] = OperationCode.Unmap;
            BinaryPrimitives.WriteUInt16BigEndian(cdb.Bytes[7..], (ushort)list.Length);
            await ExecutePlainAsync(cdb, list, cancellationToken).ConfigureAwait(false);
            done += count;
        }
    }

    /// <inheritdoc/>
    public ValueTask<int> GetExtentsAsync(BlockRange range, Memory<BlockExtent> extents, CancellationToken cancellationToken = default)
    {
        Check(range.Lba, range.Count);
        if (extents.IsEmpty) throw new ArgumentException("There is no room for an extent.", nameof(extents));
        extents.Span[0] = new BlockExtent(range.Lba, range.Count, IsAllocated: true);
        return new ValueTask<int>(1);
    }

    /// <summary>Lets go of the logical unit; the session stays open.</summary>
    public ValueTask DisposeAsync()
    {
        _isDisposed = true;
        return ValueTask.CompletedTask;
    }

    // At most one run of zeroes a command of 4 MiB, and what the logical unit takes.
    private int EmulationBlocks => Math.Min(_limits.MaxTransferBlocks, (4 << 20) / Info.BlockSize);

    private ValueTask TransferAsync(long lba, BlockList data, bool isWrite, bool forceUnitAccess, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(data);
        var blockSize = Info.BlockSize;
        var count = data.Length / blockSize;
        if (count * blockSize != data.Length)
            throw new ArgumentException($"{data.Length} bytes are no multiple of the block size of {blockSize} bytes.", nameof(data));
        Check(lba, count);
        if (isWrite) CheckWritable();
        if (count == 0) return ValueTask.CompletedTask;
        return count <= _limits.MaxTransferBlocks
            ? Session.ExecuteAsync(this, TransferCdb(lba, count, isWrite, forceUnitAccess), data, 0, data.Length, isWrite, cancellationToken)
            : TransferInPartsAsync(lba, data, isWrite, forceUnitAccess, cancellationToken);
    }

    private async ValueTask WriteAndFlushAsync(long lba, BlockList source, CancellationToken cancellationToken)
    {
        await TransferAsync(lba, source, isWrite: true, forceUnitAccess: false, cancellationToken).ConfigureAwait(false);
        await FlushAsync(cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask TransferInPartsAsync(long lba, BlockList data, bool isWrite, bool forceUnitAccess, CancellationToken cancellationToken)
    {
        var blockSize = Info.BlockSize;
        for (var offset = 0; offset < data.Length;)
        {
            var count = Math.Min((data.Length - offset) / blockSize, _limits.MaxTransferBlocks);
            await Session.ExecuteAsync(this, TransferCdb(lba, count, isWrite, forceUnitAccess), data, offset, count * blockSize, isWrite, cancellationToken)
                .ConfigureAwait(false);
            lba += count;
            offset += count * blockSize;
        }
    }

    // SBC-3: READ (10) 5.8, READ (16) 5.10, WRITE (10) 5.32, WRITE (16) 5.34
    //
    //      0| OPERATION CODE                       0| OPERATION CODE
    //      1| PROTECT (3) | DPO | FUA | …          1| PROTECT (3) | DPO | FUA | …
    //      2| LOGICAL BLOCK ADDRESS (4)            2| LOGICAL BLOCK ADDRESS (8)
    //      7| TRANSFER LENGTH (2)                 10| TRANSFER LENGTH (4)
    private static Cdb TransferCdb(long lba, int blockCount, bool isWrite, bool forceUnitAccess)
    {
        const byte fua = 0x08;
        Cdb cdb = default;
        cdb[1] = forceUnitAccess ? fua : (byte)0;
        if (lba + blockCount <= uint.MaxValue && blockCount <= ushort.MaxValue)
        {
            cdb[0] = isWrite ? OperationCode.Write10 : OperationCode.Read10;
            BinaryPrimitives.WriteUInt32BigEndian(cdb.Bytes[2..], (uint)lba);
            BinaryPrimitives.WriteUInt16BigEndian(cdb.Bytes[7..], (ushort)blockCount);
            return cdb;
        }
        cdb[0] = isWrite ? OperationCode.Write16 : OperationCode.Read16;
        BinaryPrimitives.WriteInt64BigEndian(cdb.Bytes[2..], lba);
        BinaryPrimitives.WriteInt32BigEndian(cdb.Bytes[10..], blockCount);
        return cdb;
    }

    // SBC-3, 5.44: WRITE SAME (16) of one block of zeroes; byte 1 bit 3 is UNMAP.
    private async ValueTask<bool> TryWriteSameAsync(long lba, int blockCount, bool mayUnmap, CancellationToken cancellationToken)
    {
        const byte unmap = 0x08;
        Cdb cdb = default;
        cdb[0] = OperationCode.WriteSame16;
        cdb[1] = mayUnmap && _limits.WriteSameUnmaps ? unmap : (byte)0;
        BinaryPrimitives.WriteInt64BigEndian(cdb.Bytes[2..], lba);
        BinaryPrimitives.WriteInt32BigEndian(cdb.Bytes[10..], blockCount);
        try
        {
            await ExecutePlainAsync(cdb, s_zeroes.AsMemory(0, Info.BlockSize), cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (BlockDeviceException exception) when (exception.InnerException is ScsiCommandException { Sense: { Key: SenseKey.IllegalRequest } sense } &&
            (sense.Additional == AdditionalSense.InvalidCommandOperationCode || sense.Additional == AdditionalSense.InvalidFieldInCdb))
        {
            // Nothing was done: the range is zeroed by WRITE instead, now and from now on.
            return false;
        }
    }

    private async ValueTask ExecutePlainAsync(Cdb cdb, Memory<byte> dataOut, CancellationToken cancellationToken)
    {
        using var pin = dataOut.Pin();
        await Session.ExecuteAsync(this, cdb, BlockList.Over(dataOut), 0, dataOut.Length, isWrite: true, cancellationToken).ConfigureAwait(false);
    }

    private static bool Has(BlockWriteFlags flags, BlockWriteFlags flag) => (flags & flag) == flag;

    private static BlockList Zeroes(int lengthBytes)
    {
        var list = new BlockList((lengthBytes + s_zeroes.Length - 1) / s_zeroes.Length);
        for (; lengthBytes > 0; lengthBytes -= s_zeroes.Length) list.Add(s_zeroes.AsMemory(0, Math.Min(lengthBytes, s_zeroes.Length)));
        return list;
    }

    private void Check(long lba, long blockCount)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        var info = Info;
        if (blockCount < 0 || (ulong)lba > (ulong)info.BlockCount || blockCount > info.BlockCount - lba)
        {
            throw new BlockDeviceException(BlockDeviceError.OutOfRange,
                $"{info.Description}: {blockCount} blocks from {lba} are not inside its {info.BlockCount} blocks.");
        }
    }

    private void CheckWritable()
    {
        if (Info.IsReadOnly) throw new BlockDeviceException(BlockDeviceError.ReadOnly, $"{Info.Description} is read-only.");
    }
}

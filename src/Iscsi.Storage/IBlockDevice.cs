using Reservations;

namespace Iscsi.Storage;

/// <summary>
/// A disk. Ranges are inside the device, lists are whole blocks: the caller checks. Calls may overlap in any number; two writes to
/// one block at the same time leave either's bytes, block by block. A call may complete at once. Whatever is not done throws;
/// nothing that is not carried out returns normally.
/// </summary>
/// <remarks>
/// A completed <see cref="FlushAsync"/> makes every write that completed before it was called durable; a write with
/// <see cref="BlockWriteFlags.ForceUnitAccess"/> is durable when it completes. The lists handed in stay the caller's and are not
/// touched after the returned task ends; cancellation may be ignored, and an I/O that runs on holds its task open.
/// </remarks>
public interface IBlockDevice : IAsyncDisposable
{
    /// <summary>Block size and count, capabilities, memory demand. Replaced as a whole when the device is resized.</summary>
    BlockDeviceInfo Info { get; }

    /// <summary>Reads whole blocks; fills the list or throws.</summary>
    ValueTask ReadAsync(long lba, BlockList destination, CancellationToken cancellationToken = default);

    /// <summary>Writes whole blocks.</summary>
    ValueTask WriteAsync(long lba, BlockList source, BlockWriteFlags flags = default, CancellationToken cancellationToken = default);

    /// <summary>Every write that completed before is durable afterwards.</summary>
    ValueTask FlushAsync(CancellationToken cancellationToken = default);

    /// <summary>Makes a range read as zeroes; with <see cref="BlockWriteFlags.MayUnmap"/> it may be deallocated.</summary>
    ValueTask WriteZeroesAsync(BlockRange range, BlockWriteFlags flags = default, CancellationToken cancellationToken = default);

    /// <summary>Deallocates a range where the device can; blocks that stay allocated keep their data.</summary>
    ValueTask UnmapAsync(BlockRange range, CancellationToken cancellationToken = default);

    /// <summary>The allocation state of a range as ascending, adjoining extents; the first starts at the range's start.</summary>
    /// <returns>Extents written to <paramref name="extents"/>; they may cover less than the range when it was too small, at least one.</returns>
    ValueTask<int> GetExtentsAsync(BlockRange range, Memory<BlockExtent> extents, CancellationToken cancellationToken = default);

    /// <summary>Raised after <see cref="Info"/> was replaced, on any thread.</summary>
    event Action<IBlockDevice>? InfoChanged;
}

/// <summary>How a block is written.</summary>
[Flags]
public enum BlockWriteFlags
{
    /// <summary>Durable after the next flush.</summary>
    None = 0,

    /// <summary>Durable when the call completes (FUA).</summary>
    ForceUnitAccess = 1,

    /// <summary>Zeroes may be made by deallocation. Only for <see cref="IBlockDevice.WriteZeroesAsync"/>.</summary>
    MayUnmap = 2,
}

/// <summary>A range of blocks.</summary>
/// <param name="Lba">First block.</param>
/// <param name="Count">Number of blocks, 1 or more.</param>
public readonly record struct BlockRange(long Lba, long Count);

/// <summary>A range of blocks of one allocation state.</summary>
/// <param name="Lba">First block.</param>
/// <param name="Count">Number of blocks.</param>
/// <param name="IsAllocated">False: deallocated, reads as zeroes.</param>
public readonly record struct BlockExtent(long Lba, long Count, bool IsAllocated);

/// <summary>How a device does a thing.</summary>
public enum DeviceSupport
{
    /// <summary>Not at all: the call throws <see cref="NotSupportedException"/>.</summary>
    None,

    /// <summary>By other means (zeroes are written, for instance).</summary>
    Emulated,

    /// <summary>By itself.</summary>
    Native,
}

/// <summary>What a device is.</summary>
public sealed record BlockDeviceInfo
{
    /// <summary>Bytes of a block: 512 or 4096.</summary>
    public required int BlockSize { get; init; }

    /// <summary>Number of blocks, 1 or more.</summary>
    public required long BlockCount { get; init; }

    /// <summary>Bytes in all.</summary>
    public long LengthBytes => BlockSize * BlockCount;

    /// <summary>Writes, zeroes and unmaps are refused.</summary>
    public bool IsReadOnly { get; init; }

    /// <summary>Whether completed writes can be lost until a flush (SBC: WCE).</summary>
    public bool HasVolatileWriteCache { get; init; } = true;

    /// <summary>How <see cref="IBlockDevice.UnmapAsync"/> deallocates.</summary>
    public DeviceSupport Unmap { get; init; }

    /// <summary>How <see cref="IBlockDevice.WriteZeroesAsync"/> zeroes.</summary>
    public DeviceSupport WriteZeroes { get; init; } = DeviceSupport.Emulated;

    /// <summary>Whether a deallocated block reads as zeroes (SBC: LBPRZ).</summary>
    public bool UnmappedReadsZero { get; init; }

    /// <summary>How <see cref="IBlockDevice.GetExtentsAsync"/> knows allocation; <see cref="DeviceSupport.Emulated"/> calls everything allocated.</summary>
    public DeviceSupport Extents { get; init; } = DeviceSupport.Emulated;

    /// <summary>Blocks that are deallocated together; 1 or more.</summary>
    public int UnmapGranularityBlocks { get; init; } = 1;

    /// <summary>Blocks that are best transferred together (the physical block or page); 1 or more, a power of two.</summary>
    public int PhysicalBlockBlocks { get; init; } = 1;

    /// <summary>
    /// Bytes of the largest write that a failure, a kill or a power loss leaves either done or not begun, whatever its address; 0: none is
    /// promised. Default 0: a file's pages may reach the medium one without the other.
    /// </summary>
    public int MaximumAtomicWriteBytes { get; init; }

    /// <summary>Whether the device is an <see cref="IBlockDeviceSpace"/> that can tell the space below it. Default false.</summary>
    public bool ReportsSpace { get; init; }

    /// <summary>Memory and threads that one request takes while it runs.</summary>
    public StoreNeed Store { get; init; }

    /// <summary>A short description for a person: kind and place.</summary>
    public string Description { get; init; } = "";

    /// <summary>Stable identity for serial numbers and identifiers (a file's path, a generated id): equal identities mean the same storage.</summary>
    public required string Identity { get; init; }

    /// <summary>
    /// What serial numbers are best derived from: the same after a restart and a reboot, but perhaps several for one storage (two names of
    /// one file). Null: <see cref="Identity"/> will do.
    /// </summary>
    public string? PersistentName { get; init; }
}

/// <summary>What one request of a device takes at the Store level while it runs.</summary>
/// <param name="ConcurrentRequests">Requests that the device makes use of at a time: one a thread, and those that a thread does in one go; 0 = completes
/// inline and takes no slot.</param>
/// <param name="BounceBlocks">4 KiB blocks a request needs of its own.</param>
public readonly record struct StoreNeed(int ConcurrentRequests, int BounceBlocks)
{
    /// <summary>
    /// Flushes are none of these requests: any number may run at a time and take neither a thread nor blocks, because they share what one
    /// flush needs. Default false.
    /// </summary>
    public bool SharesFlushes { get; init; }
}

namespace Iscsi.Storage;

/// <summary>How a <see cref="FileBlockDevice"/> is opened.</summary>
public sealed record FileBlockDeviceOptions
{
    /// <summary>
    /// Bytes of the file that is created, sparse, when there is none (or an empty one); a positive multiple of
    /// <see cref="BlockSize"/>. A file that is there keeps its length. Default null: the file must be there.
    /// </summary>
    public long? CreateWithLength { get; init; }

    /// <summary>Bytes of a block, 512 (default) or 4096.</summary>
    public int BlockSize { get; init; } = 512;

    /// <summary>Refuses writes, and lets other read-only openers in. Default false.</summary>
    public bool IsReadOnly { get; init; }

    /// <summary>Every write is durable when it completes, and no write cache is reported. Default false.</summary>
    public bool WriteThrough { get; init; }

    /// <summary>
    /// Bypasses the page cache (O_DIRECT); Linux only, and refused when the file is opened where the file system can't, or wants larger
    /// blocks than <see cref="BlockSize"/> (4096 on a disk of such sectors). Default false. A flush is needed as ever: the disk below has
    /// a cache of its own. Memory that is not aligned as the file system wants goes through a copy.
    /// </summary>
    public bool Direct { get; init; }

    /// <summary>
    /// Reserves the whole file on its file system when it is opened, and unmaps nothing: writes never fail for want of space (SBC-3,
    /// full provisioning). Linux only; default false: the file is sparse.
    /// </summary>
    public bool FullyProvisioned { get; init; }

    /// <summary>
    /// Threads for calls that can block, which is the number of calls that make progress at the same time; 1 to 64, default 16. Writes to
    /// the system's cache are done by one of them, several in one go; durable ones by up to 4 where the file system keeps writes of a file apart (ext4, XFS, Btrfs).
    /// </summary>
    public int StoreThreads { get; init; } = 16;

    /// <summary>Takes the path for other systems than Linux; for tests.</summary>
    internal bool UsePortablePath { get; init; }

    /// <summary>Time; for tests.</summary>
    internal TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>The system calls; for tests.</summary>
    internal LinuxCalls Calls { get; init; } = LinuxCalls.Instance;

    internal void Check()
    {
        BlockDeviceChecks.CheckBlockSize(BlockSize, nameof(BlockSize));
        ArgumentOutOfRangeException.ThrowIfLessThan(StoreThreads, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(StoreThreads, 64);
        if (FullyProvisioned && IsReadOnly) throw new ArgumentException("Space can't be reserved for a read-only file: leave FullyProvisioned or IsReadOnly out.", nameof(FullyProvisioned));
        if (CreateWithLength is not { } length) return;
        BlockDeviceChecks.CheckLength(length, BlockSize, nameof(CreateWithLength));
        if (IsReadOnly) throw new ArgumentException("A file can't be created read-only: leave CreateWithLength or IsReadOnly out.", nameof(IsReadOnly));
    }
}

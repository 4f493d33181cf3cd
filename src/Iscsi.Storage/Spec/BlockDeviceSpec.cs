namespace Iscsi.Storage;

/// <summary>A disk as a user describes it on a command line or in a configuration.</summary>
/// <remarks>
/// <code>
/// PATH[,size=1GiB][,block-size=512|4096][,read-only][,removable][,write-through][,direct][,thick]
/// memory,size=256MiB[,block-size=512|4096][,read-only][,removable]
/// null,size=1TiB[,block-size=512|4096][,read-only][,removable]
/// iscsi://[user[%secret]@]host[:port]/iqn/lun[,read-only][,removable]
/// </code>
/// A comma that belongs to the path is written twice: <c>a,,b.img,size=1GiB</c> is the file <c>a,b.img</c>. A file that is called
/// <c>memory</c> or <c>null</c> is written <c>./memory</c>. With <c>size</c> a missing file is created, sparse; a file that is
/// there must have that size.
/// </remarks>
public sealed partial record BlockDeviceSpec
{
    /// <summary>What kind of disk it is.</summary>
    public required BlockDeviceKind Kind { get; init; }

    /// <summary>The file's path or the URL; the kind's name for the others.</summary>
    public required string Location { get; init; }

    /// <summary>Size in bytes; null: that of the existing file.</summary>
    public long? SizeBytes { get; init; }

    /// <summary>Bytes of a block, 512 or 4096; null: not given, 512.</summary>
    public int? BlockSize { get; init; }

    /// <summary>Refuses writes.</summary>
    public bool IsReadOnly { get; init; }

    /// <summary>Clients of whoever serves the disk see a removable medium. The device itself knows nothing of it.</summary>
    public bool IsRemovable { get; init; }

    /// <summary>Every write is durable when it completes. Files only.</summary>
    public bool WriteThrough { get; init; }

    /// <summary>Bypasses the page cache. Files only.</summary>
    public bool Direct { get; init; }

    /// <summary>Reserves all space at once and unmaps nothing. Files only.</summary>
    public bool Thick { get; init; }
}

/// <summary>The kinds of disks that a <see cref="BlockDeviceSpec"/> can describe.</summary>
public enum BlockDeviceKind
{
    /// <summary>A <see cref="FileBlockDevice"/>.</summary>
    File,

    /// <summary>A <see cref="MemoryBlockDevice"/>.</summary>
    Memory,

    /// <summary>A <see cref="NullBlockDevice"/>.</summary>
    Null,

    /// <summary>A logical unit of another target, which the initiator opens.</summary>
    Iscsi,
}

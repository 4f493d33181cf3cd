namespace Iscsi.Storage;

/// <summary>The calls of a block device.</summary>
[Flags]
public enum BlockOperations
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary><see cref="IBlockDevice.ReadAsync"/>.</summary>
    Read = 1,

    /// <summary><see cref="IBlockDevice.WriteAsync"/>.</summary>
    Write = 2,

    /// <summary><see cref="IBlockDevice.FlushAsync"/>.</summary>
    Flush = 4,

    /// <summary><see cref="IBlockDevice.WriteZeroesAsync"/>.</summary>
    WriteZeroes = 8,

    /// <summary><see cref="IBlockDevice.UnmapAsync"/>.</summary>
    Unmap = 16,

    /// <summary><see cref="IBlockDevice.GetExtentsAsync"/>.</summary>
    GetExtents = 32,

    /// <summary>Whatever changes blocks.</summary>
    Changes = Write | WriteZeroes | Unmap,

    /// <summary>All of them.</summary>
    All = Read | Changes | Flush | GetExtents,
}

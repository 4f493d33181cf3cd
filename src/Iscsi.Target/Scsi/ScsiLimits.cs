namespace Iscsi.Target.Scsi;

/// <summary>Bounds of the SCSI layer. What a client can reach is told in the Block Limits page.</summary>
internal sealed record ScsiLimits
{
    /// <summary>
    /// The most bytes a command may demand at once (data-out that is gathered, and scratch): the smallest burst of any session.
    /// Default 64 KiB, the burst of budgets under 4 MiB; at least <see cref="MinAllAtOnceBytes"/>.
    /// </summary>
    public int AllAtOnceBytes { get; init; } = 64 * 1024;

    /// <summary>A pattern block of 4 KiB and a scratch of one block always fit.</summary>
    public const int MinAllAtOnceBytes = 8 * 1024;

    /// <summary>The most scratch of one command: large enough that a system call's fixed cost is lost in it.</summary>
    public const int MaxScratchBytes = 64 * 1024;

    /// <summary>
    /// Room for parameter data, out of the command's credit (F = 8 KiB). The largest answer is REPORT LUNS, see
    /// <see cref="MaxLogicalUnits"/>.
    /// </summary>
    public const int ParameterDataInCapacity = 8 * 1024;

    /// <summary>LUNs of a target: 8 + 8 × 512 bytes of REPORT LUNS fit the parameter data.</summary>
    public const int MaxLogicalUnits = 512;

    /// <summary>
    /// MAXIMUM WRITE SAME LENGTH in bytes: one command's work on a store that must write every block stays well below a
    /// command timeout. Default 32 MiB.
    /// </summary>
    public long MaximumWriteSameBytes { get; init; } = 32L << 20;

    /// <summary>
    /// MAXIMUM UNMAP LBA COUNT, for all descriptors of a command together. Default 2^20 blocks: a command's work stays bounded,
    /// and a whole disk still takes few commands.
    /// </summary>
    public uint MaximumUnmapBlocks { get; init; } = 1 << 20;

    /// <summary>
    /// MAXIMUM UNMAP BLOCK DESCRIPTOR COUNT, before <see cref="AllAtOnceBytes"/> bounds it further. Default 256.
    /// </summary>
    public int MaximumUnmapDescriptors { get; init; } = 256;

    /// <summary>
    /// How often the space below a unit with thresholds is looked at. Default 10 s: a disk at full speed writes a few gigabytes in it, and
    /// a threshold is meant to leave more than that.
    /// </summary>
    public TimeSpan SpaceInterval { get; init; } = TimeSpan.FromSeconds(10);
}

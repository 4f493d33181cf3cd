using Iscsi.Protocol;
using Iscsi.Target.Scsi.Copy;

namespace Iscsi.Target.Scsi;

/// <summary>
/// One command: everything that dispatch, gates, REPORT SUPPORTED OPERATION CODES and the documentation know about it.
/// </summary>
internal sealed class ScsiCommandRow
{
    /// <summary>OPERATION CODE.</summary>
    public byte OperationCode => Usage[0];

    /// <summary>SERVICE ACTION; null: the command has none.</summary>
    public byte? ServiceAction { get; init; }

    /// <summary>The standard's name.</summary>
    public required string Name { get; init; }

    /// <summary>
    /// CDB USAGE DATA (SPC-4): the operation code, the service action in its place, elsewhere a one for every bit that is looked
    /// at. A bit outside is reserved: set, it is an invalid field. Its length is the CDB's.
    /// </summary>
    public required byte[] Usage { get; init; }

    /// <summary>Bits of <see cref="Usage"/> that exist only where the device can do what they ask for; null: none.</summary>
    public ConditionalBits? Conditional { get; init; }

    /// <summary>Bytes of the CDB.</summary>
    public int CdbLength => Usage.Length;

    /// <summary>What the gates look at.</summary>
    public ScsiTraits Traits { get; init; }

    /// <summary>
    /// Which CDBs pass every reservation of another nexus, where that depends on the CDB; null: <see cref="Traits"/> say it all.
    /// </summary>
    public Func<ScsiRequest, bool>? PassesReservations { get; init; }

    /// <summary>Where the data go.</summary>
    public DataDirection Direction { get; init; }

    /// <summary>The memory it demands.</summary>
    public MemoryNeed Memory { get; init; }

    /// <summary>
    /// RECOMMENDED COMMAND TIMEOUT, seconds (SPC-4, command timeouts descriptor). Default 30: Linux's own for disks.
    /// </summary>
    public int RecommendedTimeoutSeconds { get; init; } = 30;

    /// <summary>
    /// Whether a device can do it; null: every device can. A command that a device can't do does not exist for its LUN.
    /// </summary>
    public Func<LogicalUnit, bool>? IsSupported { get; init; }

    /// <summary>Checks the fields, fills in the demand, and completes what needs no device.</summary>
    public required Func<ScsiRequest, ScsiStep> Begin { get; init; }

    /// <summary>
    /// The work with the device; the status is GOOD unless it says otherwise or throws. Null: the command never asks for an
    /// execute step.
    /// </summary>
    public Func<ScsiRequest, ValueTask>? Execute { get; init; }

    /// <summary>
    /// Reads the parameter list of a third-party copy and begins it; null: the status is set. For <see cref="ScsiStep.Copy"/>.
    /// </summary>
    public Func<ScsiRequest, CopyOperation?>? StartCopy { get; init; }

    /// <summary>A byte of the usage data for one logical unit; null stands for a LUN without one.</summary>
    public byte UsageOf(LogicalUnit? unit, int offsetBytes)
    {
        var usage = Usage[offsetBytes];
        return Conditional is { } bits && bits.OffsetBytes == offsetBytes && !bits.Exist(unit) ? (byte)(usage & ~bits.Mask) : usage;
    }

    /// <summary>Whether it has one of the traits.</summary>
    public bool Has(ScsiTraits any) => (Traits & any) != ScsiTraits.None;

    /// <summary>Whether the command exists for a logical unit; null stands for a LUN without one.</summary>
    public bool Exists(LogicalUnit? unit) => IsSupported is null || (unit is not null && IsSupported(unit));
}

/// <summary>Bits of a CDB that not every device has.</summary>
/// <param name="OffsetBytes">The byte.</param>
/// <param name="Mask">The bits.</param>
/// <param name="IsSupported">Which device has them.</param>
internal sealed record ConditionalBits(int OffsetBytes, byte Mask, Func<LogicalUnit, bool> IsSupported)
{
    /// <summary>Whether the bits exist for a logical unit; null stands for a LUN without one.</summary>
    public bool Exist(LogicalUnit? unit) => unit is not null && IsSupported(unit);
}

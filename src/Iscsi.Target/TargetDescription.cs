using Iscsi.Target.Scsi;

namespace Iscsi.Target;

/// <summary>What a target would do, from the tables that it runs on, without running one: for tools and documents.</summary>
public static class TargetDescription
{
    /// <summary>Every SCSI command, by operation code and service action. A device that can't do one lacks it.</summary>
    public static IReadOnlyList<ScsiCommandDescription> Commands { get; } = DescribeCommands();

    /// <summary>What a memory budget promises.</summary>
    /// <param name="budgetBytes">Bytes; <see cref="MemoryBudget.MinimumBytes"/> or more.</param>
    /// <param name="limits">The limits; null for the defaults.</param>
    /// <exception cref="Reservations.BudgetException">The budget does not hold one session.</exception>
    public static MemoryBudget ComputeBudget(long budgetBytes, TargetLimits? limits = null) => new(budgetBytes, limits ?? new TargetLimits());

    private static ScsiCommandDescription[] DescribeCommands()
    {
        var descriptions = new List<ScsiCommandDescription>();
        foreach (var row in ScsiCommandTable.Rows)
        {
            descriptions.Add(new ScsiCommandDescription(
                row.Name,
                row.OperationCode,
                row.ServiceAction,
                row.CdbLength,
                row.Direction switch { Scsi.DataDirection.In => "in", Scsi.DataDirection.Out => "out", _ => "none" },
                row.Memory switch
                {
                    MemoryNeed.ParameterData => "its credit",
                    MemoryNeed.Bursts => "a burst at a time",
                    MemoryNeed.AllAtOnce => "all at once, at most a burst",
                    MemoryNeed.Scratch => "scratch, at most a burst",
                    _ => "none",
                },
                row.IsSupported is not null));
        }

        return [.. descriptions];
    }
}

/// <summary>A SCSI command as a row of a list.</summary>
/// <param name="Name">The standard's name.</param>
/// <param name="OperationCode">OPERATION CODE.</param>
/// <param name="ServiceAction">SERVICE ACTION; null: the command has none.</param>
/// <param name="CdbLength">Bytes of the CDB.</param>
/// <param name="Data">Where data go, seen from the initiator: in, out or none.</param>
/// <param name="Memory">The memory it demands beyond its credit, in words.</param>
/// <param name="DependsOnDevice">Whether there are devices that can't do it.</param>
public sealed record ScsiCommandDescription(
    string Name, byte OperationCode, byte? ServiceAction, int CdbLength, string Data, string Memory, bool DependsOnDevice);

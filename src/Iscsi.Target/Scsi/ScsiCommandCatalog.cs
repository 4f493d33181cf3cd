using Iscsi.Protocol;
using System.Collections.Immutable;

namespace Iscsi.Target.Scsi;

/// <summary>The SCSI commands that a target serves, out of the table that serves them. For documentation and tools.</summary>
public static class ScsiCommandCatalog
{
    /// <summary>
    /// All commands, by operation code and service action. A device that cannot do a command does not offer it.
    /// </summary>
    public static ImmutableArray<ScsiCommandDescription> Commands { get; } = Describe();

    private static ImmutableArray<ScsiCommandDescription> Describe()
    {
        var commands = ImmutableArray.CreateBuilder<ScsiCommandDescription>();
        foreach (var row in ScsiCommandTable.Rows)
        {
            commands.Add(new ScsiCommandDescription(
                row.Name,
                row.OperationCode,
                row.ServiceAction,
                row.CdbLength,
                ImmutableArray.Create(row.Usage),
                row.IsSupported is not null,
                Data(row.Direction),
                Memory(row.Memory),
                TimeSpan.FromSeconds(row.RecommendedTimeoutSeconds)));
        }
        return commands.ToImmutable();
    }

    private static string Data(DataDirection direction) => direction switch
    {
        DataDirection.Read => "in",
        DataDirection.Write => "out",
        _ => "none",
    };

    private static string Memory(MemoryNeed need) => need switch
    {
        MemoryNeed.ParameterData => "its credit",
        MemoryNeed.Bursts => "one burst after the other",
        MemoryNeed.AllAtOnce => "all at once, at most one burst",
        _ => "none",
    };
}

/// <summary>A SCSI command as served.</summary>
/// <param name="Name">The standard's name.</param>
/// <param name="OperationCode">OPERATION CODE.</param>
/// <param name="ServiceAction">SERVICE ACTION; null: the command has none.</param>
/// <param name="CdbLength">Bytes of the CDB.</param>
/// <param name="UsageMask">CDB USAGE DATA as REPORT SUPPORTED OPERATION CODES returns it: a set bit outside is an invalid
/// field.</param>
/// <param name="DependsOnDevice">Whether only some devices can do it.</param>
/// <param name="Data">Direction of the data, seen from the initiator: in, out, none.</param>
/// <param name="Memory">The memory it demands.</param>
/// <param name="RecommendedTimeout">RECOMMENDED COMMAND TIMEOUT.</param>
public sealed record ScsiCommandDescription(
    string Name,
    byte OperationCode,
    byte? ServiceAction,
    int CdbLength,
    ImmutableArray<byte> UsageMask,
    bool DependsOnDevice,
    string Data,
    string Memory,
    TimeSpan RecommendedTimeout);

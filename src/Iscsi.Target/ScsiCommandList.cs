using Iscsi.Target.Scsi;

namespace Iscsi.Target;

/// <summary>The SCSI commands of a target, from the table that it runs on: for tools and documents.</summary>
public static class ScsiCommandList
{
    /// <summary>Every command, by operation code and service action. A device that can't do one lacks it.</summary>
    public static IReadOnlyList<ScsiCommandDescription> All { get; } = Describe();

    private static ScsiCommandDescription[] Describe()
    {
        var descriptions = new List<ScsiCommandDescription>();
        foreach (var row in ScsiCommandTable.Rows)
        {
            descriptions.Add(new ScsiCommandDescription(
                row.Name, row.OperationCode, row.ServiceAction, row.CdbLength, row.Direction.ToString(), row.Memory.ToString(), row.IsSupported is not null));
        }

        return [.. descriptions];
    }
}

/// <summary>A SCSI command as a row of a list.</summary>
/// <param name="Name">The standard's name.</param>
/// <param name="OperationCode">OPERATION CODE.</param>
/// <param name="ServiceAction">SERVICE ACTION; null: the command has none.</param>
/// <param name="CdbLength">Bytes of the CDB.</param>
/// <param name="Data">Where data go, seen from the initiator: In, Out or None.</param>
/// <param name="Memory">The memory it demands beyond its credit, in a word: Bursts are one after the other, AllAtOnce is at most one burst.</param>
/// <param name="DependsOnDevice">Whether there are devices that can't do it.</param>
public sealed record ScsiCommandDescription(
    string Name, byte OperationCode, byte? ServiceAction, int CdbLength, string Data, string Memory, bool DependsOnDevice);

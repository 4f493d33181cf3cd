using System.Collections.Immutable;
using Iscsi.Protocol;
using Iscsi.Target.Scsi;

namespace Iscsi.Target;

/// <summary>The SCSI commands of a target, from the table that it runs on: for tools and documents.</summary>
public static class ScsiCommandList
{
    /// <summary>Every command, by operation code and service action. A device that can't do one lacks it.</summary>
    public static ImmutableArray<ScsiCommandDescription> All { get; } = Describe();

    private static ImmutableArray<ScsiCommandDescription> Describe()
    {
        var descriptions = ImmutableArray.CreateBuilder<ScsiCommandDescription>();
        foreach (var row in ScsiCommandTable.Rows)
        {
            descriptions.Add(new ScsiCommandDescription
            {
                Name = row.Name,
                OperationCode = row.OperationCode,
                ServiceAction = row.ServiceAction,
                CdbLength = row.CdbLength,
                UsageData = ImmutableArray.Create(row.Usage),
                Data = row.Direction switch
                {
                    DataDirection.Read => "in",
                    DataDirection.Write => "out",
                    _ => "none",
                },
                Memory = row.Memory switch
                {
                    MemoryNeed.ParameterData => "its credit",
                    MemoryNeed.Bursts => "one burst after the other",
                    MemoryNeed.AllAtOnce => "all at once, at most one burst",
                    _ => "none",
                },
                UnderReservation =
                    row.Has(ScsiTraits.ManagesReservations) ? "decides itself"
                    : row.PassesReservations is not null ? "by its fields"
                    : row.Has(ScsiTraits.AllowedThroughReservation) ? "served"
                    : row.Has(ScsiTraits.AllowedThroughWriteExclusive) ? "served under Write Exclusive"
                    : "conflicts",
                IsRefusedWhenWriteProtected = row.Has(ScsiTraits.Writes),
                DependsOnDevice = row.IsSupported is not null,
                RecommendedTimeout = TimeSpan.FromSeconds(row.RecommendedTimeoutSeconds),
            });
        }
        return descriptions.ToImmutable();
    }
}

/// <summary>A SCSI command as served.</summary>
public sealed record ScsiCommandDescription
{
    /// <summary>The standard's name.</summary>
    public required string Name { get; init; }

    /// <summary>OPERATION CODE.</summary>
    public required byte OperationCode { get; init; }

    /// <summary>SERVICE ACTION; null: the command has none.</summary>
    public required byte? ServiceAction { get; init; }

    /// <summary>Bytes of the CDB.</summary>
    public required int CdbLength { get; init; }

    /// <summary>
    /// CDB USAGE DATA (SPC-4): the operation code, the service action in its place, elsewhere a one for every bit that is looked at. A set
    /// bit outside is refused as an invalid field.
    /// </summary>
    public required ImmutableArray<byte> UsageData { get; init; }

    /// <summary>Where data go, seen from the initiator: in, out or none.</summary>
    public required string Data { get; init; }

    /// <summary>The memory it demands, in words.</summary>
    public required string Memory { get; init; }

    /// <summary>What becomes of it while another nexus holds a persistent reservation, in words.</summary>
    public required string UnderReservation { get; init; }

    /// <summary>Whether it changes the medium, so that a write-protected one refuses it.</summary>
    public required bool IsRefusedWhenWriteProtected { get; init; }

    /// <summary>Whether there are devices that can't do it.</summary>
    public required bool DependsOnDevice { get; init; }

    /// <summary>RECOMMENDED COMMAND TIMEOUT (SPC-4, command timeouts descriptor).</summary>
    public required TimeSpan RecommendedTimeout { get; init; }
}

using Iscsi.Protocol;
using Iscsi.Storage;
using Iscsi.Target.Memory;
using Iscsi.Target.Scsi;
using Reservations;

namespace Iscsi.Target;

/// <summary>A target as the server runs it.</summary>
internal sealed class TargetDefinition : IDisposable
{
    /// <summary>All portals are one portal group: one SCSI target port (RFC 7143, 4.4).</summary>
    public const ushort PortalGroupTag = 1;

    private readonly HashSet<string> _allowed;
    private readonly Dictionary<int, StoreLane?> _lanes = [];

    public TargetDefinition(
        TargetDefinitionBuilder builder, MemoryBudget budget, ReservationRoot root, BackgroundMemory background, ChapChallengeRegistry challenges)
    {
        Name = builder.Name;
        Alias = builder.TargetAlias;
        _allowed = new HashSet<string>(builder.Initiators, StringComparer.Ordinal);
        Authentication = builder.Credentials.Count == 0
            ? null
            : new ChapRequirement(builder.Credentials, builder.MutualCredentials, ChapOptions.Default with { Registry = challenges });
        if (builder.MutualCredentials is not null && Authentication is null)
            throw new ArgumentException($"Target {Name} answers CHAP but requires none: mutual CHAP needs the initiator's credentials too.");
        Units = new LogicalUnitMap(Name, new ScsiLimits { AllAtOnceBytes = budget.AllAtOnceBytes });
        foreach (var (lun, device, options) in builder.Luns)
        {
            var unit = Units.Add(lun, device, options);
            var lane = StoreLane.Create(root, $"store {Name} LUN {lun}", device.Info.Store);
            _lanes.Add(unit.Index, lane);
            unit.Medium.UseMemory(background, lane);
        }
    }

    public string Name { get; }

    public string? Alias { get; }

    public ChapRequirement? Authentication { get; }

    public LogicalUnitMap Units { get; }

    /// <summary>Whether an initiator may see the target.</summary>
    public bool IsAllowed(string initiatorName) => _allowed.Count == 0 || _allowed.Contains(initiatorName);

    /// <summary>The Store level of a logical unit's device; null when it needs none.</summary>
    public StoreLane? LaneOf(LogicalUnit unit) => _lanes[unit.Index];

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var unit in Units.Units.ToArray()) unit.Unwatch();
        foreach (var lane in _lanes.Values) lane?.Dispose();
    }
}

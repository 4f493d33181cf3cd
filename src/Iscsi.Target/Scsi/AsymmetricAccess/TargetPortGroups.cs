using System.Collections.Immutable;
using System.Globalization;
using Iscsi.Protocol.Scsi;
using Iscsi.Target.State;

namespace Iscsi.Target.Scsi.AsymmetricAccess;

/// <summary>
/// The target port groups of a target and their asymmetric access states (SPC-4), which hold for all its logical units. A state is durable
/// before it is in force. Any thread; the states are read without a lock.
/// </summary>
internal sealed class TargetPortGroups
{
    private const string StateName = "access-state/";

    private readonly Lock _lock = new();
    private readonly UnitState _kept;
    private volatile TargetPortGroup[] _groups;
    private volatile bool _isRestricted;

    /// <summary>Creates the groups, in the states that were kept, else in those of the options.</summary>
    /// <param name="tags">The portal group tags, ascending.</param>
    /// <param name="options">States at start.</param>
    /// <exception cref="ArgumentException">An option names a group that there is not.</exception>
    /// <exception cref="InvalidDataException">The state file is damaged.</exception>
    public TargetPortGroups(ImmutableArray<ushort> tags, AsymmetricAccessOptions? options = null)
    {
        options ??= new AsymmetricAccessOptions();
        foreach (var tag in options.States.Keys.Append(options.PreferredGroup ?? tags[0]))
            if (tag is < 0 or > ushort.MaxValue || !tags.Contains((ushort)tag)) throw new ArgumentException($"There is no portal group {tag}: there are {string.Join(", ", tags)}.", nameof(options));
        Tags = tags;
        AllowsExplicitChange = options.AllowExplicitChange;
        StatePath = options.StatePath;
        _kept = new UnitState(options.StatePath is null ? null : new ReplaceableFile(options.StatePath));
        _groups =
        [
            .. tags.Select(tag => new TargetPortGroup(
                tag, Kept(tag) ?? options.States.GetValueOrDefault(tag), options.PreferredGroup == tag, AccessStateReason.None)),
        ];
        _isRestricted = AnyRestricts(_groups);
    }

    /// <summary>Raised after a state changed, on the thread that changed it.</summary>
    public event Action<TargetPortGroup>? Changed;

    /// <summary>The portal group tags, which are also the relative target port identifiers; ascending.</summary>
    public ImmutableArray<ushort> Tags { get; }

    /// <summary>Whether SET TARGET PORT GROUPS is served.</summary>
    public bool AllowsExplicitChange { get; }

    /// <summary>Where states are kept; null: nowhere.</summary>
    public string? StatePath { get; }

    /// <summary>The groups now. A snapshot.</summary>
    public ReadOnlySpan<TargetPortGroup> Groups => _groups;

    /// <summary>TPGS (SPC-4, standard INQUIRY data): 01b implicit changes, 11b both.</summary>
    public byte Support => (byte)(AllowsExplicitChange ? 0x3 : 0x1);

    /// <summary>Whether a command that came through a group is refused; the sense says its state. One read where all groups are active.</summary>
    public SenseData? Refuse(ushort tag, ScsiCommandRow row)
    {
        if (!_isRestricted) return null;
        foreach (ref readonly var group in _groups.AsSpan())
            if (group.Tag == tag) return Refuse(group.State, row);
        return null;
    }

    /// <summary>
    /// Puts groups into states, all or none: durable, then in force, then told. Blocks on the disk where states are kept.
    /// </summary>
    /// <param name="units">The logical units, whose nexuses are told.</param>
    /// <param name="changes">Tags that exist, and their states; the last one of a tag counts.</param>
    /// <param name="isPreferred">Whether they are preferred from now on; null: as they are.</param>
    /// <param name="by">The request that asks for it: its nexus knows it about its logical unit. Null: an implicit change.</param>
    /// <exception cref="IOException">The state file could not be written.</exception>
    /// <exception cref="UnauthorizedAccessException">The state file may not be written.</exception>
    public void Change(LogicalUnitMap units, ReadOnlySpan<(ushort Tag, AsymmetricAccessState State)> changes, bool? isPreferred = null, ScsiRequest? by = null)
    {
        var changed = new List<TargetPortGroup>();
        lock (_lock)
        {
            var next = _groups.ToArray();
            var lines = new List<(string, string?)>();
            foreach (var (tag, state) in changes)
            {
                ref var group = ref next[Tags.IndexOf(tag)];
                var isStateNew = group.State != state;
                var isNew = isStateNew || (isPreferred is { } preferred && group.IsPreferred != preferred);
                group = group with
                {
                    State = state,
                    IsPreferred = isPreferred ?? group.IsPreferred,
                    Reason = by is not null ? AccessStateReason.Explicit : isNew ? AccessStateReason.Implicit : group.Reason,
                };
                // A group that is between two states when the server ends is so no longer when it starts again.
                if (isStateNew && state != AsymmetricAccessState.Transitioning) lines.Add((StateName + tag.ToString(CultureInfo.InvariantCulture), Name(state)));
                if (isNew) changed.Add(group);
            }
            if (lines.Count > 0) _kept.Set([.. lines]);
            _groups = next;
            _isRestricted = AnyRestricts(next);
        }
        if (changed.Count == 0) return;
        // About the logical unit that was asked the asking nexus knows; the others have changed without its asking.
        foreach (var unit in units.Units.ToArray())
            units.Raise(unit, UnitAttention.AsymmetricAccessStateChanged, except: ReferenceEquals(unit, by?.Unit) ? by?.Nexus : null);
        foreach (var group in changed) Changed?.Invoke(group);
    }

    private static SenseData? Refuse(AsymmetricAccessState state, ScsiCommandRow row) => state switch
    {
        AsymmetricAccessState.Standby when !row.Has(ScsiTraits.AllowedInStandby) => NotReady(AdditionalSense.NotAccessibleStandby),
        AsymmetricAccessState.Unavailable when !row.Has(ScsiTraits.AllowedWhenUnavailable) => NotReady(AdditionalSense.NotAccessibleUnavailable),
        AsymmetricAccessState.Offline when !row.Has(ScsiTraits.AllowedWhenUnavailable) => NotReady(AdditionalSense.NotReadyOffline),
        AsymmetricAccessState.Transitioning when !row.Has(ScsiTraits.AllowedInTransition) => NotReady(AdditionalSense.NotAccessibleStateTransition),
        _ => null,
    };

    private static SenseData NotReady(AdditionalSense additional) => new(SenseKey.NotReady, additional);

    private static bool AnyRestricts(TargetPortGroup[] groups) =>
        Array.Exists(groups, static group => group.State is not (AsymmetricAccessState.ActiveOptimized or AsymmetricAccessState.ActiveNonOptimized));

    private AsymmetricAccessState? Kept(ushort tag) => _kept.Get(StateName + tag.ToString(CultureInfo.InvariantCulture)) switch
    {
        null => null,
        "active-optimized" => AsymmetricAccessState.ActiveOptimized,
        "active-non-optimized" => AsymmetricAccessState.ActiveNonOptimized,
        "standby" => AsymmetricAccessState.Standby,
        "unavailable" => AsymmetricAccessState.Unavailable,
        "offline" => AsymmetricAccessState.Offline,
        var other => throw new InvalidDataException($"{StatePath} has an access state '{other}' of portal group {tag} that this version does not know."),
    };

    private static string Name(AsymmetricAccessState state) => state switch
    {
        AsymmetricAccessState.ActiveOptimized => "active-optimized",
        AsymmetricAccessState.ActiveNonOptimized => "active-non-optimized",
        AsymmetricAccessState.Standby => "standby",
        AsymmetricAccessState.Unavailable => "unavailable",
        _ => "offline",
    };
}

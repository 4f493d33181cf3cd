using Iscsi.Target;

namespace IscsiNet.Cli.Configuration;

/// <summary>The asymmetric access of a target in a configuration file.</summary>
internal sealed record AccessConfiguration
{
    private static readonly (string Name, AsymmetricAccessState State)[] States =
    [
        ("active-optimized", AsymmetricAccessState.ActiveOptimized),
        ("active-non-optimized", AsymmetricAccessState.ActiveNonOptimized),
        ("standby", AsymmetricAccessState.Standby),
        ("unavailable", AsymmetricAccessState.Unavailable),
        ("offline", AsymmetricAccessState.Offline),
        ("transitioning", AsymmetricAccessState.Transitioning),
    ];

    /// <summary>What a file says that says nothing about it.</summary>
    public static AccessConfiguration Default { get; } = new();

    /// <summary>Whether clients may change states.</summary>
    public bool AllowExplicit { get; init; }

    /// <summary>Where states are kept, a full path; null: nowhere.</summary>
    public string? StateFile { get; init; }

    /// <summary>Each group once.</summary>
    public EquatableList<AccessGroup> Groups { get; init; } = new([]);

    public AsymmetricAccessOptions ToOptions() => new()
    {
        States = Groups.ToDictionary(group => (int)group.Tag, group => group.State),
        PreferredGroup = Groups.FirstOrDefault(group => group.IsPreferred)?.Tag,
        AllowExplicitChange = AllowExplicit,
        StatePath = StateFile,
    };

    /// <summary>What the file says of a group; one that it does not name is active and optimized.</summary>
    public AccessGroup Of(int tag) => Groups.FirstOrDefault(group => group.Tag == tag) ?? new AccessGroup((ushort)tag, AsymmetricAccessState.ActiveOptimized, false);

    /// <summary>Reads the object <c>asymmetricAccess</c>.</summary>
    /// <param name="node">The object.</param>
    /// <param name="directory">Where relative paths begin.</param>
    /// <param name="tags">The portal groups that there are.</param>
    public static AccessConfiguration Read(ConfigurationNode node, string directory, IReadOnlyCollection<ushort> tags)
    {
        var access = Default;
        if (!node.IsObject("explicit", "stateFile", "groups")) return access;
        if (node.Get("explicit") is { } flagNode && flagNode.TryFlag(out var flag)) access = access with { AllowExplicit = flag };
        if (node.Get("stateFile") is { } file && file.TryText(out var path)) access = access with { StateFile = Path.GetFullPath(path, directory) };
        var groups = new List<AccessGroup>();
        foreach (var element in node.Get("groups")?.Elements() ?? [])
        {
            if (!element.IsObject("group", "state", "preferred")) continue;
            long tag = 0;
            if (element.Require("group", "it takes the tag of a portal group.") is { } tagNode && tagNode.TryNumber(1, ushort.MaxValue, out tag))
            {
                if (!tags.Contains((ushort)tag)) tagNode.Problem($"{tag} is the group of no portal; there are {string.Join(", ", tags)}.");
                else if (groups.Exists(other => other.Tag == tag)) tagNode.Problem($"{tag} is there twice.");
            }
            var group = new AccessGroup((ushort)tag, AsymmetricAccessState.ActiveOptimized, false);
            if (element.Get("state") is { } stateNode && stateNode.TryText(out var name))
            {
                var at = Array.FindIndex(States, state => string.Equals(state.Name, name, StringComparison.Ordinal));
                if (at >= 0) group = group with { State = States[at].State };
                else stateNode.Problem($"is '{name}'; it takes {string.Join(", ", States.Select(state => state.Name))}.");
            }
            if (element.Get("preferred") is { } preferred && preferred.TryFlag(out flag))
            {
                if (flag && groups.Exists(other => other.IsPreferred)) preferred.Problem("another group is preferred already.");
                group = group with { IsPreferred = flag };
            }
            groups.Add(group);
        }
        return access with { Groups = new(groups) };
    }
}

/// <summary>The state of a portal group in a configuration file.</summary>
internal sealed record AccessGroup(ushort Tag, AsymmetricAccessState State, bool IsPreferred);

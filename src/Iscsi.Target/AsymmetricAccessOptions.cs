namespace Iscsi.Target;

/// <summary>
/// Asymmetric logical unit access of a target (SPC-4, ALUA): each portal group is a target port group with one target port, whose relative
/// target port identifier is the portal group tag.
/// </summary>
public sealed record AsymmetricAccessOptions
{
    private readonly string? _statePath;

    /// <summary>States at start, by portal group tag. A group that is not named is <see cref="AsymmetricAccessState.ActiveOptimized"/>.</summary>
    public IReadOnlyDictionary<int, AsymmetricAccessState> States { get; init; } = new Dictionary<int, AsymmetricAccessState>();

    /// <summary>The portal group that clients are told to prefer (PREF); null: none. Default null.</summary>
    public int? PreferredGroup { get; init; }

    /// <summary>Whether clients may change states (SET TARGET PORT GROUPS). Default false: only who serves the target does.</summary>
    public bool AllowExplicitChange { get; init; }

    /// <summary>
    /// A file for the states, so that what was changed survives a restart: what it says goes before <see cref="States"/>. Created at the first
    /// change, replaced as a whole and made durable at every one. Default null: a restart begins with <see cref="States"/>.
    /// </summary>
    public string? StatePath
    {
        get => _statePath;
        init => _statePath = value is null ? null : Path.GetFullPath(value);
    }
}

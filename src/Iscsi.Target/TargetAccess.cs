using Iscsi.Protocol;

namespace Iscsi.Target;

/// <summary>Who may log in to a target, and how. Replaced as a whole, so that a login sees one of them.</summary>
internal sealed class TargetAccess
{
    private readonly HashSet<string> _allowed;

    /// <summary>Takes the rules of a builder.</summary>
    /// <exception cref="ArgumentException">Mutual CHAP without CHAP, or two equal secrets.</exception>
    public TargetAccess(TargetDefinitionBuilder builder, ChapChallengeRegistry challenges)
    {
        Alias = builder.TargetAlias;
        _allowed = new HashSet<string>(builder.Initiators, StringComparer.Ordinal);
        Authentication = builder.Credentials.Count == 0
            ? null
            : new ChapRequirement(builder.Credentials, builder.MutualCredentials, ChapOptions.Default with { Registry = challenges });
        if (builder.MutualCredentials is not null && Authentication is null)
            throw new ArgumentException($"Target {builder.Name} answers CHAP but requires none: mutual CHAP needs the initiator's credentials too.");
    }

    public string? Alias { get; }

    /// <summary>The CHAP that a login has to pass; null: none.</summary>
    public ChapRequirement? Authentication { get; }

    /// <summary>Whether an initiator may see the target.</summary>
    public bool IsAllowed(string initiatorName) => _allowed.Count == 0 || _allowed.Contains(initiatorName);
}

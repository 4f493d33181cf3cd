namespace Iscsi.Protocol;

/// <summary>What a target asks of an initiator, and shows when it is asked (RFC 7143, 12.1.3).</summary>
public sealed class ChapRequirement
{
    /// <summary>Creates a requirement.</summary>
    /// <param name="initiators">Names and secrets that are accepted; at least one.</param>
    /// <param name="target">Name and secret of this target for mutual CHAP; null refuses initiators that ask for it.</param>
    /// <param name="options">Algorithms, randomness, encodings; null for the defaults.</param>
    /// <exception cref="ArgumentException">No initiator, or the target's secret is that of an initiator, which 12.1.3 forbids.</exception>
    public ChapRequirement(IReadOnlyList<ChapCredentials> initiators, ChapCredentials? target = null, ChapOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(initiators);
        if (initiators.Count == 0) throw new ArgumentException("At least one initiator's credentials are needed.", nameof(initiators));
        foreach (var initiator in initiators)
        {
            if (target is not null && target.HasSameSecretAs(initiator))
            {
                throw new ArgumentException(
                    $"The secret of target '{target}' is also that of initiator '{initiator}'; RFC 7143, 12.1.3 forbids that.",
                    nameof(target));
            }
        }
        Initiators = initiators;
        Target = target;
        Options = options ?? ChapOptions.Default;
    }

    /// <summary>Names and secrets that are accepted.</summary>
    public IReadOnlyList<ChapCredentials> Initiators { get; }

    /// <summary>Name and secret of this target for mutual CHAP, or null.</summary>
    public ChapCredentials? Target { get; }

    /// <summary>Algorithms, randomness, encodings.</summary>
    public ChapOptions Options { get; }
}

namespace Reservations;

/// <summary>
/// The worst case of one unit of work, over all its levels at once. Built once per negotiated session, never on a hot path.
/// </summary>
public sealed class Demand
{
    private readonly Claim[] _claims;

    /// <summary>Creates a demand.</summary>
    /// <param name="claims">At most one claim a level; at least one claim. Kept sorted by descending rank.</param>
    /// <exception cref="ArgumentException">No claim, a negative amount, or two claims on one level.</exception>
    public Demand(params ReadOnlySpan<Claim> claims)
    {
        if (claims.IsEmpty) throw new ArgumentException("A demand needs at least one claim.", nameof(claims));
        _claims = claims.ToArray();
        System.Array.Sort(_claims, static (a, b) => b.Level.Rank.CompareTo(a.Level.Rank));
        for (var i = 0; i < _claims.Length; i++)
        {
            if (_claims[i].Level.Rank > Level.MaxRank)
                throw new ArgumentException($"Rank {_claims[i].Level.Rank} of level {_claims[i].Level.Name} is above {Level.MaxRank}.", nameof(claims));
            if (_claims[i].Blocks < 0 || _claims[i].Slots < 0)
                throw new ArgumentException($"The claim on level {_claims[i].Level.Name} is negative.", nameof(claims));
            if (i > 0 && _claims[i].Level.Rank == _claims[i - 1].Level.Rank)
                throw new ArgumentException($"Two claims on level {_claims[i].Level.Name}.", nameof(claims));
            TotalBlocks = checked(TotalBlocks + _claims[i].Blocks);
            RankMask |= 1u << _claims[i].Level.Rank;
        }
        HighestRank = _claims[0].Level.Rank;
        OrderMask = (uint)((2ul << HighestRank) - 1);
        IsSingle = _claims.Length == 1;
        OpensAs = IsSingle ? GrantState.Plain : GrantState.General;
        FirstBlocks = _claims[0].Blocks;
        FirstSlots = _claims[0].Slots;
    }

    /// <summary>The claims, highest rank first.</summary>
    public ReadOnlySpan<Claim> Claims => _claims;

    /// <summary>Blocks of all claims together.</summary>
    public int TotalBlocks { get; }

    /// <summary>The rank at which the order check looks: the highest of the claims.</summary>
    public int HighestRank { get; }

    internal Claim[] Array => _claims;

    /// <summary>One bit a rank it claims.</summary>
    internal uint RankMask { get; }

    /// <summary>The ranks that a flow must not hold when it waits for this: the highest one and all below.</summary>
    internal uint OrderMask { get; }

    /// <summary>Whether there is one claim. What it says then stands in the demand itself too, one load nearer than in the array.</summary>
    internal bool IsSingle { get; }

    /// <summary>The state in which a grant of it starts at an owned node.</summary>
    internal GrantState OpensAs { get; }

    internal int FirstBlocks { get; }

    internal int FirstSlots { get; }

    /// <summary>Index of the claim on a rank, or -1.</summary>
    internal int IndexOf(int rank)
    {
        for (var i = 0; i < _claims.Length; i++)
        {
            if (_claims[i].Level.Rank == rank) return i;
        }
        return -1;
    }
}

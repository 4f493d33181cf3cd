namespace Reservations;

/// <summary>
/// A wait that could close a cycle: something is held at the rank that is waited for, or below it. Always a bug of the caller;
/// thrown before the ledger is looked at, whether or not memory was free.
/// </summary>
public sealed class ReservationOrderException : InvalidOperationException
{
    internal ReservationOrderException(Gate gate, int rank, uint held)
        : base($"Wait at gate {gate.Name} (rank {rank}) while holding ranks {Describe(held)}: only higher ranks may be held.")
    {
    }

    internal ReservationOrderException(string message)
        : base(message)
    {
    }

    internal static string Describe(uint held) =>
        string.Join(", ", Enumerable.Range(0, 32).Where(rank => (held & (1u << rank)) != 0));
}

/// <summary>
/// The floors that are asked for do not fit, or a demand exceeds what its node may ever hold. An error of the configuration.
/// </summary>
/// <param name="message">What does not fit where.</param>
public sealed class BudgetException(string message) : InvalidOperationException(message);

/// <summary>A double release, an overdraw, a use after release, or a grant that is open when its node is disposed.</summary>
/// <param name="message">Which grant, of which node.</param>
public sealed class LeakException(string message) : InvalidOperationException(message);

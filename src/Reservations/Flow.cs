using System.Runtime.CompilerServices;

namespace Reservations;

/// <summary>A named place where waiting for a grant is allowed. Declared once, as a static field.</summary>
/// <param name="name">The name in metrics, snapshots and exceptions.</param>
/// <param name="level">The level that is waited for.</param>
public sealed class Gate(string name, Level level)
{
    /// <summary>The name in metrics, snapshots and exceptions.</summary>
    public string Name => name;

    /// <summary>The level that is waited for.</summary>
    public Level Level => level;
}

/// <summary>
/// The ranks that one logical thread of execution (a task, a login, a connect) holds. Lives in the pooled object of that work and
/// is passed explicitly. Used by one owner at a time.
/// </summary>
public sealed class Flow
{
    private RankCounts _counts;
    private uint _held;

    /// <summary>Whether nothing is held at any rank.</summary>
    public bool HoldsNothing => _held == 0;

    /// <summary>One bit a rank that is held, bit 0 = rank 0.</summary>
    public uint HeldRanks => _held;

    /// <summary>Throws unless every held rank is greater than <paramref name="rank"/>; looks at nothing else.</summary>
    /// <param name="rank">The highest rank of the demand that would be waited for.</param>
    /// <param name="gate">The gate, for the message.</param>
    /// <exception cref="ReservationOrderException">The wait could close a cycle.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void CheckWait(int rank, Gate gate)
    {
        if ((_held & (uint)((2ul << rank) - 1)) != 0) ThrowOrder(rank, gate);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Add(int rank)
    {
        _counts[rank]++;
        _held |= 1u << rank;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Remove(int rank)
    {
        if (--_counts[rank] == 0) _held &= ~(1u << rank);
    }

    private void ThrowOrder(int rank, Gate gate) => throw new ReservationOrderException(gate, rank, _held);

    [InlineArray(32)]
    private struct RankCounts
    {
        private ushort _element;
    }
}

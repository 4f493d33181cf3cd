using System.Numerics;
using System.Runtime.CompilerServices;

namespace Reservations;

/// <summary>
/// The ranks that one logical thread of execution (a task, a login, a connect) holds. Lives in the pooled object of that work and
/// is passed explicitly. Used by one owner at a time.
/// </summary>
public sealed class Flow
{
    private static readonly AsyncLocal<Flow?> Current = new();

    private uint _held;

    // Ranks at which a release has more to do than to clear the bit: held more than once, or with a gate noted.
    private uint _special;

    // By rank, the grants beyond the first.
    private RankCounts _more;

    // By rank, the gate of the last grant; with OrderCheck.Full only.
    private Gate?[]? _gates;

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

    /// <summary>
    /// Says that the code up to the scope's disposal, and what it awaits, runs on behalf of this flow. With
    /// <see cref="OrderCheck.Full"/> a fresh flow that is used in there while this one holds something is refused: passing a new flow
    /// would hide what is held from the order check.
    /// </summary>
    public Scope Enter()
    {
        var outer = Current.Value;
        Current.Value = this;
        return new Scope(outer);
    }

    internal void CheckScope()
    {
        if (_held == 0 && Current.Value is { } outer && outer != this && !outer.HoldsNothing)
            throw new ReservationOrderException($"A fresh flow is used inside one that holds ranks {ReservationOrderException.Describe(outer._held)}.");
    }

    internal Gate? GateOf(int rank) => _gates?[rank];

    internal void NoteGate(int rank, Gate? gate)
    {
        (_gates ??= new Gate?[Level.MaxRank + 1])[rank] = gate;
        _special |= 1u << rank;
    }

    /// <summary>Counts one grant more at each of the ranks. One bit each: the usual case, none of them held, touches no counter.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Add(uint ranks)
    {
        if ((_held & ranks) != 0) AddMore(ranks & _held);
        _held |= ranks;
    }

    /// <summary>Counts one grant less at each of the ranks.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Remove(uint ranks)
    {
        if ((_special & ranks) != 0) ranks = RemoveSpecial(ranks);
        _held &= ~ranks;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void AddMore(uint ranks)
    {
        _special |= ranks;
        for (; ranks != 0; ranks &= ranks - 1) _more[BitOperations.TrailingZeroCount(ranks)]++;
    }

    /// <summary>Those of the ranks that are no longer held.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private uint RemoveSpecial(uint ranks)
    {
        var ended = ranks;
        for (var left = ranks & _special; left != 0; left &= left - 1)
        {
            var rank = BitOperations.TrailingZeroCount(left);
            if (_more[rank] != 0)
            {
                ended &= ~(1u << rank);
                _more[rank]--;
            }
            else if (_gates is not null)
            {
                _gates[rank] = null;
            }
            if (_more[rank] == 0 && _gates?[rank] is null) _special &= ~(1u << rank);
        }
        return ended;
    }

    private void ThrowOrder(int rank, Gate gate) => throw new ReservationOrderException(gate, rank, _held);

    /// <summary>The stretch of code that <see cref="Enter"/> began.</summary>
    public readonly struct Scope : IDisposable
    {
        private readonly Flow? _outer;

        internal Scope(Flow? outer) => _outer = outer;

        /// <summary>Ends it: the flow outside counts again.</summary>
        public void Dispose() => Current.Value = _outer;
    }

    [InlineArray(32)]
    private struct RankCounts
    {
        private ushort _element;
    }
}

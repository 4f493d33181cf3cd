namespace Reservations;

/// <summary>What a <see cref="Grant"/> points at. Preallocated by its node and used again under the next generation.</summary>
internal sealed class GrantRecord(ReservationNode node)
{
    internal readonly ReservationNode Node = node;
    internal Demand? Demand;
    internal Flow? Flow;

    /// <summary>One bit a rank that is still in the grant.</summary>
    internal uint Held;

    /// <summary>Goes up when the grant ends, so that a handle of the past is recognised.</summary>
    internal int Generation;

    internal bool Open, Prepaid;
    internal long Since;

    /// <summary>Blocks drawn, one element a claim of the demand.</summary>
    internal Drawn[] Blocks = new Drawn[1];

    /// <summary>Next of the stack of posted releases.</summary>
    internal GrantRecord? Next;

    /// <summary>Where it was taken, and at which gate; <see cref="OrderCheck.Full"/> only.</summary>
    internal System.Diagnostics.StackTrace? Site;
    internal Gate? Gate;

    /// <summary>A list of blocks through <see cref="Slab.Next"/>, the last drawn first; -1 ends it.</summary>
    internal struct Drawn
    {
        internal int Head;
        internal int Count;
    }
}

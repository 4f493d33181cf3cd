namespace Reservations;

/// <summary>
/// What a <see cref="Grant"/> points at. Preallocated by its node and used again under the next generation; when the node is closed, by another one.
/// </summary>
internal sealed class GrantRecord(ReservationNode node)
{
    internal ReservationNode Node = node;
    internal Demand? Demand;
    internal Flow? Flow;

    /// <summary>One bit a rank that is still in the grant.</summary>
    internal uint Held;

    /// <summary>Goes up when the grant ends, so that a handle of the past is recognised.</summary>
    internal int Generation;

    internal GrantState State;
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

/// <summary>What the end of a grant has to do.</summary>
internal enum GrantState : byte
{
    /// <summary>The record is free.</summary>
    Ended,

    /// <summary>Only count: it is one level of an owned node, nothing was drawn from it or split off, and the full check is off.</summary>
    Plain,

    /// <summary>Look at every level, and at what was drawn.</summary>
    General,

    /// <summary>As <see cref="General"/>; a fixed reserve, whose age says nothing.</summary>
    Prepaid,
}

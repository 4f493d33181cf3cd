namespace Reservations;

/// <summary>One rank of the total order in which memory is taken.</summary>
/// <param name="Rank">0 to 31. A flow may wait at rank n only if every rank it holds is greater than n. Rank 0 never waits.</param>
/// <param name="Name">The name that snapshots, metrics and exceptions print.</param>
public readonly record struct Level(byte Rank, string Name)
{
    /// <summary>The highest rank there is.</summary>
    public const int MaxRank = 31;
}

/// <summary>How much of one level is asked for.</summary>
/// <param name="Level">The level.</param>
/// <param name="Blocks">Blocks of <see cref="ReservationOptions.BlockSize"/> bytes; 0 or more.</param>
/// <param name="Slots">Preallocated records that live beside the blocks (a task descriptor, a worker thread); 0 or more.</param>
public readonly record struct Claim(Level Level, int Blocks, int Slots = 0);

/// <summary>What one node may use of one level.</summary>
/// <param name="Level">The level.</param>
/// <param name="FloorBlocks">Blocks that belong to the node and are never lent to another one.</param>
/// <param name="CeilingBlocks">The most blocks the node may use, floor and surplus together; at least the floor.</param>
/// <param name="FloorSlots">Slots that belong to the node and are never lent.</param>
/// <param name="CeilingSlots">The most slots the node may use; at least the floor.</param>
/// <param name="Weight">Weight of the node's share of the surplus in the deficit round robin; 1 or more.</param>
public readonly record struct Share(
    Level Level, int FloorBlocks, int CeilingBlocks, int FloorSlots = 0, int CeilingSlots = 0, int Weight = 1);

/// <summary>How many slots of one level exist in the whole process, beside the blocks.</summary>
/// <param name="Level">The level.</param>
/// <param name="Count">Slots in all; floors of admitted nodes are taken out of it, the rest can be borrowed.</param>
/// <param name="BytesEach">Measured size of one record, for the printed process bound; it is not taken from the budget.</param>
public readonly record struct SlotBudget(Level Level, int Count, int BytesEach);

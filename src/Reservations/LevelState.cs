namespace Reservations;

/// <summary>Usage of one level of a node.</summary>
/// <param name="FloorBlocks">Blocks of its own, without those it passed on to its children.</param>
/// <param name="UsedBlocks">Blocks in grants, drawn or not.</param>
/// <param name="CeilingBlocks">The most blocks it may use.</param>
/// <param name="FloorSlots">Slots of its own.</param>
/// <param name="UsedSlots">Slots in grants.</param>
/// <param name="CeilingSlots">The most slots it may use.</param>
public readonly record struct LevelState(int FloorBlocks, int UsedBlocks, int CeilingBlocks, int FloorSlots, int UsedSlots, int CeilingSlots);

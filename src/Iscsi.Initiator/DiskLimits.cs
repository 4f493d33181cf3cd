namespace Iscsi.Initiator;

/// <summary>What a logical unit takes in one command.</summary>
/// <param name="MaxTransferBlocks">Blocks of a READ or WRITE.</param>
/// <param name="MaxWriteSameBlocks">Blocks of a WRITE SAME.</param>
/// <param name="MaxUnmapBlocks">Blocks of an UNMAP.</param>
/// <param name="WriteSameUnmaps">Whether WRITE SAME (16) may deallocate, and what is deallocated reads as zeroes.</param>
/// <param name="HasForceUnitAccess">Whether WRITE has the FUA bit (DPOFUA).</param>
internal readonly record struct DiskLimits(int MaxTransferBlocks, int MaxWriteSameBlocks, uint MaxUnmapBlocks, bool WriteSameUnmaps, bool HasForceUnitAccess);

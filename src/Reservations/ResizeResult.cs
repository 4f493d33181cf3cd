namespace Reservations;

/// <summary>What a resize did.</summary>
/// <param name="EffectiveBytes">The budget in force now: the new one plus what still has to come back.</param>
/// <param name="PendingBytes">Bytes that are lent out and still have to come back before the new budget holds.</param>
/// <param name="FloorBytes">The least the budget can be, the sum of the floors.</param>
public readonly record struct ResizeResult(long EffectiveBytes, long PendingBytes, long FloorBytes);

namespace Reservations;

/// <summary>How a <see cref="ReservationRoot"/> is set up. Everything in it is frozen by <see cref="ReservationRoot.Create"/>.</summary>
public sealed record ReservationOptions
{
    /// <summary>Bytes that all blocks together may ever take. Rounded down to whole blocks.</summary>
    public required long BudgetBytes { get; init; }

    /// <summary>Bytes of the budget that are kept for borrowing and never become a floor. Default 0.</summary>
    public long SurplusBytes { get; init; }

    /// <summary>Unit of every grant, a power of two from 512 to 65536. Default 4096. A burst is a list of blocks, so fragmentation can't break a promise.</summary>
    public int BlockSize { get; init; } = 4096;

    /// <summary>Touches every page at start, so that a lack of memory fails there. Default true.</summary>
    public bool PreTouch { get; init; } = true;

    /// <summary>How much is checked. Default <see cref="OrderCheck.Cheap"/>, which is always on.</summary>
    public OrderCheck OrderCheck { get; init; } = OrderCheck.Cheap;

    /// <summary>
    /// Part of the tries that are denied although they could be had, 0 to 1: a test hook that shows whether callers cope. Default 0;
    /// only with <see cref="OrderCheck.Full"/>.
    /// </summary>
    public double DenyProbability { get; init; }

    /// <summary>Seed of the denied tries. Default 1.</summary>
    public int DenySeed { get; init; } = 1;

    /// <summary>The levels. Each rank at most once.</summary>
    public required IReadOnlyList<Level> Levels { get; init; }

    /// <summary>Slots in the process, per level that has any. Default none.</summary>
    public IReadOnlyList<SlotBudget> Slots { get; init; } = [];

    /// <summary>The clock of wait times and grant ages. Default <see cref="TimeProvider.System"/>.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;
}

/// <summary>How much a <see cref="ReservationRoot"/> checks.</summary>
public enum OrderCheck
{
    /// <summary>The rank test at every gate, generations of grants, the bitmap of blocks.</summary>
    Cheap,

    /// <summary>
    /// For tests: also the graph of gate-to-gate edges, the call site of every open grant, poison on release, and a check that
    /// no fresh flow is used inside a flow that holds something.
    /// </summary>
    Full,
}

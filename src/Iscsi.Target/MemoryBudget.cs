using Iscsi.Protocol;
using Reservations;

namespace Iscsi.Target;

/// <summary>
/// Where the memory of a target goes: every term of the budget with its consumer, and the number of sessions it promises.
/// </summary>
public sealed class MemoryBudget
{
    /// <summary>Bytes of a block, the unit of every reservation.</summary>
    public const int BlockBytes = 4096;

    /// <summary>The least budget: one session with small bursts.</summary>
    public const long MinimumBytes = 1 << 20;

    // Login text: 16 KiB of requests over C=1 continuations and 8 KiB of answers that wait for their PDU. One PDU in and one out: 8 KiB each,
    // the longest segment before parameters are negotiated. After the login the same blocks hold the data of immediate requests
    // and of text requests and responses.
    internal const int LoginTextBlocks = LoginLimits.TextBufferBytes / BlockBytes;
    internal const int TextPduBlocks = LoginLimits.MaxDataSegmentBytes / BlockBytes;
    internal const int ControlBlocks = LoginTextBlocks + 2 * TextPduBlocks;

    // Transmit entries of control PDUs (NOP-In, TMF and Logout responses, Text, Reject, Async): they never wait for a wire slot.
    internal const int ControlEntries = 32;

    // A chunk that is compared and ends inside a block: two pages of what came unsolicited read back, what is solicited, and the rest of
    // the last block.
    internal const int MinimumBurstBytes = 4 * BlockBytes;

    // Managed objects, measured by the memory tests: a session with its tables, its channel and its eight immediate slots (104 KiB), and a
    // task with its request and machines (5.7 KiB).
    internal const int SessionDescriptorBytes = 112 * 1024;
    internal const int TaskDescriptorBytes = 6 * 1024;

    // The runtime with the daemon loaded and its garbage between collections, measured at 45 to 62 MiB.
    internal const long RuntimeBytes = 72L << 20;

    internal MemoryBudget(long budgetBytes, TargetLimits limits)
    {
        if (budgetBytes < MinimumBytes)
            throw new BudgetException($"The memory budget of {ByteText(budgetBytes)} is too small: at least {ByteText(MinimumBytes)} are needed.");
        BudgetBytes = budgetBytes / BlockBytes * BlockBytes;
        Limits = limits;
        BurstBytes = limits.BurstBytes != 0 ? limits.BurstBytes : BurstOf(budgetBytes);
        if (BurstBytes < MinimumBurstBytes || BurstBytes % BlockBytes != 0)
            throw new BudgetException($"Bursts of {ByteText(BurstBytes)}: at least {ByteText(MinimumBurstBytes)}, and a multiple of {ByteText(BlockBytes)}.");
        SurplusBytes = budgetBytes < 16L << 20 ? 0 : Blocks(budgetBytes / 100 * limits.SurplusPercent) * (long)BlockBytes;
        StoreFloorBlocks = Blocks(Math.Max(2L * (BurstBytes + 8 * 1024), Math.Min(2L << 20, budgetBytes / 16)));
        LoginLanes = (int)Math.Clamp(budgetBytes / 64 / BlockBytes, 8, limits.LoginLanes);
        CreditBlocks = Blocks(Math.Max(limits.FirstBurstLength, Math.Min(8 * 1024, limits.MaxRecvDataSegmentLength)));
        BurstBlocks = Blocks(BurstBytes);
        var entries = limits.WireSlots + ControlEntries;
        EntryBlocks = Blocks((long)entries * Transport.PduChannel.EntrySize);
        ReceiveBlocks = Blocks(limits.ReceiveBytes);
        ConnectionBlocks = ReceiveBlocks + EntryBlocks + ControlBlocks;

        // The standby: a second connection, one credit and one burst, so that a login that replaces the session never asks anybody.
        SessionBlocks = (limits.WindowFloor + 1) * CreditBlocks + 2 * BurstBlocks + ConnectionBlocks;
        var total = BudgetBytes / BlockBytes;
        var free = total - SurplusBytes / BlockBytes - StoreFloorBlocks - LoginLanes;
        MaxSessions = (int)Math.Max(0, free / (SessionBlocks + ConnectionBlocks));
        ConnectionReserves = 2 * MaxSessions + (int)(free % (SessionBlocks + ConnectionBlocks) / ConnectionBlocks);
        if (MaxSessions == 0)
            throw new BudgetException($"The memory budget of {ByteText(budgetBytes)} does not hold one session of {ByteText(SessionBytes)}: raise it, or make bursts smaller.");
        BorrowableCredits = (int)(SurplusBytes / BlockBytes / CreditBlocks);
        TaskDescriptors = MaxSessions * (limits.WindowFloor + 1) + BorrowableCredits;
    }

    /// <summary>Computes where a budget would go.</summary>
    /// <param name="budgetBytes">Bytes; <see cref="MinimumBytes"/> or more.</param>
    /// <param name="limits">The limits.</param>
    /// <exception cref="BudgetException">The budget does not hold one session.</exception>
    public static MemoryBudget Compute(long budgetBytes, TargetLimits limits)
    {
        ArgumentNullException.ThrowIfNull(limits);
        return new MemoryBudget(budgetBytes, limits);
    }

    /// <summary>The limits it was computed from.</summary>
    public TargetLimits Limits { get; }

    /// <summary>Bytes of data memory in all.</summary>
    public long BudgetBytes { get; }

    /// <summary>Bytes of it that can be borrowed beyond the floors.</summary>
    public long SurplusBytes { get; }

    /// <summary>Sessions that can always be open at once.</summary>
    public int MaxSessions { get; }

    /// <summary>Bytes that one session with its connection owns.</summary>
    public long SessionBytes => (long)(SessionBlocks + ConnectionBlocks) * BlockBytes;

    /// <summary>The target's own burst, bytes.</summary>
    public int BurstBytes { get; }

    /// <summary>Connections that may wait for their first login PDU.</summary>
    public int LoginLanes { get; }

    /// <summary>
    /// Upper bound of the resident memory of a process that runs this target alone: budget, descriptors of sessions and tasks, runtime. Kernel socket
    /// memory is apart.
    /// </summary>
    public long ProcessBoundBytes =>
        BudgetBytes + (long)MaxSessions * SessionDescriptorBytes + (long)TaskDescriptors * TaskDescriptorBytes + RuntimeBytes;

    /// <summary>Operations on whole media that can run at once, a block each: a thirty-second part of the store floor, at most 16 blocks.</summary>
    internal int BackgroundBlocks => Math.Clamp(StoreFloorBlocks / 32, 1, 16);

    /// <summary>What a command that needs all its data at once may take, bytes.</summary>
    internal int AllAtOnceBytes => BurstBytes;

    internal int StoreFloorBlocks { get; }

    internal int CreditBlocks { get; }

    internal int BurstBlocks { get; }

    internal int EntryBlocks { get; }

    internal int ReceiveBlocks { get; }

    internal int ConnectionBlocks { get; }

    internal int SessionBlocks { get; }

    /// <summary>Connections in all: two a session, and what is left over.</summary>
    internal int ConnectionReserves { get; }

    internal int BorrowableCredits { get; }

    internal int TaskDescriptors { get; }

    /// <summary>Unused credits that all sessions together may keep beyond their floors: a quarter of the surplus.</summary>
    internal int UnusedCredits => BorrowableCredits / 4;

    /// <summary>One line for the operator: <c>memory: 64 MiB for data, 83 sessions of 552 KiB, process bound 161 MiB</c>.</summary>
    public string Describe() =>
        $"memory: {ByteText(BudgetBytes)} for data, {MaxSessions} sessions of {ByteText(SessionBytes)}, process bound {ByteText(ProcessBoundBytes)}";

    /// <summary>Each term of the budget on a line, for <c>show memory</c>.</summary>
    public IReadOnlyList<(string Term, long Bytes)> Terms =>
    [
        ("budget", BudgetBytes),
        ("surplus that sessions borrow", SurplusBytes),
        ("store floor", (long)StoreFloorBlocks * BlockBytes),
        ("of it for sanitize and format operations", (long)BackgroundBlocks * BlockBytes),
        ($"login lanes, {LoginLanes} of 4 KiB", (long)LoginLanes * BlockBytes),
        ("per connection: receive memory", (long)ReceiveBlocks * BlockBytes),
        ("per connection: transmit entries", (long)EntryBlocks * BlockBytes),
        ("per connection: login text, immediate requests", (long)ControlBlocks * BlockBytes),
        ($"per session: window of {Limits.WindowFloor} credits and one on standby", (long)(Limits.WindowFloor + 1) * CreditBlocks * BlockBytes),
        ("per session: one burst and one on standby", 2L * BurstBlocks * BlockBytes),
        ("per session: one connection on standby", (long)ConnectionBlocks * BlockBytes),
        ("per session with its connection, in all", SessionBytes),
        ("process: descriptors of sessions", (long)MaxSessions * SessionDescriptorBytes),
        ("process: descriptors of tasks", (long)TaskDescriptors * TaskDescriptorBytes),
        ("process: runtime", RuntimeBytes),
        ("process bound", ProcessBoundBytes),
    ];

    // What a session costs is mostly its two bursts. On a local link smaller ones are no slower, because they stay in the processor's cache between
    // socket and file; on a long one they cost a round trip each, so who gives more memory gets larger ones.
    private static int BurstOf(long budgetBytes) => budgetBytes switch
    {
        < 4L << 20 => 64 * 1024,
        < 128L << 20 => 128 * 1024,
        _ => 256 * 1024,
    };

    internal static int Blocks(long bytes) => checked((int)((bytes + BlockBytes - 1) / BlockBytes));

    private static string ByteText(long bytes) => bytes switch
    {
        >= 10L << 20 => $"{bytes >> 20} MiB",
        >= 1L << 20 when bytes % (1 << 20) == 0 => $"{bytes >> 20} MiB",
        >= 1L << 20 => $"{bytes / (double)(1 << 20):0.0} MiB",
        _ => $"{bytes >> 10} KiB",
    };
}

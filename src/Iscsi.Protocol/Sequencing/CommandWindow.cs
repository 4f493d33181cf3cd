using System.Numerics;

namespace Iscsi.Protocol;

// RFC 7143, 4.2.2.1. The numbers of a session, seen from its target:
//
//      acknowledged │ received or hole          │ never sent yet
//   ───────────────┬┴──┬───┬───┬───┬───┬───┬───┬┴──────────────
//                  │ h │ x │ h │ x │   │   │   │        x received and held, h hole
//   ───────────────┴───┴───┴───┴───┴───┴───┴───┴───────────────
//                    ▲ ExpCmdSN                ▲ MaxCmdSN

/// <summary>
/// The command window of a session at its target: which CmdSN may come, which came, which are missing (RFC 7143, 4.2.2.1). Every
/// number it opens must be backed by a slot of the caller's. It grows by <see cref="Grow"/> only and never shrinks.
/// </summary>
public sealed class CommandWindow
{
    // One bit per number, at the number modulo the capacity: set while it is received and not yet acknowledged. A power of two
    // keeps the position of a number the same when the numbers wrap around.
    private readonly ulong[] _held;
    private readonly uint _mask;
    private uint _advertised;

    /// <summary>Creates a window that is closed: it opens by <see cref="Grow"/>.</summary>
    /// <param name="firstCmdSN">The CmdSN of the first command, which the login gave.</param>
    /// <param name="capacity">The most numbers that are ever open at once; rounded up to a power of two; 1 to 65,536.</param>
    /// <exception cref="ArgumentOutOfRangeException">The capacity is not 1 to 65,536.</exception>
    public CommandWindow(uint firstCmdSN, int capacity)
    {
        if (capacity is < 1 or > 1 << 16) throw new ArgumentOutOfRangeException(nameof(capacity), capacity, "1 to 65536.");
        Capacity = Math.Max(64, (int)BitOperations.RoundUpToPowerOf2((uint)capacity));
        _mask = (uint)Capacity - 1;
        _held = new ulong[Capacity / 64];
        ExpCmdSN = firstCmdSN;
        MaxCmdSN = firstCmdSN - 1;
        _advertised = MaxCmdSN;
    }

    /// <summary>The most numbers that are ever open at once; at least 64.</summary>
    public int Capacity { get; }

    /// <summary>The next number expected: all before it are received.</summary>
    public uint ExpCmdSN { get; private set; }

    /// <summary>The last number that is open. Never goes down.</summary>
    public uint MaxCmdSN { get; private set; }

    /// <summary>Numbers that are open: <c>MaxCmdSN - ExpCmdSN + 1</c>, 0 when the window is closed.</summary>
    public int Size => (int)(MaxCmdSN - ExpCmdSN + 1);

    /// <summary>Numbers past a hole that are received and held.</summary>
    public int HeldCount { get; private set; }

    /// <summary>Open numbers that nothing was received for: credits the initiator has not used.</summary>
    public int Unused => Size - HeldCount;

    /// <summary>Numbers that <see cref="Grow"/> can still open now.</summary>
    public int Room => Capacity - Size;

    /// <summary>Whether a number is missing before one that was received.</summary>
    public bool HasHole => HeldCount > 0;

    /// <summary>Since when ExpCmdSN has been the hole, as the caller's timestamp; valid with <see cref="HasHole"/>.</summary>
    public long HoleSince { get; private set; }

    /// <summary>Open numbers that the initiator has not been told of.</summary>
    public int UnadvertisedCount => (int)(MaxCmdSN - _advertised);

    /// <summary>The MaxCmdSN to put into a PDU that leaves now; it counts as told from here on.</summary>
    public uint Advertise() => _advertised = MaxCmdSN;

    /// <summary>Opens numbers.</summary>
    /// <param name="by">How many; as many slots must have been granted. At most <see cref="Room"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">Negative, or more than <see cref="Room"/>.</exception>
    public void Grow(int by)
    {
        if ((uint)by > (uint)Room) throw new ArgumentOutOfRangeException(nameof(by), by, $"The window has room for {Room} more.");
        MaxCmdSN += (uint)by;
    }

    /// <summary>Says what a request that arrived is, without taking it.</summary>
    /// <param name="cmdSN">Its CmdSN.</param>
    /// <param name="isImmediate">Its I bit.</param>
    public CommandArrival Classify(uint cmdSN, bool isImmediate)
    {
        if (isImmediate) return CommandArrival.Immediate;
        var ahead = cmdSN - ExpCmdSN;
        // A number that was acknowledged is outside the window too; it is told apart, for the counters, by being at most a window
        // behind.
        if (ahead >= (uint)Size)
            return ahead >= unchecked((uint)-Capacity) ? CommandArrival.Duplicate : CommandArrival.OutsideWindow;
        if (IsHeld(cmdSN)) return CommandArrival.Duplicate;
        return ahead == 0 ? CommandArrival.InOrder : CommandArrival.Hold;
    }

    /// <summary>Takes a number that <see cref="Classify"/> called InOrder or Hold.</summary>
    /// <param name="cmdSN">The number.</param>
    /// <param name="now">The caller's timestamp, for <see cref="HoleSince"/>.</param>
    /// <returns>
    /// How many numbers became acknowledged: from the old <see cref="ExpCmdSN"/> on, they are to be executed in their order. 0
    /// when it is held.
    /// </returns>
    /// <exception cref="ArgumentOutOfRangeException">The number is not open, or was received before.</exception>
    public int Accept(uint cmdSN, long now)
    {
        if (Classify(cmdSN, isImmediate: false) is not (CommandArrival.InOrder or CommandArrival.Hold))
            throw new ArgumentOutOfRangeException(nameof(cmdSN), cmdSN, $"Not open in {ExpCmdSN}..{MaxCmdSN}.");
        return Take(cmdSN, now);
    }

    /// <summary>
    /// An ABORT TASK names a task that is not there: the command may have been lost on its way, and then its number counts as
    /// received (RFC 7143, 11.6.1).
    /// </summary>
    /// <param name="refCmdSN">RefCmdSN of the function.</param>
    /// <param name="ownCmdSN">CmdSN of the function itself.</param>
    /// <param name="now">The caller's timestamp, for <see cref="HoleSince"/>.</param>
    /// <param name="acknowledgedCount">
    /// How many numbers became acknowledged, as of <see cref="Accept"/>; the one filled is among them, or will be later, and has
    /// no command.
    /// </param>
    public HoleFill FillHole(uint refCmdSN, uint ownCmdSN, long now, out int acknowledgedCount)
    {
        acknowledgedCount = 0;
        if (refCmdSN - ExpCmdSN >= (uint)Size || !SerialNumber.IsBefore(refCmdSN, ownCmdSN)) return HoleFill.OutsideWindow;
        if (IsHeld(refCmdSN)) return HoleFill.AlreadyReceived;
        acknowledgedCount = Take(refCmdSN, now);
        return HoleFill.Filled;
    }

    private int Take(uint cmdSN, long now)
    {
        if (cmdSN != ExpCmdSN)
        {
            Word(cmdSN) |= Bit(cmdSN);
            if (HeldCount++ == 0) HoleSince = now;
            return 0;
        }

        var acknowledged = 1;
        ExpCmdSN++;
        while (HeldCount > 0 && IsHeld(ExpCmdSN))
        {
            Word(ExpCmdSN) &= ~Bit(ExpCmdSN);
            HeldCount--;
            ExpCmdSN++;
            acknowledged++;
        }
        HoleSince = now;
        return acknowledged;
    }

    private bool IsHeld(uint cmdSN) => HeldCount > 0 && (Word(cmdSN) & Bit(cmdSN)) != 0;

    private ref ulong Word(uint cmdSN) => ref _held[(cmdSN & _mask) >> 6];

    private static ulong Bit(uint cmdSN) => 1UL << (int)(cmdSN & 63);
}

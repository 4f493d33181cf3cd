using Reservations;

namespace Iscsi.Initiator;

/// <summary>
/// The levels of an initiator's session, outermost first, and its gates. The session has a root of its own, so that a disk that backs a
/// target in the same process never shares a level with it.
/// </summary>
/// <remarks>
/// A call waits at the submit gate before it takes anything. What it then holds, a slot, lasts until it ends, repetitions included. Data
/// need no memory of the session: they go to and from the caller's. Transmit entries, the Wire level, belong to the connection's
/// reserve; PDUs that find none wait in the session's queues, in order, and hold nothing below it. So no wait can close a cycle.
/// </remarks>
internal static class InitiatorLevels
{
    /// <summary>The connection's reserve: receive memory, transmit entries, login text, responses. From connect to close.</summary>
    public static readonly Level Connection = new(7, "Connection");

    /// <summary>One command slot: its records, its tag, its place for a response. From submit to the end of the call.</summary>
    public static readonly Level Submit = new(5, "Submit");

    public static readonly Gate SubmitGate = new("G-Submit", Submit);
}

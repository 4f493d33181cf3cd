using Reservations;

namespace Iscsi.Target.Memory;

/// <summary>The levels of the target, outermost first, and the gates: the only places of the target that wait for memory.</summary>
internal static class TargetLevels
{
    /// <summary>A connection's reserve: receive memory and transmit entries. From accept to close.</summary>
    public static readonly Level Admission = new(7, "Admission");

    /// <summary>A session's place. From the final Login Response to the session's end.</summary>
    public static readonly Level Session = new(6, "Session");

    /// <summary>One command slot: descriptor, unsolicited data, small Data-In. From before MaxCmdSN grows to the task's end.</summary>
    public static readonly Level Credit = new(5, "Credit");

    /// <summary>Solicited data or Data-In of one chunk. From before the R2T, or the read, until stored or sent.</summary>
    public static readonly Level Burst = new(4, "Burst");

    // Between Burst and Store: the range lock of a logical unit (Scsi/RangeLock). It holds no memory and has no rank; the task keeps its order.

    /// <summary>A request of the backing store: a thread, bounce blocks. While the request runs.</summary>
    public static readonly Level Store = new(3, "Store");

    /// <summary>A transmit entry. From queueing until the bytes are taken.</summary>
    public static readonly Level Wire = new(1, "Wire");

    /// <summary>The fixed reserve of a connection: login text, immediate requests, echoes. Never waited for.</summary>
    public static readonly Level Control = new(0, "Control");

    public static readonly Level[] All = [Admission, Session, Credit, Burst, Store, Wire, Control];

    public static readonly Gate BurstGate = new("G-Burst", Burst);
    public static readonly Gate StoreGate = new("G-Store", Store);
    public static readonly Gate WireGate = new("G-Wire", Wire);
}

namespace Iscsi.Target.Tasks;

// The states of a task, in the order of its life. Only the three Waiting… states at a gate wait for memory; what is held there is
// always of a higher level than what is waited for.
//
//   Free ─▶ Receiving ─▶ (Held) ─▶ (Dormant) ─▶ Running ─▶ Ended ─▶ Free
//
//   Running, for each chunk of a read:    WaitingForBurst ─▶ (WaitingForRange) ─▶ WaitingForStore ─▶ InStore ─▶ WaitingForWire ─▶ Sending
//   Running, for each chunk of a write:   WaitingForBurst ─▶ (WaitingForWire ─▶ WaitingForData)… ─▶ (WaitingForRange)
//                                             ─▶ (WaitingForStore ─▶ InStore)…
//   Running, for each request of a copy:  Copying ─▶ (WaitingForRange) ─▶ WaitingForStore ─▶ InStore
//   Running, at the end:                  WaitingForWire ─▶ Sending
internal enum TaskState
{
    /// <summary>A slot without a task.</summary>
    Free,

    /// <summary>The command or its unsolicited data are not complete.</summary>
    Receiving,

    /// <summary>Complete, behind a hole in CmdSN.</summary>
    Held,

    /// <summary>In the task set, not enabled.</summary>
    Dormant,

    /// <summary>Between two steps; never seen from outside the task.</summary>
    Running,

    /// <summary>At the Burst gate.</summary>
    WaitingForBurst,

    /// <summary>An R2T is out, or owed data are being drained.</summary>
    WaitingForData,

    /// <summary>At the range lock of the logical unit.</summary>
    WaitingForRange,

    /// <summary>At the Store gate.</summary>
    WaitingForStore,

    /// <summary>The device works.</summary>
    InStore,

    /// <summary>Between two requests of a third-party copy: nothing runs, and its turn on the session's executor comes.</summary>
    Copying,

    /// <summary>At the Wire gate.</summary>
    WaitingForWire,

    /// <summary>PDUs are queued that use its memory.</summary>
    Sending,

    /// <summary>A request that waits for other tasks to end: a task management function, or a CHECK CONDITION under QERR.</summary>
    WaitingForTasks,

    /// <summary>
    /// A request other than a SCSI command has its turn, and ends with its answer. What the answer does may end the connection, and so stop
    /// this request too: that is left to the answer.
    /// </summary>
    Answering,

    /// <summary>Over.</summary>
    Ended,
}

namespace Iscsi.Protocol;

/// <summary>Task management functions (RFC 7143, 11.5.1; from QUERY TASK on RFC 7144, with iSCSIProtocolLevel 2).</summary>
public enum TaskManagementFunction : byte
{
    /// <summary>ABORT TASK: one task, named by its tag.</summary>
    AbortTask = 1,

    /// <summary>ABORT TASK SET: all tasks of this session at the logical unit.</summary>
    AbortTaskSet = 2,

    /// <summary>CLEAR ACA.</summary>
    ClearAca = 3,

    /// <summary>CLEAR TASK SET: all tasks at the logical unit, of every session.</summary>
    ClearTaskSet = 4,

    /// <summary>LOGICAL UNIT RESET.</summary>
    LogicalUnitReset = 5,

    /// <summary>TARGET WARM RESET.</summary>
    TargetWarmReset = 6,

    /// <summary>TARGET COLD RESET: also ends all sessions.</summary>
    TargetColdReset = 7,

    /// <summary>TASK REASSIGN: move a task to this connection (ERL 2).</summary>
    TaskReassign = 8,

    /// <summary>QUERY TASK: whether one task is in its task set.</summary>
    QueryTask = 9,

    /// <summary>QUERY TASK SET: whether any task of this nexus is in the task set.</summary>
    QueryTaskSet = 10,

    /// <summary>I_T NEXUS RESET: the nexus is lost, for all logical units; the session ends.</summary>
    NexusReset = 11,

    /// <summary>QUERY ASYNCHRONOUS EVENT: whether a unit attention condition is pending.</summary>
    QueryAsynchronousEvent = 12,
}

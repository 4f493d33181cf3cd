namespace Iscsi.Protocol.Scsi;

/// <summary>QERR of the control mode page (SPC-4): what happens to other tasks when one ends with CHECK CONDITION.</summary>
public enum QueueErrorManagement : byte
{
    /// <summary>00b: the other tasks go on.</summary>
    Continue = 0,

    /// <summary>01b: all tasks in the task set are aborted.</summary>
    AbortAll = 1,

    /// <summary>11b: the tasks of the same I_T nexus are aborted.</summary>
    AbortNexus = 3,
}

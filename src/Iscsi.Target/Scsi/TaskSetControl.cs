namespace Iscsi.Target.Scsi;

/// <summary>What the Control mode page (SPC-4) says about aborted tasks of a logical unit. Set and read by any thread.</summary>
internal sealed class TaskSetControl
{
    private volatile bool _taskAbortedStatus;
    private volatile QueueErrorManagement _queueErrorManagement;

    /// <summary>
    /// TAS. True: a task that another nexus aborts ends with TASK ABORTED. False, the default: it ends without a status, and its nexus is
    /// told by unit attention 2F/00 (SAM-5, aborting commands).
    /// </summary>
    public bool TaskAbortedStatus
    {
        get => _taskAbortedStatus;
        set => _taskAbortedStatus = value;
    }

    /// <summary>QERR: what a CHECK CONDITION does to other tasks. Default: nothing.</summary>
    public QueueErrorManagement QueueErrorManagement
    {
        get => _queueErrorManagement;
        set => _queueErrorManagement = value;
    }
}

/// <summary>QERR (SPC-4, Control mode page); the values are the field's. 10b is reserved.</summary>
internal enum QueueErrorManagement
{
    /// <summary>00b: other tasks go on.</summary>
    Continue = 0,

    /// <summary>01b: all other tasks of the task set are aborted.</summary>
    AbortAll = 1,

    /// <summary>11b: the other tasks of the same nexus are aborted. With a task set a nexus (TST = 001b) these are all.</summary>
    AbortNexus = 3,
}

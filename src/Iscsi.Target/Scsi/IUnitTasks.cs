using Iscsi.Target.Scsi.PersistentReservations;

namespace Iscsi.Target.Scsi;

/// <summary>What a command can ask of the task engine about other tasks.</summary>
internal interface IUnitTasks
{
    /// <summary>
    /// Aborts the tasks of other sessions on a logical unit. Completes when they have stopped: no data of theirs move. With TAS one each
    /// ends with TASK ABORTED, else no response follows and their nexuses are told by unit attention 2F/00.
    /// </summary>
    Task AbortTasksAsync(LogicalUnit unit, IReadOnlyCollection<NexusName> nexuses);
}

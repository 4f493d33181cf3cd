using Iscsi.Target.Scsi.PersistentReservations;

namespace Iscsi.Target.Scsi;

/// <summary>What a command can ask of the task engine about other tasks.</summary>
internal interface IUnitTasks
{
    /// <summary>
    /// Aborts the tasks of other sessions on a logical unit. Completes when they have ended: no data of theirs move, and no response
    /// follows.
    /// </summary>
    Task AbortTasksAsync(LogicalUnit unit, IReadOnlyCollection<NexusName> nexuses);
}

using Iscsi.Target.Scsi;

namespace Iscsi.Target.Sessions;

// Logical units that come and go while the session runs.
internal sealed partial class TargetSession
{
    /// <summary>A logical unit was taken out of the target: its tasks end. On the executor.</summary>
    /// <param name="unit">The unit, which no LUN leads to any more.</param>
    /// <param name="left">Told when the session has no task of the unit any more.</param>
    public void TerminateTasksOf(LogicalUnit unit, UnitReset left)
    {
        var affected = Array.FindAll([.. _tasks.Values], task => task.IsOf(unit));
        if (affected.Length == 0)
        {
            left.SessionDone();
            return;
        }
        var watch = new ResetWatch(left, affected.Length);
        // All are watched before one ends: its end may end others.
        foreach (var task in affected) task.TellEnd(watch);
        foreach (var task in affected) task.Terminate();
    }
}

namespace Iscsi.Target.Tasks;

/// <summary>Told when a task has ended: a task management function, or a reset that another session asked for.</summary>
internal interface ITaskWatcher
{
    /// <summary>The task has ended. On the executor of the task's session.</summary>
    void OnTaskEnded();
}

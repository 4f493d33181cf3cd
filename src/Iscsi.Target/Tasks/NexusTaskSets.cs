namespace Iscsi.Target.Tasks;

/// <summary>The task sets of one I_T nexus, one a logical unit.</summary>
internal sealed class NexusTaskSets
{
    private TaskSet<TargetTask>?[] _sets = [];

    /// <summary>The task set of a logical unit.</summary>
    /// <param name="unitIndex">Index of the logical unit in its target.</param>
    public TaskSet<TargetTask> Of(int unitIndex)
    {
        if (unitIndex >= _sets.Length) Array.Resize(ref _sets, unitIndex + 1);
        return _sets[unitIndex] ??= new TaskSet<TargetTask>();
    }
}

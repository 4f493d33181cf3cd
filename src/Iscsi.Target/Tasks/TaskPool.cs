using Microsoft.Extensions.ObjectPool;

namespace Iscsi.Target.Tasks;

/// <summary>
/// Descriptors of tasks. It limits nothing itself: who takes one holds a slot of the Credit level, and the number of slots is the budget's.
/// </summary>
internal sealed class TaskPool(int capacity)
{
    private readonly DefaultObjectPool<TargetTask> _pool = new(new Policy(), Math.Max(1, capacity));

    public TargetTask Get() => _pool.Get();

    /// <summary>Takes a descriptor back whose task has ended; its memory goes back with it.</summary>
    public void Return(TargetTask task)
    {
        task.Detach();
        _pool.Return(task);
    }

    private sealed class Policy : PooledObjectPolicy<TargetTask>
    {
        public override TargetTask Create() => new();

        public override bool Return(TargetTask obj)
        {
            if (!obj.Flow.HoldsNothing) throw new InvalidOperationException("A task was returned that still holds memory.");
            return true;
        }
    }
}

using Iscsi.Protocol;

namespace Iscsi.Target.Tasks;

/// <summary>
/// The task set of one I_T_L nexus (SAM-5, 8; the Control mode page says TST = 001b: a task set a nexus). It decides when a task
/// becomes enabled; only then may it pass a gate below Credit, so that an ORDERED task never waits behind one that waits for its memory.
/// </summary>
/// <remarks>
/// <code>
///   admitted --(SIMPLE: no ORDERED one before it, no HEAD OF QUEUE one | ORDERED: nothing before it | HEAD OF QUEUE)--> enabled --> ended
///       \--(else)--> dormant --(the same, once older ones have ended)--> enabled
/// </code>
/// </remarks>
internal sealed class TaskSet<T>
    where T : class, ITaskSetMember<T>
{
    private T? _first;
    private T? _last;
    private int _enabled;
    private bool _orderedEnabled;
    private int _headsEnabled;
    private int _fences;

    /// <summary>Tasks that are enabled and have not ended.</summary>
    public int Enabled => _enabled;

    /// <summary>Whether nothing is enabled, dormant, or fenced.</summary>
    public bool IsEmpty => _enabled == 0 && _first is null && _fences == 0;

    /// <summary>Adds a task. True: it is enabled now; false: it is dormant and comes out of <see cref="TakeEnabled"/> later.</summary>
    public bool Admit(T task)
    {
        if (task.Attribute == TaskAttribute.HeadOfQueue)
        {
            if (_fences == 0)
            {
                Enable(task);
                return true;
            }
            Prepend(task);
            return false;
        }
        if (_first is null && MayEnable(task))
        {
            Enable(task);
            return true;
        }
        Append(task);
        return false;
    }

    /// <summary>An enabled task has ended.</summary>
    public void End(T task)
    {
        _enabled--;
        if (task.Attribute == TaskAttribute.Ordered) _orderedEnabled = false;
        else if (task.Attribute == TaskAttribute.HeadOfQueue) _headsEnabled--;
    }

    /// <summary>Removes a dormant task.</summary>
    public void Remove(T task)
    {
        T? previous = null;
        for (var at = _first; at is not null; previous = at, at = at.NextInTaskSet)
        {
            if (!ReferenceEquals(at, task)) continue;
            if (previous is null) _first = at.NextInTaskSet;
            else previous.NextInTaskSet = at.NextInTaskSet;
            if (ReferenceEquals(_last, task)) _last = previous;
            task.NextInTaskSet = null;
            return;
        }
    }

    /// <summary>The next dormant task that may be enabled; it is enabled by this. Null when none may.</summary>
    public T? TakeEnabled()
    {
        if (_first is not { } task || !MayEnable(task)) return null;
        _first = task.NextInTaskSet;
        if (_first is null) _last = null;
        task.NextInTaskSet = null;
        Enable(task);
        return task;
    }

    /// <summary>
    /// A task of a replaced session still runs in the store: nothing is enabled before it has ended (a fence), because both may
    /// be for the same blocks.
    /// </summary>
    public void AddFence() => _fences++;

    /// <summary>Such a task has ended.</summary>
    public void RemoveFence() => _fences--;

    // SAM-5: a SIMPLE task stays dormant until all HEAD OF QUEUE tasks and all older ORDERED ones have ended, an ORDERED one until all
    // HEAD OF QUEUE and all older ones have; a HEAD OF QUEUE one never does.
    private bool MayEnable(T task) => _fences == 0 && task.Attribute switch
    {
        TaskAttribute.HeadOfQueue => true,
        TaskAttribute.Ordered => _enabled == 0 && !task.WaitsForOlder,
        _ => !_orderedEnabled && _headsEnabled == 0,
    };

    private void Enable(T task)
    {
        _enabled++;
        if (task.Attribute == TaskAttribute.Ordered) _orderedEnabled = true;
        else if (task.Attribute == TaskAttribute.HeadOfQueue) _headsEnabled++;
    }

    private void Prepend(T task)
    {
        task.NextInTaskSet = _first;
        _first = task;
        _last ??= task;
    }

    private void Append(T task)
    {
        if (_last is null) _first = task;
        else _last.NextInTaskSet = task;
        _last = task;
    }
}

/// <summary>What a <see cref="TaskSet{T}"/> needs of its members.</summary>
internal interface ITaskSetMember<T>
    where T : class
{
    /// <summary>SIMPLE, ORDERED, HEAD OF QUEUE; untagged counts as SIMPLE.</summary>
    TaskAttribute Attribute { get; }

    /// <summary>Of an ORDERED task, when nothing older is left in the set: whether it has to wait all the same.</summary>
    bool WaitsForOlder => false;

    /// <summary>The link of the dormant queue.</summary>
    T? NextInTaskSet { get; set; }
}

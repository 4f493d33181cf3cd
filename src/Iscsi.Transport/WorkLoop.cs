namespace Iscsi.Transport;

/// <summary>
/// A thread that waits for its connections' sockets and runs what is posted to it, one item after the other. Nothing on it may
/// block: everything else of the thread would wait.
/// </summary>
public abstract class WorkLoop
{
    [ThreadStatic] private static WorkLoop? t_current;

    private protected WorkLoop()
    {
    }

    /// <summary>Whether the calling thread is this loop's.</summary>
    public bool IsCurrent => ReferenceEquals(t_current, this);

    /// <summary>Whether the calling thread is any loop's: then it must not block.</summary>
    public static bool IsOnLoop => t_current is not null;

    /// <summary>
    /// Says that a peer answers at once what was just sent to it. The loop looks for that for a moment, at most some 50 µs, before it sleeps: to be woken
    /// takes longer than a step of a login. A hint, for short conversations; on the loop's thread.
    /// </summary>
    public virtual void ExpectInput()
    {
    }

    /// <summary>Runs an item on the loop's thread, later and not on this stack. Any thread; never blocks; no system call where the loop is awake.</summary>
    internal abstract void Queue(IThreadPoolWorkItem item);

    private protected static void SetCurrent(WorkLoop? loop) => t_current = loop;
}

namespace Iscsi.Transport;

/// <summary>
/// Decides, for simulations, how the bytes of an in-memory connection arrive and on what the completions run. Called from both ends;
/// deterministic when the simulation drives both from one thread.
/// </summary>
public abstract class InMemoryTransportScheduler
{
    /// <summary>How many of the bytes that are there the next read gets.</summary>
    /// <param name="reader">The reading end.</param>
    /// <param name="availableBytes">What is there, 1 or more.</param>
    /// <returns>
    /// 1 to <paramref name="availableBytes"/>; or 0: reads wait, whatever arrives, until
    /// <see cref="InMemoryConnection.ResumeReading"/>. It is called with a lock of the connection held and must not call back into it.
    /// </returns>
    public abstract int NextReadBytes(InMemoryConnection reader, int availableBytes);

    /// <summary>What a pinned connection says its loop is; null, the default: it has none.</summary>
    public virtual WorkLoop? Loop => null;

    /// <summary>Runs a completion, later and not on this stack. Default: on the thread pool.</summary>
    /// <param name="completion">Executed exactly once.</param>
    public virtual void Post(IThreadPoolWorkItem completion) => ThreadPool.UnsafeQueueUserWorkItem(completion, preferLocal: false);
}

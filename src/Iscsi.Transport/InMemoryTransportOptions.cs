namespace Iscsi.Transport;

/// <summary>How an in-memory connection is set up.</summary>
public sealed record InMemoryTransportOptions
{
    /// <summary>Bytes that each direction holds before a send waits. 1 or more; default 256 KiB.</summary>
    public int RingBytes { get; init; } = 256 * 1024;

    /// <summary>Decides how bytes arrive; null (the default): all that are there, completions on the thread pool.</summary>
    public InMemoryTransportScheduler? Scheduler { get; init; }
}

namespace Iscsi.Transport;

/// <summary>How event loops are set up.</summary>
public sealed record EventLoopOptions
{
    /// <summary>The greatest number of loops.</summary>
    public const int MaxCount = 256;

    /// <summary>Threads. 1 to 256; default one a processor.</summary>
    public int Count { get; init; } = Math.Clamp(Environment.ProcessorCount, 1, MaxCount);

    /// <summary>
    /// How long a loop that has run out of work looks for more before it sleeps. Saves the wake-up, costs a processor that is never idle for
    /// longer. 0 to 10 ms; default 0: sleep at once.
    /// </summary>
    public TimeSpan BusyPoll { get; init; }
}

namespace Iscsi.Transport;

/// <summary>How sockets are set up. The receive and send buffers are left to the kernel's autotuning: fixed sizes measured 2 to 5 times slower.</summary>
public sealed record SocketTransportOptions
{
    /// <summary>Connections that the kernel keeps until they are accepted. Default 512.</summary>
    public int Backlog { get; init; } = 512;

    /// <summary>Sends small segments at once (TCP_NODELAY). Default true: a batch is one send already, so nothing is gained by waiting.</summary>
    public bool NoDelay { get; init; } = true;

    /// <summary>
    /// The event loops that connections are given to, on 64-bit Linux. Null, the default: <see cref="EventLoops.Shared"/>. Other systems have
    /// none, and wait by the framework's sockets.
    /// </summary>
    public EventLoops? Loops { get; init; }

    /// <summary>Uses the framework's calls on Linux too, so that the portable path can be tested there.</summary>
    internal bool Portable { get; init; }
}

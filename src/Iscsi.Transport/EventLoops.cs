using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Iscsi.Transport;

/// <summary>
/// The event loops of Linux: threads that wait for sockets by epoll, each for the connections that were given to it. A connection stays with
/// its loop, so all of a session runs on one thread and a request that can complete at once never changes it.
/// </summary>
public sealed class EventLoops : IDisposable
{
    private static readonly Lazy<EventLoops> LazyShared = new(static () => new EventLoops());

    private readonly Lock _lock = new();
    private readonly EpollLoop?[] _loops;
    private readonly TimeSpan _busyPoll;
    private int _next;
    private bool _disposed;

    /// <summary>Prepares loops; a thread starts with its first connection.</summary>
    /// <param name="options">How many, and whether they poll; null for the defaults.</param>
    /// <exception cref="PlatformNotSupportedException">This is not Linux: there the framework's sockets are used.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An option is outside its range.</exception>
    public EventLoops(EventLoopOptions? options = null)
    {
        if (!IsSupported) throw new PlatformNotSupportedException("Event loops need 64-bit Linux.");
        options ??= new EventLoopOptions();
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Count, 1, nameof(options));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.Count, EventLoopOptions.MaxCount, nameof(options));
        ArgumentOutOfRangeException.ThrowIfLessThan(options.BusyPoll, TimeSpan.Zero, nameof(options));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.BusyPoll, TimeSpan.FromMilliseconds(10), nameof(options));
        _busyPoll = options.BusyPoll;
        _loops = new EpollLoop?[options.Count];
    }

    /// <summary>Whether this system has them.</summary>
    [SupportedOSPlatformGuard("linux")]
    public static bool IsSupported { get; } =
        OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture is Architecture.X64 or Architecture.Arm64;

    /// <summary>The loops of the process, one a processor, for all who name no others. They are never disposed.</summary>
    public static EventLoops Shared => LazyShared.Value;

    /// <summary>The number of loops.</summary>
    public int Count => _loops.Length;

    /// <summary>Ends the threads. What is still connected over them gets no further: dispose the connections first.</summary>
    public void Dispose()
    {
        if (ReferenceEquals(this, LazyShared.IsValueCreated ? LazyShared.Value : null)) return;
        lock (_lock)
        {
            if (_disposed) return;
            _disposed = true;
            foreach (var loop in _loops)
                if (IsSupported) loop?.Stop();
        }
    }

    /// <summary>The loop that waits for connections to come.</summary>
    [SupportedOSPlatform("linux")]
    internal EpollLoop ForListener()
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            return _loops[0] ??= new EpollLoop(0, _busyPoll);
        }
    }

    /// <summary>
    /// The loop for a new connection: the one with the fewest; among equals the one that accepts, which then wakes no other, else in turn.
    /// </summary>
    [SupportedOSPlatform("linux")]
    internal EpollLoop Assign()
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            var first = _next;
            for (var i = 0; i < _loops.Length; i++)
                if (_loops[i] is { IsCurrent: true }) first = i;
            var best = first;
            for (var i = 0; i < _loops.Length; i++)
            {
                var index = (first + i) % _loops.Length;
                if ((_loops[index]?.SourceCount ?? 0) < (_loops[best]?.SourceCount ?? 0)) best = index;
            }
            _next = (best + 1) % _loops.Length;
            return _loops[best] ??= new EpollLoop(best, _busyPoll);
        }
    }
}

using System.Net.Sockets;
using System.Runtime.Versioning;
using System.Threading.Tasks.Sources;

namespace Iscsi.Transport;

/// <summary>
/// Waits on a loop until a listening socket has a connection. The framework's accept goes through a thread of its own and one of the pool, which
/// then spins for more: half of the processor time of a login.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class EpollAcceptor : IValueTaskSource, IThreadPoolWorkItem
{
    private readonly Socket _socket;
    private readonly EpollLoop _loop;
    private readonly Source _source;
    private readonly int _fd;
    private ManualResetValueTaskSourceCore<bool> _wake;
    private int _edges;
    private int _isWaiting;
    private int _closed;

    /// <summary>Takes a listening socket over; from now on only <see cref="Close"/> may close it.</summary>
    /// <exception cref="IOException">The loop can't take it.</exception>
    public EpollAcceptor(Socket socket, EpollLoop loop)
    {
        _socket = socket;
        _loop = loop;
        _fd = (int)socket.SafeHandle.DangerousGetHandle();
        _source = new Source(this);
        socket.Blocking = false;
        loop.Add(_fd, _source, EpollCalls.In);
    }

    /// <summary>Ends when there is a connection, or when it was closed; on the loop's thread. One call at a time, one accept after each.</summary>
    public async ValueTask WaitAsync()
    {
        // What is there already is taken in another turn of the loop: its connections have theirs between two.
        var edges = Volatile.Read(ref _edges);
        if (IsReadable()) _loop.Queue(this);
        do
        {
            await WaitForEdgeAsync(edges).ConfigureAwait(false);
            edges = Volatile.Read(ref _edges);
        }
        while (!IsReadable());
    }

    /// <summary>Closes the socket; who waits is told. Idempotent.</summary>
    public void Close()
    {
        if (Interlocked.Exchange(ref _closed, 1) != 0) return;
        _loop.Remove(_fd, _source);
        _socket.Dispose();
        _loop.Queue(this);
    }

    void IThreadPoolWorkItem.Execute() => OnEdge();

    void IValueTaskSource.GetResult(short token) => _wake.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _wake.GetStatus(token);

    void IValueTaskSource.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _wake.OnCompleted(continuation, state, token, flags);

    // An edge may be of a connection that was accepted already.
    private bool IsReadable()
    {
        try
        {
            return Volatile.Read(ref _closed) != 0 || _socket.Poll(0, SelectMode.SelectRead);
        }
        catch (ObjectDisposedException)
        {
            return true;
        }
    }

    private ValueTask WaitForEdgeAsync(int seen)
    {
        _wake.Reset();
        var version = _wake.Version;
        Interlocked.Exchange(ref _isWaiting, 1);
        // An edge that came in between either takes the wait, and completes it, or we do.
        if (Volatile.Read(ref _edges) != seen && Interlocked.Exchange(ref _isWaiting, 0) != 0) return ValueTask.CompletedTask;
        return new ValueTask(this, version);
    }

    private void OnEdge()
    {
        Interlocked.Increment(ref _edges);
        if (Interlocked.Exchange(ref _isWaiting, 0) != 0) _wake.SetResult(true);
    }

    private sealed class Source(EpollAcceptor acceptor) : EpollSource
    {
        public override bool IsConnection => false;

        public override void OnEvents(uint events) => acceptor.OnEdge();
    }
}

using System.Net.Sockets;
using System.Runtime.Versioning;
using System.Threading.Tasks.Sources;

namespace Iscsi.Transport;

/// <summary>
/// Accepts on a loop. The framework's accept goes through a thread of its own and one of the pool, which then spins for more: half of the
/// processor time of a login.
/// </summary>
/// <remarks>
/// The listening socket is level-triggered: as long as there are connections, each turn of the loop tells so, and one of them is accepted; so the
/// ones that are open have their turns in between, and no call is made to learn that there is none.
/// </remarks>
[SupportedOSPlatform("linux")]
internal sealed class EpollAcceptor : EpollSource, IValueTaskSource<ITransportConnection?>
{
    private readonly Lock _gate = new();
    private readonly Socket _socket;
    private readonly EventLoops _loops;
    private readonly EpollLoop _loop;
    private readonly int _fd;
    private CancellationTokenRegistration _registration;
    private ManualResetValueTaskSourceCore<ITransportConnection?> _result;
    private bool _isWaiting;
    private bool _isMuted; // connections came while nobody waited: not told again before somebody does
    private bool _isClosed;

    /// <summary>Takes a listening socket over; from now on only <see cref="Close"/> may close it.</summary>
    /// <param name="socket">The socket.</param>
    /// <param name="loops">Where connections go.</param>
    /// <param name="isPinned">Whether accepts complete on the loop's thread; else on the thread pool.</param>
    /// <exception cref="IOException">The loop can't take it.</exception>
    public EpollAcceptor(Socket socket, EventLoops loops, bool isPinned)
    {
        _result.RunContinuationsAsynchronously = !isPinned;
        _socket = socket;
        _loops = loops;
        _loop = loops.ForListener();
        _fd = (int)socket.SafeHandle.DangerousGetHandle();
        socket.Blocking = false;
        _loop.Add(_fd, this, EpollCalls.In);
    }

    public override bool IsConnection => false;

    /// <summary>The next connection; null when it was closed. One call at a time.</summary>
    /// <exception cref="IOException">The system lacks what a connection takes.</exception>
    public ValueTask<ITransportConnection?> AcceptAsync(CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested) return ValueTask.FromCanceled<ITransportConnection?>(cancellationToken);
        short version;
        lock (_gate)
        {
            if (_isClosed) return default;
            if (_isWaiting) throw new InvalidOperationException("An accept is outstanding.");
            _result.Reset();
            version = _result.Version;
            _isWaiting = true;
            if (_isMuted) _loop.Change(_fd, this, EpollCalls.In);
            _isMuted = false;
        }
        if (cancellationToken.CanBeCanceled)
            _registration = cancellationToken.UnsafeRegister(static (state, token) => ((EpollAcceptor)state!).Cancel(token), this);
        return new(this, version);
    }

    /// <summary>Closes the socket; who waits is told, on the loop. Idempotent.</summary>
    public void Close()
    {
        lock (_gate)
        {
            if (_isClosed) return;
            _isClosed = true;
            _loop.Remove(_fd, this);
            _socket.Dispose();
            if (!_isWaiting) return;
        }
        _loop.Queue(new CloseNotice(this));
    }

    public override void OnEvents(uint events)
    {
        ITransportConnection? connection = null;
        IOException? error = null;
        lock (_gate)
        {
            if (_isClosed) return;
            if (!_isWaiting)
            {
                _isMuted = true;
                _loop.Change(_fd, this, 0);
                return;
            }
            try
            {
                connection = Accept();
                if (connection is null) return;
            }
            catch (IOException exception)
            {
                error = new IOException($"Can't accept on {_socket.LocalEndPoint}: {exception.Message}", exception);
            }
            _isWaiting = false;
        }
        if (error is null) _result.SetResult(connection);
        else _result.SetException(error);
    }

    ITransportConnection? IValueTaskSource<ITransportConnection?>.GetResult(short token)
    {
        _registration.Dispose();
        _registration = default;
        return _result.GetResult(token);
    }

    ValueTaskSourceStatus IValueTaskSource<ITransportConnection?>.GetStatus(short token) => _result.GetStatus(token);

    void IValueTaskSource<ITransportConnection?>.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _result.OnCompleted(continuation, state, token, flags);

    private EpollConnection? Accept()
    {
        var handle = LinuxSocket.Accept(_socket.SafeHandle, out var remote);
        if (handle is null) return null;
        try
        {
            return new EpollConnection(handle, remote, _loops.Assign());
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    private bool TryEndWait()
    {
        lock (_gate)
        {
            var isWaiting = _isWaiting;
            _isWaiting = false;
            return isWaiting;
        }
    }

    private void Cancel(CancellationToken cancellationToken)
    {
        if (TryEndWait()) _result.SetException(new OperationCanceledException(cancellationToken));
    }

    private sealed class CloseNotice(EpollAcceptor acceptor) : IThreadPoolWorkItem
    {
        public void Execute()
        {
            if (acceptor.TryEndWait()) acceptor._result.SetResult(null);
        }
    }
}

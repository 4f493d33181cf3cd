using System.Net;
using System.Net.Sockets;
using System.Runtime.Versioning;
using Iscsi.Protocol;

namespace Iscsi.Transport;

/// <summary>
/// A TCP connection on an event loop of ours. The loop tells that something has changed; bytes move by non-blocking calls, on whatever
/// thread asks for them.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class EpollConnection : TransportConnection
{
    // Unread bytes at close make the kernel send a reset, which can overtake our last PDU: read away this much of them.
    private const int MaxDrainBytes = 16 * 1024;

    private readonly Socket _socket;
    private readonly SafeSocketHandle _handle;
    private readonly EpollLoop _loop;
    private readonly Source _source;
    private readonly Completion _readable;
    private readonly Completion _writable;
    private readonly IThreadPoolWorkItem _closeNotice;
    private volatile bool _isPinned;
    private volatile bool _hasHungUp;
    private int _closed;

    // Readiness is a number of edges: what was looked at under an older number than the newest must be looked at again.
    private Readiness _reading;
    private Readiness _writing;

    /// <summary>Takes a connected socket over.</summary>
    /// <exception cref="IOException">The loop can't take it.</exception>
    public EpollConnection(Socket socket, EpollLoop loop)
    {
        _socket = socket;
        socket.Blocking = false; // for sendfile, which has no flag that says so call by call
        _handle = socket.SafeHandle;
        _loop = loop;
        LocalEndPoint = socket.LocalEndPoint;
        RemoteEndPoint = socket.RemoteEndPoint;
        _readable = new Completion(this, isReader: true);
        _writable = new Completion(this, isReader: false);
        _closeNotice = new CloseNotice(this);
        _source = new Source(this);
        _reading.Edges = 1;
        _writing.Edges = 1;
        loop.Add((int)_handle.DangerousGetHandle(), _source);
    }

    public override EndPoint? RemoteEndPoint { get; }

    public override EndPoint? LocalEndPoint { get; }

    public override WorkLoop? Pin()
    {
        _isPinned = true;
        return _loop;
    }

    public override bool SendsFiles => true;

    public override int UnacknowledgedBytes
    {
        get
        {
            try
            {
                return LinuxSocket.UnacknowledgedBytes(_handle);
            }
            catch (ObjectDisposedException)
            {
                return 0;
            }
        }
    }

    public override void Abort(ConnectionEndReason reason)
    {
        if (Interlocked.Exchange(ref _closed, 1) != 0) return;
        if (reason == ConnectionEndReason.PeerNotReading) TrySocket(static socket => socket.LingerState = new LingerOption(true, 0));
        Close();
    }

    internal override int TryReceive(ReadOnlySpan<Memory<byte>> runs, int offsetBytes)
    {
        var edges = Volatile.Read(ref _reading.Edges);
        if (_reading.DrainedAt == edges) return Volatile.Read(ref _closed) != 0 ? 0 : WouldBlock;
        try
        {
            var received = LinuxSocket.Receive(_handle, runs, offsetBytes, out var isDrained);
            // After a short receive the next byte makes a new edge, so the call that would find nothing is saved. The end of the stream, told by
            // an edge that has come already, makes none.
            if (isDrained && (received == WouldBlock || (received > 0 && !_hasHungUp))) _reading.DrainedAt = edges;
            return received;
        }
        catch (ObjectDisposedException)
        {
            return 0;
        }
    }

    internal override bool WaitReadable() => _reading.TryWait();

    internal override int TrySend(ReadOnlySpan<ReadOnlyMemory<byte>> segments, int offsetBytes, bool moreFollows)
    {
        var edges = Volatile.Read(ref _writing.Edges);
        try
        {
            var sent = LinuxSocket.Send(_handle, segments, offsetBytes, moreFollows);
            if (sent == WouldBlock) _writing.DrainedAt = edges;
            return sent;
        }
        catch (ObjectDisposedException)
        {
            throw Closed();
        }
    }

    internal override int TrySendFile(in OutboundFile file)
    {
        var edges = Volatile.Read(ref _writing.Edges);
        try
        {
            var sent = LinuxSocket.SendFile(_handle, file);
            if (sent == WouldBlock) _writing.DrainedAt = edges;
            return sent;
        }
        catch (ObjectDisposedException)
        {
            throw Closed();
        }
    }

    internal override bool WaitWritable(ReadOnlySpan<ReadOnlyMemory<byte>> segments, int offsetBytes, out int sent)
    {
        sent = 0;
        return _writing.TryWait();
    }

    internal override void ShutdownSend() => TrySocket(static socket => socket.Shutdown(SocketShutdown.Send));

    private protected override void CloseGracefully()
    {
        if (Interlocked.Exchange(ref _closed, 1) != 0) return;
        ShutdownSend();
        LinuxSocket.Discard(_handle, MaxDrainBytes);
        Close();
    }

    private void Close()
    {
        // The number is still ours: who closed first comes here, and nobody else does.
        _loop.Remove((int)_handle.DangerousGetHandle(), _source);
        _socket.Dispose();
        // Who waits is told that there is something new: the end.
        _loop.Queue(_closeNotice);
    }

    private void OnEvents(uint events)
    {
        const uint end = EpollCalls.HangUp | EpollCalls.Error;
        if ((events & (end | EpollCalls.ReadHangUp)) != 0) _hasHungUp = true;
        if ((events & (EpollCalls.In | EpollCalls.ReadHangUp | end)) != 0 && _reading.TakeEdge()) Complete(_readable);
        if ((events & (EpollCalls.Out | end)) != 0 && _writing.TakeEdge()) Complete(_writable);
    }

    private void Complete(Completion completion)
    {
        if (_isPinned) completion.Execute();
        else ThreadPool.UnsafeQueueUserWorkItem(completion, preferLocal: false);
    }

    private void TrySocket(Action<Socket> action)
    {
        try
        {
            action(_socket);
        }
        catch (Exception exception) when (exception is ObjectDisposedException or SocketException)
        {
            // It is being closed, or the peer has closed it: what was tried is moot.
        }
    }

    // One direction. The loop counts edges; the one who moves bytes remembers under which count nothing was left to do, and waits.
    private struct Readiness
    {
        public int Edges;
        public int DrainedAt;
        private int _isWaiting;

        /// <summary>Waits for the next edge.</summary>
        /// <returns>False when it has come.</returns>
        public bool TryWait()
        {
            Interlocked.Exchange(ref _isWaiting, 1);
            if (Volatile.Read(ref Edges) == DrainedAt) return true;
            // An edge came in between: either it takes the wait, and completes it, or we do.
            return Interlocked.Exchange(ref _isWaiting, 0) == 0;
        }

        /// <summary>An edge.</summary>
        /// <returns>Whether somebody waits for it.</returns>
        public bool TakeEdge()
        {
            Interlocked.Increment(ref Edges);
            return Volatile.Read(ref _isWaiting) != 0 && Interlocked.Exchange(ref _isWaiting, 0) != 0;
        }
    }

    private sealed class Source(EpollConnection connection) : EpollSource
    {
        public override void OnEvents(uint events) => connection.OnEvents(events);
    }

    private sealed class CloseNotice(EpollConnection connection) : IThreadPoolWorkItem
    {
        public void Execute() => connection.OnEvents(EpollCalls.In | EpollCalls.Out | EpollCalls.HangUp);
    }

    private sealed class Completion(EpollConnection connection, bool isReader) : IThreadPoolWorkItem
    {
        public void Execute()
        {
            if (isReader) connection.Receiver.OnReadable();
            else connection.Sender.OnWritable(0, null);
        }
    }
}

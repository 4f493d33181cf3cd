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

    private const uint Watched = EpollCalls.In | EpollCalls.ReadHangUp | EpollCalls.EdgeTriggered;

    private readonly SocketDescriptor _handle;
    private readonly EpollLoop _loop;
    private readonly Source _source;
    private readonly Completion _readable;
    private readonly Completion _writable;
    private EndPoint? _local;
    private volatile bool _isPinned;
    private volatile bool _hasHungUp;
    private bool _isOutWatched;
    private bool _isHoldingBack; // the last send said that more follows
    private int _closed;

    // Readiness is a number of edges: what was looked at under an older number than the newest must be looked at again.
    private Readiness _reading;
    private Readiness _writing;

    /// <summary>Takes a connected, non-blocking socket over: sendfile has no flag that says so call by call.</summary>
    /// <exception cref="IOException">The loop can't take it.</exception>
    public EpollConnection(SocketDescriptor handle, EndPoint? remote, EpollLoop loop)
    {
        _handle = handle;
        _loop = loop;
        RemoteEndPoint = remote;
        _readable = new Completion(this, isReader: true);
        _writable = new Completion(this, isReader: false);
        _source = new Source(this);
        _reading.Edges = 1;
        _writing.Edges = 1;
        // Not for Out: nearly every connection is writable whenever it is asked, and that is no news. Who has to wait asks for it.
        loop.Add((int)handle.DangerousGetHandle(), _source, Watched);
    }

    public override EndPoint? RemoteEndPoint { get; }

    /// <summary>Asked for when it is first needed, which for most connections is never; null then if the connection is closed.</summary>
    public override EndPoint? LocalEndPoint
    {
        get
        {
            try
            {
                return _local ??= LinuxSocket.LocalEndPoint(_handle);
            }
            catch (ObjectDisposedException)
            {
                return null;
            }
        }
    }

    /// <summary>The socket.</summary>
    internal SocketDescriptor Handle => _handle;

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
        if (reason == ConnectionEndReason.LoggedOut)
        {
            CloseGracefully();
            return;
        }
        if (Interlocked.Exchange(ref _closed, 1) != 0) return;
        if (reason == ConnectionEndReason.PeerNotReading) LinuxSocket.ResetOnClose(_handle);
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
            _isHoldingBack = moreFollows;
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
        if (!_isOutWatched) WatchOut();
        return _writing.TryWait();
    }

    internal override void ShutdownSend()
    {
        try
        {
            LinuxSocket.ShutdownSend(_handle);
        }
        catch (ObjectDisposedException)
        {
            // It is closed: what was tried is moot.
        }
    }

    private protected override void CloseGracefully()
    {
        if (Interlocked.Exchange(ref _closed, 1) != 0) return;
        // What was held back leaves together with the end. Closing alone would send both too, but a reset instead where something unread has come.
        if (_isHoldingBack) LinuxSocket.ShutdownSend(_handle);
        // What the last receive has left nothing of, and no edge has told of since, needs no look.
        if (_reading.DrainedAt != Volatile.Read(ref _reading.Edges)) LinuxSocket.Discard(_handle, MaxDrainBytes);
        Close();
    }

    private void Close()
    {
        // Closing a socket takes it out of the epoll set, at the latest when a program that is being started has dropped its copy; of what
        // is told until then nobody is found.
        _loop.Forget(_source);
        _handle.Dispose();
        // Who waits is told that there is something new: the end.
        _hasHungUp = true;
        if (_reading.TakeEdge()) Queue(_readable);
        if (_writing.TakeEdge()) Queue(_writable);
    }

    // The change tells how it is now: the edge that is waited for comes also if there is room again already.
    private void WatchOut()
    {
        var isHeld = false;
        try
        {
            _handle.DangerousAddRef(ref isHeld);
            _loop.Change((int)_handle.DangerousGetHandle(), _source, Watched | EpollCalls.Out);
            _isOutWatched = true;
        }
        catch (ObjectDisposedException)
        {
            throw Closed();
        }
        finally
        {
            if (isHeld) _handle.DangerousRelease();
        }
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

    // Not on the stack of who closes.
    private void Queue(Completion completion)
    {
        if (_isPinned) _loop.Queue(completion);
        else ThreadPool.UnsafeQueueUserWorkItem(completion, preferLocal: false);
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

    private sealed class Completion(EpollConnection connection, bool isReader) : IThreadPoolWorkItem
    {
        public void Execute()
        {
            if (isReader) connection.Receiver.OnReadable();
            else connection.Sender.OnWritable(0, null);
        }
    }
}

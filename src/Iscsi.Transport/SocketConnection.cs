using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Iscsi.Protocol;

namespace Iscsi.Transport;

/// <summary>A TCP connection by the framework's non-allocating calls: for systems without <see cref="EventLoops"/>.</summary>
public sealed class SocketConnection : TransportConnection
{
    // Unread bytes at close make the kernel send a reset, which can overtake our last PDU: read away this much of them.
    private const int DrainRounds = 16;

    // Segments of one call of the framework.
    private const int MaxGather = 64;

    private readonly Socket _socket;
    private readonly Waiter _readable;
    private readonly Waiter _writable;
    private readonly List<ArraySegment<byte>> _gather = new(MaxGather);
    private int _closed;

    internal SocketConnection(Socket socket)
    {
        _socket = socket;
        LocalEndPoint = socket.LocalEndPoint;
        RemoteEndPoint = socket.RemoteEndPoint;
        _readable = new Waiter(this, isReader: true);
        _writable = new Waiter(this, isReader: false);
    }

    /// <inheritdoc/>
    public override EndPoint? RemoteEndPoint { get; }

    /// <inheritdoc/>
    public override EndPoint? LocalEndPoint { get; }

    /// <summary>
    /// Closes at once. For a peer that does not read, what the kernel still holds for it is dropped (a reset); else the kernel goes
    /// on delivering what it has taken.
    /// </summary>
    /// <param name="reason">Why.</param>
    public override void Abort(ConnectionEndReason reason)
    {
        if (reason == ConnectionEndReason.LoggedOut)
        {
            CloseGracefully();
            return;
        }
        if (Interlocked.Exchange(ref _closed, 1) != 0) return;
        if (reason == ConnectionEndReason.PeerNotReading) TrySocket(static socket => socket.LingerState = new LingerOption(true, 0));
        _socket.Dispose();
    }

    internal override int TryReceive(ReadOnlySpan<Memory<byte>> runs, int offsetBytes)
    {
        try
        {
            if (!_socket.Poll(0, SelectMode.SelectRead)) return WouldBlock;
            var received = _socket.Receive(runs[0].Span[offsetBytes..], SocketFlags.None, out var error);
            return error == SocketError.WouldBlock ? WouldBlock : error == SocketError.Success ? received : 0;
        }
        catch (Exception exception) when (exception is ObjectDisposedException or SocketException)
        {
            return 0;
        }
    }

    // An empty receive completes when there is something to receive, without taking it.
    internal override bool WaitReadable()
    {
        try
        {
            return _socket.ReceiveAsync(_readable);
        }
        catch (ObjectDisposedException)
        {
            return false; // the next TryReceive says that it is closed
        }
    }

    internal override int TrySend(ReadOnlySpan<ReadOnlyMemory<byte>> segments, int offsetBytes, bool moreFollows) => WouldBlock; // the wait sends

    internal override bool WaitWritable(ReadOnlySpan<ReadOnlyMemory<byte>> segments, int offsetBytes, out int sent)
    {
        sent = 0;
        try
        {
            SetSendBuffers(segments, offsetBytes);
            if (_socket.SendAsync(_writable)) return true;
        }
        catch (ObjectDisposedException)
        {
            throw Closed();
        }
        if (Failure(_writable) is { } failure) throw failure;
        sent = _writable.BytesTransferred;
        return false;
    }

    internal override void ShutdownSend() => TrySocket(static socket => socket.Shutdown(SocketShutdown.Send));

    private protected override void CloseGracefully()
    {
        if (Interlocked.Exchange(ref _closed, 1) != 0) return;
        ShutdownSend();
        TrySocket(static socket =>
        {
            Span<byte> scrap = stackalloc byte[1024];
            for (var i = 0; i < DrainRounds && socket.Available > 0; i++) socket.Receive(scrap);
        });
        _socket.Dispose();
    }

    private protected override void ReleaseResources()
    {
        _readable.Dispose();
        _writable.Dispose();
    }

    private static IOException? Failure(SocketAsyncEventArgs args) => args.SocketError switch
    {
        SocketError.Success when args.BytesTransferred > 0 => null,
        SocketError.Success or SocketError.OperationAborted => Closed(),
        var error => new IOException($"The connection failed: {new SocketException((int)error).Message}."),
    };

    private void SetSendBuffers(ReadOnlySpan<ReadOnlyMemory<byte>> segments, int offsetBytes)
    {
        // One call for header and data, so that they share packets. Memory that is no array goes alone.
        var firstOffset = offsetBytes;
        _gather.Clear();
        foreach (var segment in segments)
        {
            if (_gather.Count == MaxGather || !MemoryMarshal.TryGetArray(segment[offsetBytes..], out var part)) break;
            _gather.Add(part);
            offsetBytes = 0;
        }
        if (_gather.Count > 1)
        {
            _writable.SetBuffer(default(Memory<byte>));
            _writable.BufferList = _gather;
            return;
        }
        if (_writable.BufferList is not null) _writable.BufferList = null;
        _writable.SetBuffer(MemoryMarshal.AsMemory(segments[0][firstOffset..]));
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

    // True: the execution context is not captured.
    private sealed class Waiter(SocketConnection connection, bool isReader) : SocketAsyncEventArgs(true)
    {
        protected override void OnCompleted(SocketAsyncEventArgs e)
        {
            if (isReader) connection.Receiver.OnReadable();
            else connection.Sender.OnWritable(BytesTransferred, Failure(this));
        }
    }
}

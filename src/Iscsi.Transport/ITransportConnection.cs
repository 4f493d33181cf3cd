using System.IO.Pipelines;
using System.Net;
using Iscsi.Protocol;
using Reservations;

namespace Iscsi.Transport;

/// <summary>
/// A byte stream to a peer. One reader and one writer at a time. <see cref="IDuplexPipe.Input"/> reads into memory the connection was
/// given (see <see cref="AttachReceiveMemory"/>); full-feature traffic leaves through <see cref="SendAsync"/>.
/// </summary>
public interface ITransportConnection : IDuplexPipe, IAsyncDisposable
{
    /// <summary>The peer's address, for logs and access rules; null for the in-memory transport.</summary>
    EndPoint? RemoteEndPoint { get; }

    /// <summary>Our address.</summary>
    EndPoint? LocalEndPoint { get; }

    /// <summary>
    /// Gives the connection the memory that <see cref="IDuplexPipe.Input"/> receives into, pinned and at least 512 bytes; called before the first
    /// read, and again when a larger one replaces it (what is unconsumed, which must fit, is copied). It stays in use until the
    /// next call or until <see cref="IAsyncDisposable.DisposeAsync"/> has ended.
    /// </summary>
    void AttachReceiveMemory(BlockList memory);

    /// <summary>
    /// Receives straight into <paramref name="destination"/>. Legal only when Input is drained and no read is outstanding. Some of what follows
    /// may be received into Input's memory at the same time.
    /// </summary>
    /// <returns>Bytes received, from 1 to the list's length; 0 when the peer has closed its side.</returns>
    ValueTask<int> ReceiveIntoAsync(BlockList destination, CancellationToken cancellationToken = default);

    /// <summary>Sends all of a batch, in one gather-send where the socket takes it. One at a time. Completes when the socket has taken every byte.</summary>
    /// <exception cref="IOException">The connection failed or was aborted.</exception>
    ValueTask SendAsync(OutboundBatch batch, CancellationToken cancellationToken = default);

    /// <summary>
    /// Whether <see cref="SendAsync"/> takes parts of files (<see cref="OutboundBatch.Add(in OutboundFile)"/>). Default: no, whoever has a file
    /// reads it into memory first.
    /// </summary>
    bool SendsFiles => false;

    /// <summary>
    /// Bytes that <see cref="SendAsync"/> has taken and the peer has not acknowledged; 0 where that is not known. Those that are a part of a file are
    /// still read from it, whenever they are sent or have to be repeated.
    /// </summary>
    int UnacknowledgedBytes => 0;

    /// <summary>Ends the connection at once: pending reads complete as closed, pending sends fail. Any thread; idempotent; never throws.</summary>
    void Abort(ConnectionEndReason reason);

    /// <summary>
    /// Lets completions come on the thread of the loop that the connection belongs to, instead of the thread pool's. Who calls it promises
    /// that nothing that follows a completion blocks. Call it while no operation is outstanding; it can't be taken back.
    /// </summary>
    /// <returns>The loop; null when the transport has none: nothing changes then.</returns>
    WorkLoop? Pin() => null;
}

/// <summary>Accepts connections.</summary>
public interface ITransportListener : IAsyncDisposable
{
    /// <summary>Where it listens, with the port that was chosen when 0 was asked for.</summary>
    EndPoint LocalEndPoint { get; }

    /// <summary>The next connection; null once the listener is disposed. One call at a time.</summary>
    /// <exception cref="IOException">The system lacks what a connection takes; a later call may find it.</exception>
    ValueTask<ITransportConnection?> AcceptAsync(CancellationToken cancellationToken = default);

    /// <summary>
    /// Lets <see cref="AcceptAsync"/> complete on the thread of a loop, instead of the thread pool's, where the transport has loops. Who calls it
    /// promises that nothing that follows a completion blocks. Call it before the first accept; it can't be taken back.
    /// </summary>
    void Pin()
    {
    }
}

/// <summary>
/// Headers, blocks and parts of files that leave in one gather-send. Reused; filled by one owner; not touched between send and its
/// completion.
/// </summary>
public sealed class OutboundBatch
{
    private ReadOnlyMemory<byte>[] _segments;
    private OutboundFile[] _files = [];
    private int _count;

    /// <summary>Creates an empty batch.</summary>
    /// <param name="capacity">Segments it holds without growing.</param>
    public OutboundBatch(int capacity = 256) => _segments = new ReadOnlyMemory<byte>[capacity];

    /// <summary>The segments in order: pinned memory, or empty for a part of a file (<see cref="FileOf"/>).</summary>
    public ReadOnlySpan<ReadOnlyMemory<byte>> Segments => _segments.AsSpan(0, _count);

    /// <summary>Bytes in all segments.</summary>
    public long Length { get; private set; }

    /// <summary>Whether parts of files are among the segments.</summary>
    public bool HasFiles { get; private set; }

    /// <summary>
    /// Whether the connection is closed as soon as this was sent: the end then leaves with the last bytes, where the transport can do that. Who says so
    /// closes at once when the send has completed.
    /// </summary>
    internal bool IsLast { get; set; }

    /// <summary>Whether there is nothing to send.</summary>
    public bool IsEmpty => _count == 0;

    /// <summary>Appends pinned memory; empty memory is ignored.</summary>
    public void Add(ReadOnlyMemory<byte> segment)
    {
        if (segment.IsEmpty) return;
        if (_count == _segments.Length) Array.Resize(ref _segments, _count * 2);
        _segments[_count++] = segment;
        Length += segment.Length;
    }

    /// <summary>Appends a part of a list of blocks.</summary>
    public void Add(BlockList blocks, int offsetBytes, int lengthBytes)
    {
        ArgumentNullException.ThrowIfNull(blocks);
        foreach (var run in blocks.Runs)
        {
            if (lengthBytes == 0) return;
            if (offsetBytes >= run.Length)
            {
                offsetBytes -= run.Length;
                continue;
            }
            var take = Math.Min(lengthBytes, run.Length - offsetBytes);
            Add(run.Slice(offsetBytes, take));
            lengthBytes -= take;
            offsetBytes = 0;
        }
        if (lengthBytes != 0) throw new ArgumentOutOfRangeException(nameof(lengthBytes), "The part is not inside the list.");
    }

    /// <summary>Appends a part of a file; only for a transport that <see cref="ITransportConnection.SendsFiles"/>.</summary>
    public void Add(in OutboundFile file)
    {
        ArgumentNullException.ThrowIfNull(file.Handle, nameof(file));
        ArgumentOutOfRangeException.ThrowIfNegative(file.OffsetBytes, nameof(file));
        ArgumentOutOfRangeException.ThrowIfLessThan(file.LengthBytes, 1, nameof(file));
        if (_count == _segments.Length) Array.Resize(ref _segments, _count * 2);
        if (_files.Length != _segments.Length) Array.Resize(ref _files, _segments.Length);
        _segments[_count] = default;
        _files[_count++] = file;
        Length += file.LengthBytes;
        HasFiles = true;
    }

    /// <summary>The part of a file that a segment is.</summary>
    /// <param name="segment">Its place among <see cref="Segments"/>, where memory is empty.</param>
    public ref readonly OutboundFile FileOf(int segment) => ref _files[segment];

    /// <summary>Forgets all segments.</summary>
    public void Clear()
    {
        if (HasFiles) _files.AsSpan(0, _count).Clear();
        HasFiles = false;
        IsLast = false;
        _segments.AsSpan(0, _count).Clear();
        _count = 0;
        Length = 0;
    }
}

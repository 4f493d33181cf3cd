using System.IO.Pipelines;
using System.Net;
using Iscsi.Protocol;
using Reservations;

namespace Iscsi.Transport;

/// <summary>
/// What every transport shares: one receive side, one send side, the login writer. A transport adds four primitives: try to receive,
/// wait until something can be received, try to send, wait until something can be sent.
/// </summary>
public abstract class TransportConnection : ITransportConnection
{
    /// <summary>A primitive's answer: nothing can be moved now.</summary>
    internal const int WouldBlock = -1;

    private LoginPipeWriter? _writer; // made for who asks for it
    private int _disposed;

    private protected TransportConnection()
    {
        Receiver = new ReceiveChannel(this);
        Sender = new SendChannel(this);
    }

    /// <inheritdoc/>
    public abstract EndPoint? RemoteEndPoint { get; }

    /// <inheritdoc/>
    public abstract EndPoint? LocalEndPoint { get; }

    /// <summary>
    /// Reads into the attached memory. <see cref="PipeReader.TryRead"/> looks only at what is already in that memory and makes no system
    /// call. A connection that failed or was aborted reads as one that the peer closed.
    /// </summary>
    public PipeReader Input => Receiver;

    /// <summary>
    /// The writer of the login phase. Its buffer (8 KiB, at most 64 KiB between two flushes) exists from the first write until the
    /// first <see cref="SendAsync"/>. <see cref="PipeWriter.Complete"/> half-closes the connection: the peer reads what was sent and then
    /// the end, and reading goes on; call it while no send is outstanding.
    /// </summary>
    public PipeWriter Output => _writer ??= new LoginPipeWriter(this, Sender);

    internal ReceiveChannel Receiver { get; }

    internal SendChannel Sender { get; }

    /// <inheritdoc/>
    public void AttachReceiveMemory(BlockList memory) => Receiver.Attach(memory);

    /// <inheritdoc/>
    /// <remarks>Cancelling leaves the connection usable; no byte is lost and <paramref name="destination"/> is not touched afterwards.</remarks>
    public ValueTask<int> ReceiveIntoAsync(BlockList destination, CancellationToken cancellationToken = default) =>
        Receiver.ReceiveIntoAsync(destination, cancellationToken);

    /// <inheritdoc/>
    /// <remarks>
    /// The token is looked at before the first byte only: half a PDU can't be taken back. <see cref="Abort"/> ends a send that is stuck.
    /// </remarks>
    public ValueTask SendAsync(OutboundBatch batch, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(batch);
        _writer?.Release();
        return Sender.SendAsync(batch, cancellationToken);
    }

    /// <inheritdoc/>
    public abstract void Abort(ConnectionEndReason reason);

    /// <inheritdoc/>
    public virtual WorkLoop? Pin() => null;

    /// <inheritdoc/>
    public virtual bool SendsFiles => false;

    /// <inheritdoc/>
    public virtual int UnacknowledgedBytes => 0;

    /// <summary>
    /// Tells the peer that nothing more will come, closes, and waits until pending operations have ended. What was sent before is
    /// still delivered.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
        CloseGracefully();
        await Receiver.WhenIdleAsync().ConfigureAwait(false);
        await Sender.WhenIdleAsync().ConfigureAwait(false);
        ReleaseResources();
        GC.SuppressFinalize(this);
    }

    /// <summary>Receives what is there into the runs, beginning <paramref name="offsetBytes"/> into the first one.</summary>
    /// <returns>Bytes, 0 when the peer closed or the connection failed, or <see cref="WouldBlock"/>.</returns>
    internal abstract int TryReceive(ReadOnlySpan<Memory<byte>> runs, int offsetBytes);

    /// <summary>Arranges one call of <see cref="ReceiveChannel.OnReadable"/>, never on this stack.</summary>
    /// <returns>False when there is something to receive already: then no call comes.</returns>
    internal abstract bool WaitReadable();

    /// <summary>Sends what the transport takes at once, beginning <paramref name="offsetBytes"/> into the first segment.</summary>
    /// <param name="segments">What to send.</param>
    /// <param name="offsetBytes">Where it begins in the first one.</param>
    /// <param name="moreFollows">More is sent right afterwards: a last packet that is not full may wait for it.</param>
    /// <returns>Bytes taken, 1 or more, or <see cref="WouldBlock"/>.</returns>
    /// <exception cref="IOException">The connection failed.</exception>
    internal abstract int TrySend(ReadOnlySpan<ReadOnlyMemory<byte>> segments, int offsetBytes, bool moreFollows);

    /// <summary>Sends what the transport takes at once of a part of a file.</summary>
    /// <returns>Bytes taken, 1 or more, or <see cref="WouldBlock"/>.</returns>
    /// <exception cref="IOException">The connection failed, or the file ends inside the part.</exception>
    internal virtual int TrySendFile(in OutboundFile file) => throw new NotSupportedException("This transport sends no files.");

    /// <summary>
    /// Waits until more can be sent; may send bytes itself. Arranges one call of
    /// <see cref="SendChannel.OnWritable"/>, never on this stack.
    /// </summary>
    /// <param name="segments">What is left to send.</param>
    /// <param name="offsetBytes">Where it begins in the first segment.</param>
    /// <param name="sent">Bytes sent when the answer is false.</param>
    /// <returns>False when it did not have to wait: then no call comes.</returns>
    /// <exception cref="IOException">The connection failed.</exception>
    internal abstract bool WaitWritable(ReadOnlySpan<ReadOnlyMemory<byte>> segments, int offsetBytes, out int sent);

    /// <summary>Tells the peer that nothing more will be sent. Later sends fail. Never throws.</summary>
    internal abstract void ShutdownSend();

    private protected abstract void CloseGracefully();

    private protected virtual void ReleaseResources()
    {
    }

    private protected static IOException Closed() => new("The connection is closed.");
}

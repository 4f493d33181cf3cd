using Iscsi.Protocol;
using Reservations;

namespace Iscsi.Transport;

/// <summary>
/// A connection in full feature phase: PDUs in, PDUs out, over an <see cref="ITransportConnection"/>, owned by one
/// <see cref="SerialExecutor"/>. Target and initiator share it. It moves bytes and decides nothing.
/// </summary>
/// <remarks>
/// <para>The receive side contains no gate: the handler names the place of each payload at once, or has it discarded.</para>
/// <para>The send side owns a fixed number of transmit entries of <see cref="EntrySize"/> bytes. Who queues a PDU holds an entry first
/// (<see cref="TryTakeEntry"/>), so queueing never fails and needs no memory. Everything queued leaves in gather-sends of at
/// most <see cref="MaxBatchBytes"/>, so that progress is seen and memory comes back in steps.</para>
/// </remarks>
public sealed partial class PduChannel
{
    /// <summary>Bytes of a transmit entry: 48 of header, 4 of header digest, 12 for padding and data digest.</summary>
    public const int EntrySize = 64;

    /// <summary>Bytes of one gather-send, reached at the end of the PDU that passes it.</summary>
    public const int MaxBatchBytes = 512 * 1024;

    // From this size the payload is received straight into its place: below it, the copy is cheaper than the extra call.
    private const int DirectReceiveBytes = 16 * 1024;

    // Buffers handled before other work of the executor gets its turn.
    private const int BuffersPerTurn = 8;

    private readonly ITransportConnection _transport;
    private readonly SerialExecutor _executor;
    private readonly IPduChannelHandler _handler;
    private readonly TimeProvider _clock;
    private readonly bool _sendsFiles;
    private ConnectionEndReason _endReason;
    private bool _quietTold;

    /// <summary>Creates a channel; nothing happens before <see cref="Start"/>.</summary>
    /// <param name="transport">The connection; its receive memory is attached already.</param>
    /// <param name="executor">The owner of everything in the channel.</param>
    /// <param name="handler">Who is told.</param>
    /// <param name="parser">The parser, with the digests that were negotiated.</param>
    /// <param name="entries">Transmit entries, which no other channel uses.</param>
    /// <param name="clock">The clock of <see cref="LastSendProgress"/> and <see cref="LastReceiveProgress"/>.</param>
    public PduChannel(
        ITransportConnection transport,
        SerialExecutor executor,
        IPduChannelHandler handler,
        PduParser parser,
        TransmitEntries entries,
        TimeProvider clock)
    {
        ArgumentNullException.ThrowIfNull(entries);
        _transport = transport;
        Loop = transport.Pin();
        _sendsFiles = transport.SendsFiles;
        _executor = executor;
        _handler = handler;
        _clock = clock;
        Parser = parser;
        _receiveWork = new ReceiveWork(this);
        _sendWork = new SendWork(this);
        _onReceiveCompleted = () => _executor.Post(_receiveWork, mayRunHere: true);
        _onSendCompleted = () => _executor.Post(_sendWork, mayRunHere: true);

        _entryMemory = entries.Memory;
        _pending = entries.Pending;
        _inFlight = entries.InFlight;
        _batch = entries.Batch;
    }

    /// <summary>
    /// The loop on whose thread the transport completes; null: the thread pool. The owner of the executor may make it the executor's home.
    /// </summary>
    public WorkLoop? Loop { get; }

    /// <summary>The parser, for the handler.</summary>
    public PduParser Parser { get; }

    /// <summary>Whether outgoing headers carry a CRC32C digest.</summary>
    public bool SendHeaderDigest { get; set; }

    /// <summary>Whether outgoing data segments carry a CRC32C digest.</summary>
    public bool SendDataDigest { get; set; }

    /// <summary>Why the channel ended; <see cref="ConnectionEndReason.None"/> while it lives.</summary>
    public ConnectionEndReason EndReason => _endReason;

    /// <summary>Whether <see cref="End"/> was called.</summary>
    public bool HasEnded => _endReason != ConnectionEndReason.None;

    /// <summary>Whether it ended and no operation of the transport is outstanding.</summary>
    public bool IsQuiet => HasEnded && !_receivePending && !_sendPending;

    /// <summary>Starts to receive. Call from the executor, once.</summary>
    public void Start()
    {
        LastReceiveProgress = _clock.GetTimestamp();
        Receive();
    }

    /// <summary>
    /// Ends the channel at once. PDUs that are queued are given up; <see cref="IPduChannelHandler.OnQuiet"/> follows when the transport
    /// has let go. The first reason stays.
    /// </summary>
    public void End(ConnectionEndReason reason)
    {
        if (HasEnded) return;
        _endReason = reason;
        _transport.Abort(reason);
        DropPending();
        TellQuiet();
    }

    /// <summary>
    /// Ends the channel once everything queued is sent: the sending side is shut down, what still comes in is discarded until the
    /// peer closes, so that an answer isn't lost to a reset. The owner bounds the wait by <see cref="End"/>.
    /// </summary>
    /// <param name="reason">Why.</param>
    /// <param name="mayPeerSend">
    /// False where the peer has nothing more to say, as after its logout: then there is nothing to wait for, and the connection is closed at once.
    /// </param>
    public void EndAfterFlush(ConnectionEndReason reason, bool mayPeerSend = true)
    {
        if (HasEnded || IsClosing) return;
        _closeReason = reason;
        _mayPeerSend = mayPeerSend;
        IsClosing = true;
        FinishClosing();
    }

    /// <summary>Whether <see cref="EndAfterFlush"/> was called: nothing more is queued or handled.</summary>
    public bool IsClosing { get; private set; }

    private void TellQuiet()
    {
        if (!IsQuiet || _quietTold || _inCallback) return;
        _quietTold = true;
        _handler.OnQuiet();
    }
}

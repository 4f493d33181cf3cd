using System.Runtime.CompilerServices;
using Iscsi.Protocol;
using Reservations;

#pragma warning disable CA2012 // each ValueTask is consumed once, by the GetResult of its awaiter

namespace Iscsi.Transport;

public sealed partial class PduChannel
{
    private const int HeaderDigestOffset = BasicHeaderSegment.Size;
    private const int TrailerOffset = BasicHeaderSegment.Size + 4;

    private readonly Memory<byte>[] _entryMemory;
    // Of each channel its own: an owner may give an entry back when the channel has long ended.
    private int[] _returnedEntries = new int[8];
    private OutboundFile[] _entryFiles = []; // of PDUs whose data are in a file; made for the first one
    private readonly OutboundBatch _batch;
    private readonly SendWork _sendWork;
    private readonly Action _onSendCompleted;

    // A ring, and what the send that is under way holds.
    private readonly QueuedPdu[] _pending;
    private readonly QueuedPdu[] _inFlight;
    private int _pendingHead;
    private int _pendingCount;
    private int _inFlightCount;
    private int _returnedCount;
    private int _usedEntries; // all from here on were never taken
    private long _sentBytes;
    private ConfiguredValueTaskAwaitable.ConfiguredValueTaskAwaiter _sendAwaiter;
    private bool _sendPending;
    private bool _flushing;
    private ConnectionEndReason _closeReason;
    private bool _mayPeerSend;

    /// <summary>Transmit entries that are free.</summary>
    public int FreeEntries => _returnedCount + _entryMemory.Length - _usedEntries;

    /// <summary>Whether anything is queued or being sent.</summary>
    public bool IsSending => _pendingCount > 0 || _inFlightCount > 0;

    /// <summary>Whether the transport has more than the peer takes at the moment: what is queued now waits.</summary>
    public bool IsSendBlocked => _sendPending;

    /// <summary>
    /// Whether data segments may come from files (<see cref="QueueFilePdu"/>): the transport sends them, and no digest is computed, for which
    /// they must not change until they were sent.
    /// </summary>
    public bool CanSendFiles => _sendsFiles && !SendDataDigest;

    /// <summary>Bytes of all PDUs that were queued: a place in the stream.</summary>
    public long QueuedBytes { get; private set; }

    /// <summary>
    /// The place in the stream up to which the peer has everything for sure, so that no file is read for it any more; behind everything when the
    /// channel has ended.
    /// </summary>
    public long AcknowledgedBytes => HasEnded ? long.MaxValue : _sentBytes - _transport.UnacknowledgedBytes;

    /// <summary>When the transport last took bytes, or when something was queued on an idle channel: a timestamp of the clock.</summary>
    public long LastSendProgress { get; private set; }

    /// <summary>Takes a transmit entry and clears its header.</summary>
    /// <returns>False when none is free.</returns>
    public bool TryTakeEntry(out int entry)
    {
        if (_returnedCount > 0)
        {
            entry = _returnedEntries[--_returnedCount];
        }
        else if (_usedEntries < _entryMemory.Length)
        {
            entry = _usedEntries++;
        }
        else
        {
            entry = -1;
            return false;
        }
        _entryMemory[entry].Span[..BasicHeaderSegment.Size].Clear();
        return true;
    }

    /// <summary>Gives back an entry that was taken and not queued.</summary>
    public void ReturnEntry(int entry)
    {
        if (_returnedCount == _returnedEntries.Length) Array.Resize(ref _returnedEntries, 2 * _returnedCount);
        _returnedEntries[_returnedCount++] = entry;
    }

    /// <summary>The 48 header bytes of an entry, zeroed when it was taken.</summary>
    public Span<byte> HeaderOf(int entry) => _entryMemory[entry].Span[..BasicHeaderSegment.Size];

    /// <summary>Queues a PDU whose header is written, DataSegmentLength included. Order of queueing is order on the wire.</summary>
    /// <param name="entry">The entry; it is free again when the PDU was sent.</param>
    /// <param name="data">The data segment, pinned and unchanged until it was sent; null for none.</param>
    /// <param name="offsetBytes">First byte of the segment in <paramref name="data"/>.</param>
    /// <param name="lengthBytes">Bytes of the segment.</param>
    /// <param name="completion">Told when the memory is free again; null for nobody.</param>
    /// <param name="tag">Given to <paramref name="completion"/>.</param>
    /// <param name="wire">A grant that is given back when the PDU was sent; default for none.</param>
    public void QueuePdu(
        int entry,
        BlockList? data = null,
        int offsetBytes = 0,
        int lengthBytes = 0,
        IPduSendCompletion? completion = null,
        int tag = 0,
        Grant wire = default)
    {
        var memory = _entryMemory[entry].Span;
        var trailer = lengthBytes == 0
            ? 0
            : PduTrailer.Write(data!, offsetBytes, lengthBytes, SendDataDigest, memory[TrailerOffset..]);
        Queue(memory, new QueuedPdu(entry, data, offsetBytes, lengthBytes, trailer, completion, tag, wire));
    }

    /// <summary>
    /// Queues a PDU whose data segment is sent from a file, as <see cref="QueuePdu"/> does from memory. Only where <see cref="CanSendFiles"/> says so.
    /// </summary>
    /// <param name="entry">The entry; it is free again when the PDU was sent.</param>
    /// <param name="file">The data segment; the file stays open until the PDU was sent.</param>
    /// <param name="completion">Told when the connection has taken every byte.</param>
    /// <param name="tag">Given to <paramref name="completion"/>.</param>
    /// <param name="wire">A grant that is given back when the PDU was sent; default for none.</param>
    public void QueueFilePdu(int entry, in OutboundFile file, IPduSendCompletion? completion, int tag = 0, Grant wire = default)
    {
        if (!CanSendFiles) throw new InvalidOperationException("The transport sends no files, or their digest would be needed.");
        if (_entryFiles.Length == 0) _entryFiles = new OutboundFile[_entryMemory.Length];
        _entryFiles[entry] = file;
        var memory = _entryMemory[entry].Span;
        var trailer = PduTrailer.Finish(0, file.LengthBytes, hasDigest: false, memory[TrailerOffset..]);
        Queue(memory, new QueuedPdu(entry, null, 0, file.LengthBytes, trailer, completion, tag, wire));
    }

    private void Queue(Span<byte> memory, in QueuedPdu pdu)
    {
        if (SendHeaderDigest) HeaderDigest.Write(memory[..BasicHeaderSegment.Size], default, memory[HeaderDigestOffset..]);
        if (HasEnded)
        {
            Complete(pdu, isSent: false);
            return;
        }
        if (!IsSending) LastSendProgress = _clock.GetTimestamp();
        QueuedBytes += (SendHeaderDigest ? TrailerOffset : HeaderDigestOffset) + pdu.LengthBytes + pdu.TrailerBytes;
        _pending[(_pendingHead + _pendingCount++) % _pending.Length] = pdu;
    }

    /// <summary>Sends what is queued, unless a send is under way: then it follows by itself.</summary>
    public void Flush()
    {
        if (_flushing) return;
        _flushing = true;
        try
        {
            while (!HasEnded && _inFlightCount == 0 && _pendingCount > 0)
            {
                FillBatch();
                // Closed by FinishClosing below: the last answer and the end of the connection are one packet.
                _batch.IsLast = IsClosing && !_mayPeerSend && _pendingCount == 0;
                _sendAwaiter = _transport.SendAsync(_batch).ConfigureAwait(false).GetAwaiter();
                if (!_sendAwaiter.IsCompleted)
                {
                    _sendPending = true;
                    _sendAwaiter.UnsafeOnCompleted(_onSendCompleted);
                    return;
                }
                FinishSend();
            }
            if (IsClosing) FinishClosing();
        }
        finally
        {
            _flushing = false;
        }
    }

    private void FillBatch()
    {
        _batch.Clear();
        while (_pendingCount > 0 && _batch.Length < MaxBatchBytes)
        {
            ref var slot = ref _pending[_pendingHead];
            var pdu = slot;
            slot = default;
            _pendingHead = (_pendingHead + 1) % _pending.Length;
            _pendingCount--;
            _inFlight[_inFlightCount++] = pdu;

            var memory = _entryMemory[pdu.Entry];
            _batch.Add(memory[..(SendHeaderDigest ? TrailerOffset : HeaderDigestOffset)]);
            if (pdu.LengthBytes == 0) continue;
            if (pdu.Data is not null) _batch.Add(pdu.Data, pdu.OffsetBytes, pdu.LengthBytes);
            else _batch.Add(_entryFiles[pdu.Entry]);
            _batch.Add(memory.Slice(TrailerOffset, pdu.TrailerBytes));
        }
    }

    private void FinishSend()
    {
        var isSent = true;
        try
        {
            _sendAwaiter.GetResult();
            LastSendProgress = _clock.GetTimestamp();
            _sentBytes += _batch.Length;
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException)
        {
            isSent = false;
            if (!HasEnded) _handler.OnInputEnded(insidePdu: false, e);
        }
        var count = _inFlightCount;
        _inFlightCount = 0;
        for (var i = 0; i < count; i++)
        {
            var pdu = _inFlight[i];
            _inFlight[i] = default;
            Complete(pdu, isSent);
        }
    }

    private void Complete(in QueuedPdu pdu, bool isSent)
    {
        if (pdu.IsFile) _entryFiles[pdu.Entry] = default;
        ReturnEntry(pdu.Entry);
        if (!pdu.Wire.IsEmpty) pdu.Wire.Dispose();
        pdu.Completion?.OnPduSent(pdu.Tag, isSent);
    }

    private void DropPending()
    {
        while (_pendingCount > 0)
        {
            var pdu = _pending[_pendingHead];
            _pending[_pendingHead] = default;
            _pendingHead = (_pendingHead + 1) % _pending.Length;
            _pendingCount--;
            Complete(pdu, isSent: false);
        }
    }

    // Half-closes once everything is out; the receive loop then discards until the peer closes.
    private void FinishClosing()
    {
        if (HasEnded || IsSending || _sendShutDown) return;
        _sendShutDown = true;
        if (_mayPeerSend) _transport.Output.Complete();
        else EndClosing();
    }

    private bool _sendShutDown;

    private void EndClosing() => End(_closeReason);

    private sealed class SendWork(PduChannel channel) : SerialWork
    {
        protected internal override void Run()
        {
            channel._sendPending = false;
            channel.FinishSend();
            channel.Flush();
            channel.TellQuiet();
        }
    }
}

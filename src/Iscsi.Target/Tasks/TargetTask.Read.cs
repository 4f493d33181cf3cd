using Iscsi.Protocol;
using Iscsi.Target.Memory;
using Iscsi.Transport;
using Reservations;

namespace Iscsi.Target.Tasks;

// Data-In: a chunk is reserved, read, sent and given back before the next one.
internal sealed partial class TargetTask
{
    private readonly DataInSegmenter _segmenter = new();
    private BlockList? _sending;
    private int _sendOffset;
    private bool _isStatusQueued;

    private void NextReadChunk()
    {
        if (_isTerminated)
        {
            CompleteTerminated();
            return;
        }
        if (_offsetBytes == 0)
        {
            _segmenter.Begin((uint)_totalBytes, Session.Parameters.PeerMaxRecvDataSegmentLength, Session.Parameters.MaxBurstLength);
            if (_totalBytes == 0)
            {
                Complete();
                return;
            }
        }
        var remaining = _totalBytes - _offsetBytes;
        if (RoundUp(remaining) <= CreditData.Length && _offsetBytes == 0)
        {
            // Small reads use the slot's own memory and never pass the Burst gate.
            ReadChunk(CreditData);
            return;
        }
        if (!TryPlanFileRead(remaining)) ReserveReadBurst(remaining);
    }

    private void ReserveReadBurst(long remaining) => ReserveBurst((int)RoundUp(Math.Min(remaining, Session.Core.Budget.BurstBytes)));

    private void ReadChunk(BlockList memory)
    {
        _chunkBytes = (int)Math.Min(_totalBytes - _offsetBytes, memory.Length);
        _io.Clear();
        _io.AddSlice(memory, 0, (int)RoundUp(_chunkBytes));
        EnterStore();
    }

    private void SendChunk()
    {
        _sending = _io;
        _sendOffset = 0;
        Session.Counters.BytesRead += _chunkBytes;
        SendNext();
    }

    // Parameter data, which the SCSI layer has put into the slot's memory.
    private void SendParameterData(int byteCount)
    {
        _segmenter.Begin((uint)byteCount, Session.Parameters.PeerMaxRecvDataSegmentLength, Session.Parameters.MaxBurstLength);
        _totalBytes = byteCount;
        _offsetBytes = 0;
        _chunkBytes = byteCount;
        _sending = Request.DataIn;
        _sendOffset = 0;
        SendNext();
    }

    private void SendNext()
    {
        while (_sendOffset < _chunkBytes)
        {
            if (!TryEnterWire(WireStep.DataIn, out var grant)) return;
            SendDataIn(grant);
        }
        State = TaskState.Sending;
        if (_pdusInFlight == 0) OnChunkSent();
    }

    private void SendDataIn(Grant wire)
    {
        var segment = _segmenter.Next(_chunkBytes - _sendOffset, canCarryStatus: true);
        var fields = segment.ToFields(InitiatorTaskTag, Request.Status, segment.HasStatus ? CurrentResidual : default);
        var offset = _sendOffset;
        _sendOffset += segment.LengthBytes;
        _pdusInFlight++;
        _isStatusQueued = segment.HasStatus;
        if (_file is not null) QueueFileDataIn(fields, offset, segment.LengthBytes, wire);
        else Session.QueueDataIn(this, fields, _sending!, offset, segment.LengthBytes, wire);
    }

    /// <inheritdoc/>
    void IPduSendCompletion.OnPduSent(int tag, bool isSent)
    {
        _pdusInFlight--;
        if (!isSent) _isAborted = true;
        // More PDUs of the chunk may still have to be queued: then it is not over.
        if (_pdusInFlight == 0 && State == TaskState.Sending) OnChunkSent();
    }

    private void OnChunkSent()
    {
        _sending = null;
        var isStatusSent = _isResponseQueued || (_sendOffset >= _chunkBytes && _offsetBytes + _chunkBytes >= _totalBytes);
        if (_isAborted && _endsWithTaskAborted && !isStatusSent)
        {
            FinishAborted();
            return;
        }
        if (_isAborted || _isResponseQueued)
        {
            _isResponseQueued = false;
            End();
            return;
        }
        _offsetBytes += _chunkBytes;
        if (_offsetBytes >= _totalBytes)
        {
            // The status went with the last Data-In.
            Request.ConsumeUnitAttention();
            End();
            return;
        }
        ReleaseBurst();
        State = TaskState.Running;
        NextReadChunk();
    }

    private long RoundUp(long bytes)
    {
        var block = BlockBytes;
        return (bytes + block - 1) / block * block;
    }
}

using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;
using Iscsi.Target.Memory;
using Iscsi.Target.Scsi;
using Reservations;

namespace Iscsi.Target.Tasks;

// Data-Out: a chunk is reserved, solicited, stored and given back before the next one. What came unsolicited is the head of the first.
internal sealed partial class TargetTask
{
    private readonly R2TSequencer _r2t = new();
    private uint _transferTag;
    private int _headBytes;
    private int _solicitBytes;
    private long _chunkStart;
    private BlockList _place = null!;
    private int _placeOffset;

    /// <summary>The tag of the task's R2Ts.</summary>
    public uint TransferTag => _transferTag;

    /// <summary>Whether the peer owes Data-Out.</summary>
    public bool OwesData => _r2t.OwesData;

    private void NextWriteChunk()
    {
        var remaining = _totalBytes - _offsetBytes;
        if (remaining == 0)
        {
            Complete();
            return;
        }
        _headBytes = _offsetBytes == 0 ? (int)Math.Min(_r2t.ReceivedLength, _totalBytes) : 0;
        _chunkStart = _offsetBytes;
        var room = Session.Core.Budget.BurstBytes;
        // A last block that comes in part needs the whole one from the medium beside it.
        if (_plan == Plan.Write && _totalBytes % BlockBytes != 0) room -= Pages(2 * BlockBytes);
        if (_plan == Plan.Compare)
        {
            // The other half is for what is on the medium.
            room = (room - CreditData.Length) / 2 / 4096 * 4096;
        }
        else if (_offsetBytes == 0 && RoundUp(remaining) <= CreditData.Length && remaining % BlockBytes == 0)
        {
            // Small writes use the slot's own memory and never pass the Burst gate.
            _solicitBytes = (int)remaining - _headBytes;
            _chunkBytes = (int)remaining;
            _place = CreditData;
            _placeOffset = _headBytes;
            RequestData();
            return;
        }
        _solicitBytes = (int)Math.Min(remaining - _headBytes, room);
        // A chunk ends on a block boundary.
        if (_headBytes + _solicitBytes < remaining) _solicitBytes -= (_headBytes + _solicitBytes) % BlockBytes;
        _chunkBytes = _headBytes + _solicitBytes;
        _place = BurstData;
        _placeOffset = 0;
        ReserveBurst(BurstNeeded());
    }

    private int BurstNeeded() => _plan == Plan.Compare
        ? Pages(_solicitBytes) + Pages((int)RoundUp(_chunkBytes))
        : Pages(_solicitBytes) + (_chunkBytes % BlockBytes == 0 ? 0 : Pages(2 * BlockBytes));

    private static int Pages(int bytes) => MemoryBudget.Blocks(bytes) * MemoryBudget.BlockBytes;

    // Solicits what is missing of the chunk, one R2T at a time; stores it when all is there.
    private void RequestData()
    {
        if (_r2t.Condition != WriteCondition.None)
        {
            FailWrite();
            return;
        }
        if (_r2t.ReceivedLength >= _chunkStart + _chunkBytes)
        {
            StoreChunk();
            return;
        }
        if (TryEnterWire(WireStep.R2T, out var grant)) SendR2T(grant);
    }

    private void SendR2T(Grant wire)
    {
        if (_transferTag == TaskTag.Reserved) _transferTag = Session.AllocateTransferTag(this);
        var missing = (int)(_chunkStart + _chunkBytes - _r2t.ReceivedLength);
        var request = _r2t.Request(_transferTag, missing);
        State = TaskState.WaitingForData;
        Since = Session.Now;
        Session.QueueR2T(request.ToFields(_header.Lun, InitiatorTaskTag), wire);
    }

    /// <summary>A Data-Out of the task: says whether, and where, its payload goes.</summary>
    public PduFault OnDataOut(in BasicHeaderSegment header, out BlockList? place, out int offsetBytes)
    {
        place = null;
        offsetBytes = 0;
        var decision = _r2t.OnDataOut(new DataOutPdu(in header));
        if (decision.Disposition == DataOutDisposition.Fault) return decision.Fault;
        Since = Session.Now;
        if (decision.Disposition != DataOutDisposition.Store || _isAborted) return PduFault.None;
        if (State == TaskState.Receiving)
        {
            place = CreditData;
            offsetBytes = (int)decision.OffsetBytes;
        }
        else
        {
            place = _place;
            offsetBytes = (int)(decision.OffsetBytes - _chunkStart) - _headBytes + _placeOffset;
        }
        return PduFault.None;
    }

    /// <summary>The payload of a Data-Out is in its place, or was thrown away.</summary>
    public void OnDataOutComplete()
    {
        if (_isAborted)
        {
            // A reset may still wait for what is owed: the task ends when the sequence does.
            if (!_isDraining || !_r2t.OwesData) FinishAborted();
            return;
        }
        if (_r2t.OwesData) return;
        if (State == TaskState.Receiving)
        {
            EnterTaskSet();
            return;
        }
        State = TaskState.Running;
        if (_plan is Plan.Collect)
        {
            RequestCollected();
            return;
        }
        RequestData();
    }

    private void StoreChunk()
    {
        _io.Clear();
        if (ReferenceEquals(_place, CreditData))
        {
            _io.AddSlice(CreditData, 0, _chunkBytes);
        }
        else
        {
            _io.AddSlice(CreditData, 0, _headBytes);
            _io.AddSlice(BurstData, 0, _solicitBytes);
        }
        Request.Scratch.Clear();
        _readsTail = false;
        if (_plan == Plan.Compare)
        {
            Request.Scratch.AddSlice(BurstData, Pages(_solicitBytes), (int)RoundUp(_chunkBytes));
        }
        else if (_chunkBytes % BlockBytes != 0)
        {
            // The initiator offered less than the CDB's last block: what it did not send of that block stays as it is on the medium.
            var tail = _chunkBytes % BlockBytes;
            Request.Scratch.AddSlice(BurstData, Pages(_solicitBytes), BlockBytes);
            _io.AddSlice(BurstData, Pages(_solicitBytes) + BlockBytes + tail, BlockBytes - tail);
            _readsTail = true;
        }
        EnterStore();
    }

    private void OnChunkStored()
    {
        if (_plan == Plan.Compare)
        {
            var difference = FirstDifference(_io, Request.Scratch, _chunkBytes);
            if (difference >= 0)
            {
                ScsiDispatcher.Miscompare(Request, _offsetBytes + difference);
                Complete();
                return;
            }
        }
        else if (_readsTail)
        {
            // The last block is here: its rest completes the chunk, which can be written now.
            _readsTail = false;
            var tail = _chunkBytes % BlockBytes;
            Span<byte> rest = stackalloc byte[BlockBytes - tail];
            Request.Scratch.CopyTo(tail, rest);
            _io.CopyFrom(_chunkBytes, rest);
            EnterStore();
            return;
        }
        else
        {
            Session.Counters.BytesWritten += _chunkBytes;
        }
        _offsetBytes += _chunkBytes;
        ReleaseBurst();
        NextWriteChunk();
    }

    private static int FirstDifference(BlockList a, BlockList b, int byteCount)
    {
        const int step = 512;
        Span<byte> left = stackalloc byte[step];
        Span<byte> right = stackalloc byte[step];
        for (var offset = 0; offset < byteCount; offset += step)
        {
            var length = Math.Min(step, byteCount - offset);
            a.CopyTo(offset, left[..length]);
            b.CopyTo(offset, right[..length]);
            var common = left[..length].CommonPrefixLength(right[..length]);
            if (common < length) return offset + common;
        }
        return -1;
    }

    // Commands that need all their data at once, and commands without data that ask the device.

    private void Collect()
    {
        var r = Request;
        _headBytes = (int)Math.Min(_r2t.ReceivedLength, _totalBytes);
        _chunkStart = 0;
        _chunkBytes = (int)_totalBytes;
        _solicitBytes = _chunkBytes - _headBytes;
        if (_chunkBytes <= CreditData.Length)
        {
            _place = CreditData;
            _placeOffset = _headBytes;
        }
        else
        {
            _place = BurstData;
            _placeOffset = 0;
        }
        var bytes = (ReferenceEquals(_place, BurstData) ? Pages(_solicitBytes) : 0) + Pages(r.ScratchBytes);
        if (bytes == 0) RequestCollected();
        else ReserveBurst(bytes);
    }

    private void CollectIntoBurst()
    {
        var r = Request;
        r.Scratch.Clear();
        if (r.ScratchBytes > 0)
            r.Scratch.AddSlice(BurstData, ReferenceEquals(_place, BurstData) ? Pages(_solicitBytes) : 0, r.ScratchBytes);
        RequestCollected();
    }

    private void RequestCollected()
    {
        if (_plan == Plan.Collect && (_r2t.Condition != WriteCondition.None || _r2t.ReceivedLength < _chunkBytes))
        {
            RequestData();
            return;
        }
        var r = Request;
        r.DataOut.Clear();
        if (_chunkBytes > 0)
        {
            if (ReferenceEquals(_place, CreditData))
            {
                r.DataOut.AddSlice(CreditData, 0, _chunkBytes);
            }
            else
            {
                r.DataOut.AddSlice(CreditData, 0, _headBytes);
                r.DataOut.AddSlice(BurstData, 0, _solicitBytes);
            }
        }
        EnterStore();
    }

    private void FailWrite()
    {
        Request.Fail(new SenseData(
            SenseKey.AbortedCommand,
            _r2t.Condition switch
            {
                WriteCondition.UnexpectedUnsolicitedData => AdditionalSense.UnexpectedUnsolicitedData,
                WriteCondition.ProtocolServiceCrcError => AdditionalSense.ProtocolServiceCrcError,
                _ => AdditionalSense.NotEnoughUnsolicitedData,
            }));
        Complete();
    }
}

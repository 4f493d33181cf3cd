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
    private int _tailOffset;

    // The medium's own data beside the chunk's: see SizeChunk.
    private readonly BlockList _twin = new(4);
    private readonly BlockList _tail = new(1);

    /// <summary>The tag of the task's R2Ts.</summary>
    public uint TransferTag => _transferTag;

    /// <summary>Whether the peer owes Data-Out.</summary>
    public bool OwesData => _r2t.OwesData;

    private void NextWriteChunk()
    {
        var remaining = _totalBytes - _offsetBytes;
        if (remaining == 0)
        {
            if (_flushesLast) FlushLast();
            else Complete();
            return;
        }
        if (_isTerminated)
        {
            CompleteTerminated();
            return;
        }
        _headBytes = _offsetBytes == 0 ? (int)Math.Min(_r2t.ReceivedLength, _totalBytes) : 0;
        _chunkStart = _offsetBytes;
        if (_offsetBytes == 0 && _plan == Plan.Write && RoundUp(remaining) <= CreditData.Length && remaining % BlockBytes == 0)
        {
            // Small writes use the slot's own memory and never pass the Burst gate.
            _solicitBytes = (int)remaining - _headBytes;
            _chunkBytes = (int)remaining;
            _place = CreditData;
            _placeOffset = _headBytes;
            RequestData();
            return;
        }
        SizeChunk(remaining, Session.Core.Budget.BurstBytes);
        _place = BurstData;
        _placeOffset = 0;
        ReserveBurst(_tailOffset + (HasTail ? Pages(BlockBytes) : 0));
    }

    // Memory of a chunk in its burst, each part on whole pages: what is solicited; the twin, what is on the medium in the chunk's place;
    // the tail, a last block of which only the beginning is sent. The head is in the slot's own memory.
    private void SizeChunk(long remaining, int burstBytes)
    {
        var room = HasTwin ? (burstBytes - Pages(_headBytes)) / 2 / MemoryBudget.BlockBytes * MemoryBudget.BlockBytes : burstBytes;
        SetChunk((int)Math.Min(remaining - _headBytes, room));
        var isLast = _chunkBytes == remaining;
        if (isLast && _tailOffset + (HasTail ? Pages(BlockBytes) : 0) <= burstBytes) return;
        // A chunk that is not the last one ends on a block boundary, and leaves the tail to the next one.
        SetChunk(Math.Max(0, _solicitBytes - (_chunkBytes % BlockBytes)));
    }

    private void SetChunk(int solicitBytes)
    {
        _solicitBytes = solicitBytes;
        _chunkBytes = _headBytes + solicitBytes;
        _tailOffset = Pages(solicitBytes) + (HasTwin ? Pages((int)RoundUp(_chunkBytes)) : 0);
    }

    private bool HasTwin => _plan is Plan.Compare or Plan.WriteVerify or Plan.Or;

    // ORWRITE has the rest of the last block in the twin, and VERIFY needs none.
    private bool HasTail => _plan is Plan.Write or Plan.WriteVerify && _chunkBytes % BlockBytes != 0;

    // Whoever reads what it writes over, or compares what it wrote, must not meet another writer in between.
    private bool IsAloneWithChunk => _plan == Plan.Or || HasTail || (_plan == Plan.WriteVerify && _comparesWritten);

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
        if (_isTerminated) CompleteTerminated();
        else if (TryEnterWire(WireStep.R2T, out var grant)) SendR2T(grant);
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
        if (State is TaskState.Receiving or TaskState.Held)
        {
            place = CreditData;
            offsetBytes = (int)decision.OffsetBytes;
        }
        else
        {
            if (ReferenceEquals(_place, BurstData)) DrawBurst();
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
        // Behind a hole in CmdSN its turn comes later, with or without its data.
        if (_r2t.OwesData || State == TaskState.Held) return;
        if (State == TaskState.Receiving)
        {
            EnterTaskSet();
            return;
        }
        State = TaskState.Running;
        if (_plan is Plan.Collect or Plan.Copy)
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
            DrawBurst(); // with all of the data in the slot, no Data-Out has
            _io.AddSlice(CreditData, 0, _headBytes);
            _io.AddSlice(BurstData, 0, _solicitBytes);
        }
        _twin.Clear();
        _tail.Clear();
        if (HasTwin) _twin.AddSlice(BurstData, Pages(_solicitBytes), (int)RoundUp(_chunkBytes));
        if (HasTail) _tail.AddSlice(BurstData, _tailOffset, BlockBytes);
        _ioStep = HasTail ? IoStep.ReadTail : _plan is Plan.Compare or Plan.Or ? IoStep.ReadTwin : IoStep.Write;
        EnterStore();
    }

    private void OnChunkIo()
    {
        switch (_ioStep)
        {
            case IoStep.ReadTail:
                CompleteTail();
                _ioStep = IoStep.Write;
                EnterStore();
                return;
            case IoStep.Flush:
                Complete();
                return;
            case IoStep.Write when _plan == Plan.WriteVerify:
                _ioStep = IoStep.ReadTwin;
                EnterStore();
                return;
            case IoStep.ReadTwin when _plan == Plan.Or:
                BlockListBits.Or(_twin, _io);
                _io.Clear();
                _io.AddSlice(_twin, 0, _twin.Length);
                _ioStep = IoStep.Write;
                EnterStore();
                return;
        }
        ReleaseRange();
        if (_plan == Plan.Compare || (_plan == Plan.WriteVerify && _comparesWritten))
        {
            var difference = BlockListCompare.FirstDifference(_io, 0, _twin, 0, _io.Length);
            if (difference >= 0)
            {
                ScsiDispatcher.Miscompare(Request, _offsetBytes + difference);
                Complete();
                return;
            }
        }
        if (_plan != Plan.Compare) Session.Counters.BytesWritten += _chunkBytes;
        _offsetBytes += _chunkBytes;
        ReleaseBurst();
        NextWriteChunk();
    }

    // The initiator offered less than the CDB's last block: what it did not send of that block stays as it is on the medium.
    private void CompleteTail()
    {
        var sent = _chunkBytes % BlockBytes;
        Span<byte> bytes = stackalloc byte[sent];
        _io.CopyTo(_chunkBytes - sent, bytes);
        _tail.CopyFrom(0, bytes);
        _io.Truncate(_chunkBytes - sent);
        _io.AddSlice(_tail, 0, BlockBytes);
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
        if (_plan is Plan.Collect or Plan.Copy && (_r2t.Condition != WriteCondition.None || _r2t.ReceivedLength < _chunkBytes))
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
        if (_plan is Plan.Copy) StartCopy();
        else EnterStore();
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

using System.Runtime.CompilerServices;
using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;
using Iscsi.Storage;
using Iscsi.Target.Memory;
using Iscsi.Target.Scsi;
using Iscsi.Target.Scsi.Copy;
using Reservations;

#pragma warning disable CA2012 // each ValueTask is consumed once, by the GetResult of its awaiter

namespace Iscsi.Target.Tasks;

// The SCSI command: from the task set through the SCSI layer to the chunks, and the gates on the way.
internal sealed partial class TargetTask
{
    private readonly BlockList _io = new(72);
    private Plan _plan;
    private Grant _burst;
    private Grant _store;
    private Grant _storeArrived;
    private StoreLane? _lane;
    private ConfiguredValueTaskAwaitable.ConfiguredValueTaskAwaiter _ioAwaiter;
    private long _offsetBytes;
    private long _totalBytes;
    private int _chunkBytes;
    private IoStep _ioStep;
    private bool _comparesWritten;
    private bool _flushesFirst;

    /// <summary>Memory of the current chunk.</summary>
    public BlockList BurstData { get; } = new(66);

    private enum Plan : byte
    {
        None,
        Read,
        Write,
        WriteVerify,
        Or,
        Compare,
        Collect,
        Execute,
        Copy,
    }

    // What a request of a streamed write does at the device.
    private enum IoStep : byte
    {
        // Writes the chunk.
        Write,

        // Reads the last block, of which only the beginning was sent.
        ReadTail,

        // Reads what is on the medium in the chunk's place.
        ReadTwin,

        // Makes durable what the chunks have written.
        Flush,
    }

    private bool ExpectsDataIn => (_header[1] & 0x40) != 0;

    private bool ExpectsDataOut => (_header[1] & 0x20) != 0;

    private uint ExpectedDataTransferLength =>
        ((uint)_header[20] << 24) | ((uint)_header[21] << 16) | ((uint)_header[22] << 8) | _header[23];

    /// <summary>Starts the sequence of the command's data; before its payload is placed.</summary>
    public void BeginData() => _r2t.Begin(Session.DataSequence, ExpectsDataOut ? ExpectedDataTransferLength : 0, DataBytes, _header.IsFinal);

    /// <summary>Whether the command's immediate data have a place and are wanted.</summary>
    public bool TakesImmediateData => _r2t.Condition == WriteCondition.None && DataBytes <= CreditData.Length;

    /// <summary>The command is next in CmdSN order.</summary>
    public void ExecuteScsi()
    {
        IsDelivered = true;
        if (_r2t.OwesData)
        {
            // Unsolicited Data-Out follow: the task enters its task set when they are here.
            State = TaskState.Receiving;
            return;
        }
        EnterTaskSet();
    }

    private void EnterTaskSet()
    {
        var r = Request;
        r.Nexus = Session.Nexus;
        r.Units = Session.Target!.Units;
        r.Tasks = Session;
        r.Lun = _header.Lun;
        r.Cdb = Cdb.From(((ReadOnlySpan<byte>)_header)[32..]);
        r.ExpectedDataTransferLength = ExpectedDataTransferLength;
        r.ExpectsDataIn = ExpectsDataIn;
        r.ExpectsDataOut = ExpectsDataOut;
        r.IsAca = Attribute == TaskAttribute.Aca;
        _offsetBytes = 0;
        _plan = Plan.None;
        _flushesLast = false;
        _lane = null;
        if (!r.Units.TryFind(r.Lun, out var unit))
        {
            Run();
            return;
        }
        r.Unit = unit;
        _unit = unit;
        if (Session.TaskSets.Of(unit.Index).Admit(this))
        {
            _isInTaskSet = true;
            Run();
        }
        else
        {
            State = TaskState.Dormant;
        }
    }

    /// <summary>The task set has enabled the dormant task.</summary>
    public void Enable()
    {
        _isInTaskSet = true;
        Run();
    }

    private void Run()
    {
        State = TaskState.Running;
        var r = Request;
        // A command that answers with parameter data has no use for data the initiator sent with it: they may be overwritten.
        r.DataIn.Clear();
        r.DataIn.AddSlice(CreditData, 0, CreditData.Length);
        var step = ScsiDispatcher.Begin(r);
        if (_r2t.Condition != WriteCondition.None)
        {
            FailWrite();
            return;
        }
        switch (step)
        {
            case ScsiStep.ReadMedium:
                Start(Plan.Read, DataDirection.Read, r.Transfer.LengthBytes);
                // SBC-3: FUA reads come from the medium, so what is newer in a cache goes there first.
                _flushesFirst = (r.Transfer.Flags & BlockWriteFlags.ForceUnitAccess) != BlockWriteFlags.None && r.Unit!.Info is { HasVolatileWriteCache: true, IsReadOnly: false };
                NextReadChunk();
                break;
            case ScsiStep.WriteMedium:
                Start(Plan.Write, DataDirection.Write, r.Transfer.LengthBytes);
                NextWriteChunk();
                break;
            case ScsiStep.WriteAndReadMedium:
            case ScsiStep.WriteAndCompareMedium:
                _comparesWritten = step == ScsiStep.WriteAndCompareMedium;
                Start(Plan.WriteVerify, DataDirection.Write, r.Transfer.LengthBytes);
                NextWriteChunk();
                break;
            case ScsiStep.OrMedium:
                Start(Plan.Or, DataDirection.Write, r.Transfer.LengthBytes);
                NextWriteChunk();
                break;
            case ScsiStep.CompareMedium:
                Start(Plan.Compare, DataDirection.Write, r.Transfer.LengthBytes);
                NextWriteChunk();
                break;
            case ScsiStep.CollectDataOut:
                Start(Plan.Collect, DataDirection.Write, r.DataOutNeeded);
                Collect();
                break;
            case ScsiStep.Copy:
                Start(Plan.Copy, DataDirection.Write, r.DataOutNeeded);
                Collect();
                break;
            case ScsiStep.Execute:
                Start(Plan.Execute, DataDirection.None, 0);
                Collect();
                break;
            default:
                Complete();
                break;
        }
    }

    private void Start(Plan plan, DataDirection direction, long lengthBytes)
    {
        _plan = plan;
        _lane = Request.Unit?.Lane;
        _totalBytes = Residual.TransferLength(ExpectedDirection, ExpectedDataTransferLength, direction, lengthBytes);
        _r2t.LimitTo(direction == DataDirection.Write ? lengthBytes : 0);
    }

    private DataDirection ExpectedDirection => (ExpectsDataIn, ExpectsDataOut) switch
    {
        (true, false) => DataDirection.Read,
        (false, true) => DataDirection.Write,
        _ => DataDirection.None,
    };

    // The gates.

    private void ReserveBurst(int bytes)
    {
        CheckHoldsNoRange();
        var demand = Session.Core.Demands.Burst(MemoryBudget.Blocks(bytes));
        State = TaskState.WaitingForBurst;
        if (Session.Reserve!.Node.Reserve(Flow, TargetLevels.BurstGate, demand, _burstWaiter, out var grant)) OnBurst(grant);
    }

    private void OnBurst(Grant grant)
    {
        _burst = grant;
        BurstData.Clear();
        State = TaskState.Running;
        if (_isAborted) FinishAborted();
        else if (_isTerminated) CompleteTerminated();
        else if (_plan == Plan.Read)
        {
            DrawBurst();
            ReadChunk(BurstData);
        }
        else if (_plan is Plan.Collect or Plan.Execute or Plan.Copy)
        {
            DrawBurst();
            CollectIntoBurst();
        }
        else RequestData();
    }

    // The grant promises the memory, which blocks it is can be left open: those of a write are drawn when its first data come, and are then
    // the ones that were given back last, which a cache still holds.
    private void DrawBurst()
    {
        if (BurstData.Length == 0 && !_burst.IsEmpty) _burst.Draw(TargetLevels.Burst, _burst.BlocksOf(TargetLevels.Burst), BurstData);
    }

    // The range lock, then the Store level. A chunk that asks the device several times keeps the lock in between.
    private void EnterStore()
    {
        if (_isTerminated) CompleteTerminated();
        else if (_range.IsHeld || EnterRange()) PassStoreGate();
    }

    // The lock is a level between Burst and Store, without a rank of its own because it holds no memory. Its order is enforced here:
    // whoever waits for it holds nothing of Store or below, and whoever holds it waits for nothing but Store.
    private bool EnterRange()
    {
        var r = Request;
        BlockRange range;
        bool isAlone;
        if (_plan is Plan.Collect or Plan.Execute)
        {
            range = r.LockedRange;
            isAlone = r.IsAloneWithRange;
            if (range.Count == 0) return true;
        }
        else if (_plan is Plan.Copy)
        {
            range = _copyIo.Range;
            isAlone = _copyIo.Kind == CopyIoKind.Barrier;
        }
        else
        {
            range = new BlockRange(CurrentLba, RoundUp(_chunkBytes) / BlockBytes);
            isAlone = IsAloneWithChunk;
        }
        Flow.CheckWait(TargetLevels.Store.Rank, TargetLevels.StoreGate);
        State = TaskState.WaitingForRange;
        return RangeUnit.Ranges.TryEnter(_range, range, isAlone);
    }

    private void OnRange()
    {
        State = TaskState.Running;
        if (_isAborted) FinishAborted();
        else if (_isTerminated) CompleteTerminated();
        else PassStoreGate();
    }

    private void CheckHoldsNoRange()
    {
        if (_range.IsHeld) throw new InvalidOperationException("A task waits above the Store level while it holds a range lock.");
    }

    private void PassStoreGate()
    {
        // A sanitize or format operation has begun since the command passed the SCSI gate.
        if (_range.IsHeld && RangeUnit.Medium.RefuseBlocks() is { } sense)
        {
            ReleaseRange();
            if (_plan is Plan.Copy) Request.Copy!.OnRefused(Request, sense);
            else Request.Fail(sense);
            Complete();
            return;
        }
        if (_plan is Plan.Collect or Plan.Execute && !Request.NeedsStore)
        {
            StartUnitWork();
            return;
        }
        if (_fileDevice is not null && !_flushesFirst)
        {
            BeginFileRead();
            return;
        }
        if (TryReadAtOnce())
        {
            OnIoEnded(null);
            return;
        }
        if (_lane is null || (IsFlush && _lane.SharesFlushes) || (_plan is Plan.Copy && _copyIo.Kind == CopyIoKind.Barrier))
        {
            StartIo();
            return;
        }
        State = TaskState.WaitingForStore;
        if (_lane.Node.Reserve(Flow, TargetLevels.StoreGate, _lane.Demand, _storeWaiter, out var grant)) OnStore(grant);
    }

    private void OnStore(Grant grant)
    {
        _store = grant;
        State = TaskState.Running;
        if (_isAborted) FinishAborted();
        else if (_isTerminated) CompleteTerminated();
        else StartIo();
    }

    // The device.

    // What needs no device may save a file, which blocks.
    private void StartUnitWork()
    {
        if (Session.Executor.Home is null)
        {
            StartIo();
            return;
        }
        State = TaskState.InStore;
        Session.Executor.Post(_executeWork);
    }

    private void StartIo()
    {
        State = TaskState.InStore;
        var r = Request;
        ValueTask io;
        try
        {
            RevokeTokens();
            io = _plan switch
            {
                _ when IsFlush => r.Unit!.Device.FlushAsync(r.Cancellation),
                Plan.Read => r.Unit!.Device.ReadAsync(CurrentLba, _io),
                Plan.Collect or Plan.Execute => ScsiDispatcher.ExecuteAsync(r),
                Plan.Copy => _copyIo.StartAsync(r),
                _ => _ioStep switch
                {
                    IoStep.ReadTail => r.Unit!.Device.ReadAsync(CurrentLba + (_chunkBytes / BlockBytes), _tail),
                    IoStep.ReadTwin => r.Unit!.Device.ReadAsync(CurrentLba, _twin),
                    _ => r.Unit!.Device.WriteAsync(CurrentLba, _io, ChunkFlags(WriteFlags(r))),
                },
            };
        }
        catch (Exception e)
        {
            OnIoEnded(e);
            return;
        }
        if (io.IsCompletedSuccessfully)
        {
            io.GetAwaiter().GetResult();
            OnIoEnded(null);
            return;
        }
        Since = Session.Now;
        _ioAwaiter = io.ConfigureAwait(false).GetAwaiter();
        if (_ioAwaiter.IsCompleted) OnIoCompleted();
        else _ioAwaiter.UnsafeOnCompleted(_onIoCompleted);
    }

    // Looked at when the write is issued, and kept for OnDeviceError: the write cache may have been switched off since Begin.
    private static BlockWriteFlags WriteFlags(ScsiRequest r)
    {
        if (r.Unit!.WritesThrough) r.Transfer = r.Transfer with { Flags = r.Transfer.Flags | BlockWriteFlags.ForceUnitAccess };
        return r.Transfer.Flags;
    }

    private void OnIoCompleted()
    {
        Exception? error = null;
        try
        {
            _ioAwaiter.GetResult();
        }
        catch (Exception e)
        {
            // Whatever a device throws is that device's failure, told to the initiator as sense data.
            error = e;
        }
        _ioAwaiter = default;
        OnIoEnded(error);
    }

    private void OnIoEnded(Exception? error)
    {
        State = TaskState.Running;
        ReleaseStore();
        if (_isAborted)
        {
            FinishAborted();
            return;
        }
        if (_plan is Plan.Copy)
        {
            OnCopyIoEnded(error);
            return;
        }
        if (error is not null)
        {
            ReleaseRange();
            if (IsFlush && error is not OperationCanceledException) Request.Unit!.LatchWriteError();
            ScsiDispatcher.OnDeviceError(Request, error);
            Session.OnDeviceError(this, error);
            Complete();
            return;
        }
        switch (_plan)
        {
            case Plan.Read when _flushesFirst:
                _flushesFirst = false;
                EnterStore();
                break;
            case Plan.Read:
                ReleaseRange();
                SendChunk();
                break;
            case Plan.Collect or Plan.Execute:
                ReleaseRange();
                Complete();
                break;
            default:
                OnChunkIo();
                break;
        }
    }

    private int BlockBytes => Request.Transfer.BytesPerBlock;

    private long CurrentLba => Request.Transfer.Lba + (_offsetBytes / BlockBytes);
}

using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;
using Iscsi.Target.Memory;
using Iscsi.Target.Scsi;
using Iscsi.Target.Sessions;
using Iscsi.Transport;
using Reservations;

namespace Iscsi.Target.Tasks;

/// <summary>
/// One command slot with the task in it: a request of the initiator from its header to its response. It owns what the task may need
/// (the slot's memory, the machines, the waiters), so running a task allocates nothing.
/// </summary>
internal sealed partial class TargetTask : ITaskSetMember<TargetTask>, IPduSendCompletion, ITaskWatcher
{
    // 2 bytes of length and 252 of sense data (RFC 7143, 11.4.7; SPC-4, 4.5.1).
    private const int SenseBytes = 256;

    private readonly BurstWaiter _burstWaiter;
    private readonly RangeEntry _range;
    private readonly StoreWaiter _storeWaiter;
    private readonly WireWaiter _wireWaiter;
    private readonly IoWork _ioWork;
    private readonly RangeWork _rangeWork;
    private readonly StoreWork _storeWork;
    private readonly CopyWork _copyWork;
    private readonly ExecuteWork _executeWork;
    private readonly Action _onIoCompleted;
    private readonly BlockList _sense;
    private BasicHeaderSegment _header;
    private int _pdusInFlight;
    private bool _isAborted;
    private bool _isTerminated;
    private bool _isFence;
    private bool _isInTaskSet;
    private List<ITaskWatcher>? _watchers;

    // The logical unit whose task set the task is in. The request's own may become another one when the LUN changes meanwhile.
    private LogicalUnit? _unit;

    public TargetTask()
    {
        _burstWaiter = new BurstWaiter(this);
        _range = new RangeEntry(this);
        _storeWaiter = new StoreWaiter(this);
        _wireWaiter = new WireWaiter(this);
        _ioWork = new IoWork(this);
        _rangeWork = new RangeWork(this);
        _storeWork = new StoreWork(this);
        _copyWork = new CopyWork(this);
        _executeWork = new ExecuteWork(this);
        _onIoCompleted = () => Session.Executor.Post(_ioWork, mayRunHere: true);
        _sense = BlockList.Over(GC.AllocateUninitializedArray<byte>(SenseBytes, pinned: true));
    }

    /// <summary>The session the task belongs to; set while it isn't free.</summary>
    public TargetSession Session { get; private set; } = null!;

    /// <summary>The slot's grant; empty for slots of a connection's reserve.</summary>
    public Grant Credit { get; private set; }

    /// <summary>The slot's memory: immediate and unsolicited data, small Data-In, parameter data.</summary>
    public BlockList CreditData { get; } = new(2);

    /// <summary>What the task holds.</summary>
    public Flow Flow { get; } = new();

    public TaskState State { get; private set; }

    /// <summary>The request's header.</summary>
    public ref readonly BasicHeaderSegment Header => ref _header;

    public uint InitiatorTaskTag => _header.InitiatorTaskTag;

    /// <summary>Under what the session finds it: the tag, as long as that names no other task.</summary>
    public ulong TableKey { get; set; }

    /// <summary>Whether its status, or whatever answers it, is on its way: then the peer may use the tag anew.</summary>
    public bool HasAnswered => _isResponseQueued || _isStatusQueued;

    public bool IsImmediate => _header.IsImmediate;

    /// <summary>Place among the immediate requests of its connection; -1 for a slot of the window.</summary>
    public int ImmediateIndex { get; set; } = -1;

    /// <summary>Bytes of the request's data segment, which are in <see cref="CreditData"/>.</summary>
    public int DataBytes { get; private set; }

    /// <summary>When the peer last did something for the task, or the store was asked: a timestamp of the clock.</summary>
    public long Since { get; private set; }

    /// <summary>The SCSI side of the task.</summary>
    public ScsiRequest Request { get; } = new();

    /// <summary>For a request that waits for other tasks: those that have not ended.</summary>
    public int PendingTasks { get; set; }

    /// <summary>For TARGET COLD RESET: the other sessions that were there when it came. Later ones are after the reset.</summary>
    public TargetSession[] SessionsToEnd { get; set; } = [];

    /// <summary>Whether the SCSI layer has the command: its turn in CmdSN order has come.</summary>
    public bool IsDelivered { get; private set; }

    public TaskAttribute Attribute => (TaskAttribute)(_header[1] & 0x07);

    TargetTask? ITaskSetMember<TargetTask>.NextInTaskSet { get; set; }

    /// <summary>Gives the slot its memory.</summary>
    public void Attach(in Grant credit, int blocks)
    {
        Credit = credit;
        credit.MoveTo(Flow);
        credit.Draw(TargetLevels.Credit, blocks, CreditData);
    }

    /// <summary>Takes the slot's memory back.</summary>
    public void Detach()
    {
        CreditData.Clear();
        if (!Credit.IsEmpty) Credit.Dispose();
        Credit = default;
        ImmediateIndex = -1;
        Session = null!;
    }

    /// <summary>A request has come: its header is taken, its payload follows.</summary>
    public void Begin(TargetSession session, in BasicHeaderSegment header, long now)
    {
        Session = session;
        _header = header;
        DataBytes = header.DataSegmentLength;
        State = TaskState.Receiving;
        Since = now;
        _isAborted = false;
        _isTerminated = false;
        _unit = null;
        _isFence = false;
        _isInTaskSet = false;
        _isDraining = false;
        _endsWithTaskAborted = false;
        IsDelivered = false;
        _isResponseQueued = false;
        _isStatusQueued = false;
        _pdusInFlight = 0;
        _fileReadMark = 0;
        _transferTag = TaskTag.Reserved;
        PendingTasks = 0;
        SessionsToEnd = [];
    }

    /// <summary>The data segment did not fit the slot and was thrown away.</summary>
    public void TruncateData() => DataBytes = 0;

    /// <summary>Ends a held request that was aborted.</summary>
    public void EndHeldAborted()
    {
        if (State == TaskState.Held) Session.Window.DropHeld(CmdSN);
        End();
    }

    /// <summary>The answer of a request other than a SCSI command uses the slot's memory: the request ends when it was sent.</summary>
    public void AwaitAnswerSent()
    {
        State = TaskState.Sending;
        _isResponseQueued = true;
        _pdusInFlight++;
    }

    /// <summary>A request other than a SCSI command has its turn.</summary>
    public void BeginAnswer() => State = TaskState.Answering;

    /// <summary>The request is complete, but one before it is missing.</summary>
    public void Hold() => State = TaskState.Held;

    /// <summary>A task management function begins to wait for the tasks it affects.</summary>
    public void WaitForTasks() => State = TaskState.WaitingForTasks;

    /// <summary>Tells somebody when this task has ended, or has stopped and only its TASK ABORTED is to be sent.</summary>
    public void TellEnd(ITaskWatcher watcher) => (_watchers ??= []).Add(watcher);

    // As a task management function: one of the tasks it affects has ended. As a command with CHECK CONDITION: one that QERR stops.
    void ITaskWatcher.OnTaskEnded()
    {
        if (_header.Opcode == Opcode.ScsiCommand) OnQueueErrorTaskEnded();
        else Session.OnAffectedTaskEnded(this);
    }

    /// <summary>
    /// The session was replaced while the task is in the store: nothing of the successor may run on that logical unit before this ends.
    /// </summary>
    public void FenceForSuccessor()
    {
        if (_isFence || _unit is null || State == TaskState.Ended) return;
        _isFence = true;
        Session.TaskSets.Of(_unit.Index).AddFence();
    }

    /// <summary>
    /// Stops the task: no response will be sent. What it waits for is given up, what the device or the transport still uses is kept until
    /// they have ended; so the task ends now or then.
    /// </summary>
    public void Abort()
    {
        if (_isAborted || State is TaskState.Ended or TaskState.Free) return;
        _isAborted = true;
        switch (State)
        {
            case TaskState.Receiving:
            case TaskState.WaitingForData:
                // A payload may be on its way into the task's memory right now; then the task ends with that PDU.
                if (!Session.IsCollectingFor(this)) FinishAborted();
                break;
            case TaskState.Held:
                Session.Window.DropHeld(CmdSN);
                if (!Session.IsCollectingFor(this)) FinishAborted();
                break;
            case TaskState.WaitingForBurst:
                if (Session.Reserve!.Node.CancelWait(_burstWaiter)) FinishAborted();
                break;
            case TaskState.WaitingForRange:
                if (RangeUnit.Ranges.CancelWait(_range)) FinishAborted();
                break;
            case TaskState.WaitingForStore:
                if (_lane!.Node.CancelWait(_storeWaiter)) FinishAborted();
                break;
            case TaskState.WaitingForWire:
                if (Session.WireNode.CancelWait(_wireWaiter)) FinishAborted();
                break;
            case TaskState.InStore:
            case TaskState.Copying:
                Since = Session.Now;
                Request.Abort();
                break;
            case TaskState.Sending:
            case TaskState.WaitingForTasks:
            case TaskState.Answering:
                break;
            default:
                FinishAborted();
                break;
        }
    }

    /// <summary>
    /// Stops the task like <see cref="Abort"/>, but waits for the data that the peer owes on its valid tags (RFC 7143, 4.2.3.3): they are
    /// drained, until the sequence ends or nothing comes for a while.
    /// </summary>
    public void AbortAfterOwedData()
    {
        if (_isAborted || !_r2t.OwesData || State is not (TaskState.Receiving or TaskState.WaitingForData))
        {
            Abort();
            return;
        }
        _isAborted = true;
        _isDraining = true;
        _r2t.Abandon();
        Since = Session.Now;
    }

    /// <summary>The owed data of a stopped task did not come.</summary>
    public void GiveUpOwedData()
    {
        if (_isDraining && !Session.IsCollectingFor(this)) FinishAborted();
    }

    /// <summary>Whether the task is stopped and only drains what is owed.</summary>
    public bool IsDraining => _isDraining;

    /// <summary>The connection is gone: nothing is received into the task's memory any more, and nothing that is owed will come.</summary>
    public void OnConnectionGone()
    {
        Abort();
        if (State is TaskState.Receiving or TaskState.WaitingForData or TaskState.Held) FinishAborted();
    }

    public bool IsAborted => _isAborted;

    /// <summary>CmdSN of the request; of an immediate one, the number it was sent at.</summary>
    public uint CmdSN => ((uint)_header[24] << 24) | ((uint)_header[25] << 16) | ((uint)_header[26] << 8) | _header[27];

    /// <summary>Ends the request: its memory goes back, its slot is free. Nothing of it may be in use.</summary>
    /// <param name="enablesNext">Whether tasks that waited for it in its task set run now; else the caller lets them.</param>
    public void End(bool enablesNext = true)
    {
        if (State is TaskState.Ended or TaskState.Free) throw new InvalidOperationException($"{_header.Opcode} ends twice.");
        var session = Session;
        State = TaskState.Ended;
        ReleaseStore();
        ReleaseRange();
        ReleaseBurst();
        if (_transferTag != TaskTag.Reserved) session.FreeTransferTag(ref _transferTag, isDrained: !_r2t.OwesData);
        else if (_header.Opcode == Opcode.ScsiCommand && _r2t.OwesData) session.IgnoreLateData(InitiatorTaskTag);
        var unit = _unit;
        if (_isInTaskSet)
        {
            _isInTaskSet = false;
            session.TaskSets.Of(unit!.Index).End(this);
        }
        if (_isFence)
        {
            _isFence = false;
            session.TaskSets.Of(unit!.Index).RemoveFence();
        }
        var watchers = _watchers;
        _watchers = null;
        _unit = null;
        Request.Reset();
        session.OnTaskEnded(this, enablesNext ? unit : null);
        Tell(watchers);
    }

    private static void Tell(List<ITaskWatcher>? watchers)
    {
        if (watchers is null) return;
        foreach (var watcher in watchers) watcher.OnTaskEnded();
    }

    private void FinishAborted()
    {
        ReleaseRange();
        if (_pdusInFlight > 0)
        {
            State = TaskState.Sending;
            return;
        }
        if (State == TaskState.Dormant) Session.TaskSets.Of(_unit!.Index).Remove(this);
        if (_endsWithTaskAborted) RespondTaskAborted();
        else End();
    }

    private void ReleaseBurst()
    {
        BurstData.Clear();
        _io.Clear();
        if (_fileDevice is not null) EndFileRead();
        if (_burst.IsEmpty) return;
        _burst.Dispose();
        _burst = default;
    }

    private void ReleaseRange()
    {
        if (_range.IsHeld) RangeUnit.Ranges.Leave(_range);
    }

    private void ReleaseStore()
    {
        if (_store.IsEmpty) return;
        _store.Dispose();
        _store = default;
    }

    private sealed class BurstWaiter(TargetTask task) : GrantWaiter
    {
        protected override void OnGranted(Grant grant) => task.OnBurst(grant);
    }

    // The lock is shared: the turn comes on the thread that left, and is taken on the session's executor.
    private sealed class RangeEntry(TargetTask task) : RangeLockEntry
    {
        protected internal override void OnEntered() => task.Session.Executor.Post(task._rangeWork);
    }

    private sealed class RangeWork(TargetTask task) : SerialWork
    {
        protected override void Run() => task.OnRange();
    }

    // The Store level is shared: the grant arrives on the thread that released it, and is taken in on the session's executor.
    private sealed class StoreWaiter(TargetTask task) : GrantWaiter
    {
        protected override void OnGranted(Grant grant)
        {
            task._storeArrived = grant;
            task.Session.Executor.Post(task._storeWork);
        }
    }

    private sealed class WireWaiter(TargetTask task) : GrantWaiter
    {
        protected override void OnGranted(Grant grant) => task.OnWire(grant);
    }

    private sealed class StoreWork(TargetTask task) : SerialWork
    {
        protected override void Run()
        {
            var grant = task._storeArrived;
            task._storeArrived = default;
            task.OnStore(grant);
        }
    }

    // What is no device's work may save a file, which blocks: not on a loop.
    private sealed class ExecuteWork(TargetTask task) : SerialWork(mayBlock: true)
    {
        protected override void Run()
        {
            // Stopped while it was on its way to the pool: nothing was begun.
            if (task._isAborted) task.OnIoEnded(null);
            else task.StartIo();
        }
    }

    private sealed class IoWork(TargetTask task) : SerialWork
    {
        protected override void Run() => task.OnIoCompleted();
    }
}

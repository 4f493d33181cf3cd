using System.Buffers;
using System.Threading.Tasks.Sources;
using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;
using Iscsi.Transport;
using Reservations;

#pragma warning disable CA1001 // the registration and the pin end with the call

namespace Iscsi.Initiator;

// The life of a task; every step but the first and the last is the session's executor's.
//
//   Idle ── call ──▶ Submitted ── no slot ──▶ AtGate ── granted ─┐
//                        └────────── slot ───────────────────────┴▶ Ready ── window, entry ──▶ Sent ── status ──▶ Ended ── GetResult ──▶ Idle
//                                                                     ▲                          │
//                                                                     └──── BackOff ◀── BUSY ────┘ (unit attention: at once)
//
// Ended needs both the status and that no PDU in the send queue still points into the caller's memory.

/// <summary>Where a task is.</summary>
internal enum ScsiTaskState : byte
{
    Idle,
    Submitted,
    AtGate,
    Ready,
    Sent,
    BackOff,
    Ended,
}

/// <summary>A call that executes a SCSI command: pooled, and awaited without an allocation.</summary>
internal sealed class ScsiTask : IValueTaskSource<ScsiResult>, IValueTaskSource, IThreadPoolWorkItem
{
    private readonly IscsiSession _session;
    private readonly CancelWork _cancelWork;
    private readonly BlockList _ownList = new(1);
    private ManualResetValueTaskSourceCore<bool> _source;
    private CancellationTokenRegistration _registration;
    private CancellationToken _token;
    private MemoryHandle _pin;
    private ScsiResult _result;
    private IscsiException? _failure;
    private bool _isCancelled;
    private int _cancelVersion;

    public ScsiTask(IscsiSession session)
    {
        _session = session;
        _cancelWork = new CancelWork(this);
        Waiter = new SlotWaiter(this);
    }

    // ---- the request
    public Cdb Cdb;

    public ulong Lun { get; private set; }

    /// <summary>The memory that data come from or go to; null for a command without data.</summary>
    public BlockList? Data { get; private set; }

    public int DataOffset { get; private set; }

    public int DataLength { get; private set; }

    public bool IsWrite { get; private set; }

    /// <summary>The disk whose call it is: failures then are those of a block device.</summary>
    public IscsiBlockDevice? Disk { get; private set; }

    /// <summary>Whether a unit attention or a busy logical unit is met by trying again.</summary>
    public bool MayRetry { get; private set; }

    // ---- the session's part
    public Flow Flow { get; } = new();

    public SlotWaiter Waiter { get; }

    public Grant Slot { get; set; }

    public ScsiTaskState State { get; set; }

    public ScsiTask? Next { get; set; }

    public ScsiTask? Previous { get; set; }

    public int Index { get; set; } = -1;

    public uint Tag { get; set; }

    public uint CmdSN { get; set; }

    /// <summary>PDUs in the send queue that point into the data.</summary>
    public int PdusQueued { get; set; }

    public bool HasOutcome { get; set; }

    public bool CancelRequested { get; set; }

    public int UnitAttentions { get; set; }

    public int Pauses { get; set; }

    public long BusySince { get; set; }

    public long DueAt { get; set; }

    public ref ScsiResult Result => ref _result;

    /// <summary>Prepares a call.</summary>
    public void Begin(ulong lun, ReadOnlySpan<byte> cdb, bool mayRetry, IscsiBlockDevice? disk)
    {
        Cdb = Cdb.From(cdb);
        Lun = lun;
        MayRetry = mayRetry;
        Disk = disk;
        State = ScsiTaskState.Submitted;
    }

    /// <summary>Says where the data are: pinned already.</summary>
    public void SetData(BlockList data, int offsetBytes, int lengthBytes, bool isWrite)
    {
        Data = data;
        DataOffset = offsetBytes;
        DataLength = lengthBytes;
        IsWrite = isWrite;
    }

    /// <summary>Says where the data are; they are pinned until the call ends.</summary>
    public void SetData(Memory<byte> data, bool isWrite)
    {
        _pin = data.Pin();
        _ownList.Add(data);
        SetData(_ownList, 0, data.Length, isWrite);
    }

    /// <summary>Hands the call to the session.</summary>
    /// <returns>The version that the awaitable carries.</returns>
    public short Submit(CancellationToken cancellationToken)
    {
        var version = _source.Version;
        _token = cancellationToken;
        if (cancellationToken.CanBeCanceled)
            _registration = cancellationToken.UnsafeRegister(static state => ((ScsiTask)state!).PostCancel(), this);
        _session.Post(this);
        return version;
    }

    /// <summary>Ends the call with what <see cref="Result"/> says. The caller goes on on the thread pool.</summary>
    public void End()
    {
        State = ScsiTaskState.Ended;
        _pin.Dispose();
        _pin = default;
        // Not in place: what follows is the caller's code, which may block.
        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: true);
    }

    /// <summary>Ends the call with an exception.</summary>
    public void Fail(IscsiException failure)
    {
        _failure = failure;
        End();
    }

    /// <summary>Ends the call as cancelled.</summary>
    public void EndCancelled()
    {
        _isCancelled = true;
        End();
    }

    void IThreadPoolWorkItem.Execute()
    {
        if (_isCancelled) _source.SetException(new OperationCanceledException(_token));
        else if (_failure is not null) _source.SetException(_failure);
        else _source.SetResult(true);
    }

    ScsiResult IValueTaskSource<ScsiResult>.GetResult(short token)
    {
        _registration.Dispose();
        try
        {
            _source.GetResult(token);
            return _result;
        }
        finally
        {
            Recycle();
        }
    }

    void IValueTaskSource.GetResult(short token)
    {
        _registration.Dispose();
        var disk = Disk!;
        var isWrite = IsWrite;
        var length = DataLength;
        var cdb = Cdb;
        ScsiResult result;
        try
        {
            _source.GetResult(token);
            result = _result;
        }
        catch (IscsiException exception)
        {
            throw disk.Failed(cdb, exception);
        }
        finally
        {
            Recycle();
        }
        if (!result.IsGood || result.TransferredBytes != length) throw disk.Failed(cdb, result, isWrite);
    }

    ValueTaskSourceStatus IValueTaskSource<ScsiResult>.GetStatus(short token) => _source.GetStatus(token);

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _source.GetStatus(token);

    void IValueTaskSource<ScsiResult>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _source.OnCompleted(continuation, state, token, flags);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _source.OnCompleted(continuation, state, token, flags);

    private void Recycle()
    {
        _source.Reset();
        _registration = default;
        _token = default;
        _failure = null;
        _isCancelled = false;
        _result = default;
        _ownList.Clear();
        Data = null;
        DataOffset = 0;
        DataLength = 0;
        IsWrite = false;
        Disk = null;
        HasOutcome = false;
        CancelRequested = false;
        UnitAttentions = 0;
        Pauses = 0;
        BusySince = 0;
        State = ScsiTaskState.Idle;
        _session.Return(this);
    }

    private void PostCancel()
    {
        Volatile.Write(ref _cancelVersion, _source.Version);
        _session.Post(_cancelWork);
    }

    /// <summary>A cancellation on its way to the executor. It may come late, when the task serves another call: the version tells.</summary>
    private sealed class CancelWork(ScsiTask task) : SerialWork
    {
        protected override void Run()
        {
            if (Volatile.Read(ref task._cancelVersion) == task._source.Version) task._session.Cancel(task);
        }
    }

    /// <summary>The task at the submit gate.</summary>
    public sealed class SlotWaiter(ScsiTask task) : GrantWaiter
    {
        protected override void OnGranted(Grant grant) => task._session.OnSlotGranted(task, grant);
    }
}

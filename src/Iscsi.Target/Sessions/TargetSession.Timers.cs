using Iscsi.Protocol;
using Iscsi.Target.Diagnostics;
using Iscsi.Target.Tasks;
using Iscsi.Transport;

namespace Iscsi.Target.Sessions;

// Deadlines: they guard against peers and devices that are dead; that memory comes back does not depend on them.
internal sealed partial class TargetSession
{
    // Time in which an answer usually leaves anyway, and tells the peer of a wider window.
    private static readonly TimeSpan TellDelay = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan ClosingTimeout = TimeSpan.FromSeconds(2);

    private readonly TickWork _tickWork;
    private readonly TellWork _tellTimerWork;
    private ITimer? _tellTimer;
    private bool _isTellArmed;
    private long _closingSince;
    private ConnectionEndReason _closingReason;
    private long _pingSince;
    private uint _pingTag = TaskTag.Reserved;
    private bool _needsStandbyRefill;
    private long _lastRequest;

    /// <summary>When the peer last sent a PDU.</summary>
    public long LastReceived => _channel.LastReceiveProgress;

    /// <summary>How often bytes came from the peer: requests under the same count came together.</summary>
    public int ReceiveCount => _channel.ReceiveCount;

    /// <summary>The server's heartbeat. Any thread.</summary>
    public void Tick() => Executor.Post(_tickWork);

    private void OnTick()
    {
        var now = Now;
        var limits = Core.Budget.Limits;
        if (_needsStandbyRefill && ReferenceEquals(Reserve!.Owner, this)) _needsStandbyRefill = !Reserve.TryRefillStandby();
        if (OrphanedAt is { } since && Core.Clock.GetElapsedTime(since, now) >= limits.OrphanTimeout)
        {
            Close();
            return;
        }
        if (_channel is null || _channel.HasEnded) return;
        if (_channel.IsClosing)
        {
            if (Core.Clock.GetElapsedTime(_closingSince, now) >= ClosingTimeout) End(_closingReason);
            return;
        }
        if (_channel.IsSending && Core.Clock.GetElapsedTime(_channel.LastSendProgress, now) >= limits.TransmitTimeout)
        {
            End(ConnectionEndReason.PeerNotReading);
            return;
        }
        if (_window.Numbers.HasHole && Core.Clock.GetElapsedTime(_window.Numbers.HoleSince, now) >= limits.CommandHoleTimeout)
        {
            End(ConnectionEndReason.CommandHoleTimeout);
            return;
        }
        if (Target is null && Core.Clock.GetElapsedTime(_lastRequest, now) >= limits.DiscoveryIdleTimeout)
        {
            End(ConnectionEndReason.DiscoveryIdle);
            return;
        }
        CheckTasks(now, limits);
        if (_channel.HasEnded) return;
        CheckPing(now, limits);
        _window.Tick();
    }

    private void CheckTasks(long now, TargetLimits limits)
    {
        List<TargetTask>? givenUp = null;
        foreach (var task in _tasks.Values)
        {
            var age = Core.Clock.GetElapsedTime(task.Since, now);
            if (task.IsDraining)
            {
                if (age >= limits.ResetDataTimeout) (givenUp ??= []).Add(task);
            }
            else if (task.IsAborted)
            {
                if (task.State != TaskState.InStore || age < limits.StuckStoreTimeout) continue;
                End(ConnectionEndReason.StoreStuck);
                return;
            }
            else if (task.OwesData && task.State is TaskState.Receiving or TaskState.WaitingForData && age >= limits.DataOutTimeout)
            {
                End(ConnectionEndReason.DataOutTimeout);
                return;
            }
        }
        if (givenUp is null) return;
        foreach (var task in givenUp) task.GiveUpOwedData();
    }

    private void CheckPing(long now, TargetLimits limits)
    {
        if (limits.PingInterval <= TimeSpan.Zero) return;
        if (_pingTag != TaskTag.Reserved)
        {
            if (Core.Clock.GetElapsedTime(_pingSince, now) >= limits.PingTimeout) End(ConnectionEndReason.PingTimeout);
            return;
        }
        if (Core.Clock.GetElapsedTime(LastReceived, now) < limits.PingInterval || !TryTakeControlEntry(out var entry)) return;
        // Its tag is out of the range of transfer tags, whose index is never so large.
        _pingTag = 0xFFFFFFFE;
        _pingSince = now;
        WriteNopIn(entry, _pingTag);
    }

    private void OnPong(ref readonly BasicHeaderSegment header)
    {
        if (new NopOutPdu(in header).TargetTransferTag == _pingTag) _pingTag = TaskTag.Reserved;
    }

    // The peer has used its window and nothing is about to leave that would tell it of the new one: an empty NOP-In does.
    private void ArmTellTimer()
    {
        if (_isTellArmed || _window is null || !_window.ShouldTell || _channel.IsSending || _window.InProgress > 0) return;
        _isTellArmed = true;
        _tellTimer ??= Core.Clock.CreateTimer(
            static session => ((TargetSession)session!).Executor.Post(((TargetSession)session)._tellTimerWork),
            this,
            Timeout.InfiniteTimeSpan,
            Timeout.InfiniteTimeSpan);
        _tellTimer.Change(TellDelay, Timeout.InfiniteTimeSpan);
    }

    private void OnTellTimer()
    {
        _isTellArmed = false;
        if (_channel.HasEnded || _channel.IsClosing || !_window.ShouldTell || !TryTakeControlEntry(out var entry)) return;
        WriteNopIn(entry, TaskTag.Reserved);
    }

    // A NOP-In of the target's own: StatSN is the next one, and isn't advanced (RFC 7143, 11.19).
    private void WriteNopIn(int entry, uint targetTransferTag)
    {
        NopInPdu.Write(_channel.HeaderOf(entry), new NopInFields
        {
            InitiatorTaskTag = TaskTag.Reserved,
            TargetTransferTag = targetTransferTag,
            StatSN = _statSN.Next,
            ExpCmdSN = _window.Numbers.ExpCmdSN,
            MaxCmdSN = _window.Advertise(),
        });
        _channel.QueuePdu(entry);
    }

    private sealed class TickWork(TargetSession session) : SerialWork
    {
        protected override void Run() => session.OnTick();
    }

    private sealed class TellWork(TargetSession session) : SerialWork
    {
        protected override void Run() => session.OnTellTimer();
    }

    // Seldom more than one at a time, and none in most sessions' lives.
    private sealed class PostedActions(TargetSession session) : SerialWork
    {
        private readonly Lock _lock = new();
        private readonly Queue<Action> _actions = new();

        public void Add(Action action)
        {
            lock (_lock) _actions.Enqueue(action);
            session.Executor.Post(this);
        }

        protected override void Run()
        {
            while (TryTake(out var action)) action();
        }

        private bool TryTake([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out Action? action)
        {
            lock (_lock) return _actions.TryDequeue(out action);
        }
    }
}

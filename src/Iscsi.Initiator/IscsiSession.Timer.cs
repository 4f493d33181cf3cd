using Iscsi.Protocol;
using Iscsi.Transport;

namespace Iscsi.Initiator;

/// <content>What happens by itself: pings while answers are owed, repetitions after BUSY, the end of a logout's patience. One timer.</content>
public sealed partial class IscsiSession
{
    private static readonly TimeSpan s_firstPause = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan s_longestPause = TimeSpan.FromSeconds(1);

    private readonly TimerWork _timerWork;
    private ITimer? _timer;
    private ScsiTaskQueue _backOff;
    private int _busyCount;
    private ControlRequest? _keepAlive;
    private long _lastReceived;
    private long _timerDueAt = long.MaxValue;

    /// <summary>For tests: whether a call waits to be repeated.</summary>
    internal bool IsAnyBusy => Volatile.Read(ref _busyCount) > 0;

    private ControlRequest? PendingPing => _keepAlive is { Completion.Task.IsCompleted: false } ? _keepAlive : null;

    private long Ticks(TimeSpan time) => (long)(time.TotalSeconds * _options.Clock.TimestampFrequency);

    private void Arm(long dueAt)
    {
        if (dueAt >= _timerDueAt) return;
        _timerDueAt = dueAt;
        var delay = _options.Clock.GetElapsedTime(_options.Clock.GetTimestamp(), dueAt);
        // A timer counts whole milliseconds: one more, so that it is not early.
        _timer!.Change(delay > TimeSpan.Zero ? delay + TimeSpan.FromMilliseconds(1) : TimeSpan.Zero, Timeout.InfiniteTimeSpan);
    }

    // Only while answers are owed; the deadline is looked at again when it comes, so a busy session touches the timer rarely.
    private void ArmPing()
    {
        if (_activeCommands + _activeControls == 0 || _timerDueAt != long.MaxValue || _options.PingAfter == Timeout.InfiniteTimeSpan) return;
        Arm(_options.Clock.GetTimestamp() + Ticks(_options.PingAfter));
    }

    private void OnTimer()
    {
        _timerDueAt = long.MaxValue;
        if (_channel.HasEnded) return;
        var now = _options.Clock.GetTimestamp();
        RepeatDue(now);
        CheckPing(now);
        if (_channel.HasEnded) return;
        if (_logoutDueAt > now) Arm(_logoutDueAt);
    }

    private void CheckPing(long now)
    {
        if (_options.PingAfter == Timeout.InfiniteTimeSpan) return;
        // A logout that was sent is a ping as well, and the last one.
        if ((_logoutRequest ?? PendingPing) is { } ping)
        {
            var since = Math.Max(_lastReceived, ping.SentAt);
            if (now - since < Ticks(_options.PingTimeout))
            {
                Arm(since + Ticks(_options.PingTimeout));
                return;
            }
            End(ConnectionEndReason.PingTimeout,
                $"the target sent nothing for {_options.Clock.GetElapsedTime(_lastReceived, now).TotalSeconds:0.#} s, not even an answer to a ping");
            return;
        }
        if (_activeCommands + _activeControls == 0) return;
        var due = _lastReceived + Ticks(_options.PingAfter);
        if (due > now)
        {
            Arm(due);
            return;
        }
        _keepAlive = new ControlRequest(ControlKind.Ping) { SentAt = now };
        Send(_keepAlive);
        Arm(now + Ticks(_options.PingTimeout));
    }

    private bool BackOff(ScsiTask task)
    {
        var now = _options.Clock.GetTimestamp();
        if (task.Pauses == 0) task.BusySince = now;
        if (_options.Clock.GetElapsedTime(task.BusySince, now) >= _options.BusyTimeout || RefusalOfNewCalls() is not null) return false;
        var pause = s_firstPause * (1 << Math.Min(task.Pauses++, 10));
        task.DueAt = now + Ticks(pause < s_longestPause ? pause : s_longestPause);
        FreeTag(task);
        task.State = ScsiTaskState.BackOff;
        _backOff.Enqueue(task);
        Arm(task.DueAt);
        Volatile.Write(ref _busyCount, _busyCount + 1);
        return true;
    }

    private void LeaveBackOff(ScsiTask task)
    {
        _backOff.Remove(task);
        Volatile.Write(ref _busyCount, _busyCount - 1);
    }

    private void RepeatDue(long now)
    {
        for (var task = _backOff.First; task is not null;)
        {
            var next = task.Next;
            if (task.DueAt > now)
            {
                Arm(task.DueAt);
            }
            else
            {
                LeaveBackOff(task);
                MakeReady(task);
            }
            task = next;
        }
    }

    private sealed class TimerWork(IscsiSession session) : SerialWork
    {
        protected override void Run() => session.OnTimer();
    }
}

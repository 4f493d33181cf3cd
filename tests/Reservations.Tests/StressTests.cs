using System.Collections.Concurrent;
using static Reservations.Tests.Levels;

namespace Reservations.Tests;

[Collection("Every core")]
public sealed class StressTests
{
    private static readonly TimeSpan Duration = TimeSpan.FromSeconds(1.5);

    [Fact]
    public void Owners_on_threads_and_a_shared_node_end_with_everything_at_its_floor()
    {
        // Disposed at the end only: a leak must not hide the failure that caused it.
        var root = ReservationRoot.Create(Options(120, 40, new SlotBudget(Store, 6, 64)) with { PreTouch = false });
        var device = root.AddChild("device", null, new Share(Store, 4, 16, 2, 4));
        var failures = new ConcurrentQueue<Exception>();
        var ended = 0L;
        var sessions = Enumerable.Range(0, 4).Select(i => new Session(root, device, i, Duration)).ToArray();
        var threads = sessions.Select(session => new Thread(() =>
        {
            try
            {
                session.Run();
                Interlocked.Add(ref ended, session.Ended);
            }
            catch (Exception exception)
            {
                failures.Enqueue(exception);
            }
        })).ToArray();
        foreach (var thread in threads) thread.Start();
        foreach (var thread in threads) Assert.True(thread.Join(TimeSpan.FromSeconds(120)), "a session hangs:\n" + root.Snapshot().Text);
        Assert.True(failures.IsEmpty, string.Join('\n', failures));
        foreach (var session in sessions) session.Node.ProcessPosted();
        Assert.Equal(0, device.State.UsedBlocks);
        Assert.Equal(0, device.State.Waiters);
        foreach (var session in sessions)
        {
            Assert.Equal(0, session.Node.State.UsedBlocks);
            Assert.Equal(0, session.Node.State.BorrowedBlocks);
            session.Node.Dispose();
        }
        Assert.Equal(40, root.SurplusFree);
        Assert.Equal(4, root.SlotsFree(Store.Rank));
        Assert.Equal(0, root.Wanted);
        Assert.True(ended > 50, $"{ended} tasks");
        device.Dispose();
        root.Dispose();
    }

    /// <summary>Tasks that take a burst, then a store slot of the shared device, and release on another thread.</summary>
    private sealed class Session : IReservationOwner
    {
        private readonly BlockingCollection<Action> _work = [];
        private readonly ReservationNode _device;
        private readonly ReservationRoot _root;
        private readonly Random _random;
        private readonly TimeProvider _clock = TimeProvider.System;
        private readonly TimeSpan _duration;
        private readonly Demand[] _bursts = [.. Enumerable.Range(1, 20).Select(n => Of(Burst, n))];
        private readonly Demand _store = Of(Store, 2, 1);
        private int _running;

        internal Session(ReservationRoot root, ReservationNode device, int number, TimeSpan duration)
        {
            Node = root.AddChild($"session {number}", this, new Share(Burst, 12, 30, Weight: 1 + number % 2));
            _device = device;
            _root = root;
            _duration = duration;
            _random = new Random(number);
        }

        internal ReservationNode Node { get; }

        internal long Ended { get; private set; }

        public void Post(ReservationNode node) => _work.Add(node.ProcessPosted);

        internal void Run()
        {
            var start = _clock.GetTimestamp();
            var tasks = Enumerable.Range(0, 6).Select(_ => new Work(this)).ToArray();
            foreach (var task in tasks) task.Begin();
            while (_running > 0)
            {
                if (!_work.TryTake(out var action, TimeSpan.FromSeconds(60))) throw new TimeoutException("Nobody was served for a minute:\n" + _root.Snapshot().Text);
                action();
                if (_clock.GetElapsedTime(start) < _duration)
                {
                    foreach (var task in tasks)
                    {
                        if (task.IsIdle) task.Begin();
                        else if (_random.Next(50) == 0) task.TryCancel();
                    }
                }
            }
        }

        private sealed class Work(Session session) : GrantWaiter
        {
            private readonly Flow _flow = new();
            private readonly BlockList _list = new(32);
            private Grant _burst;
            private StoreWaiter? _storeWaiter;

            internal bool IsIdle { get; private set; } = true;

            internal void Begin()
            {
                IsIdle = false;
                session._running++;
                var demand = session._bursts[session._random.Next(session._bursts.Length)];
                if (session.Node.TryReserve(_flow, demand, out var grant) || session.Node.Reserve(_flow, BurstGate, demand, this, out grant)) WithBurst(grant);
            }

            internal void TryCancel()
            {
                if (session.Node.CancelWait(this)) End();
            }

            protected internal override void OnGranted(Grant grant) => WithBurst(grant);

            private void WithBurst(Grant grant)
            {
                _burst = grant;
                var mark = (byte)session._random.Next(256);
                _list.Clear();
                grant.Draw(Burst, grant.BlocksOf(Burst), _list);
                foreach (var run in _list.Runs) run.Span.Fill(mark);
                _storeWaiter ??= new StoreWaiter(this);
                if (session._device.Reserve(_flow, StoreGate, session._store, _storeWaiter, out var store)) WithStore(store, mark);
                else _storeWaiter.Mark = mark;
            }

            private void WithStore(Grant store, byte mark)
            {
                foreach (var run in _list.Runs)
                {
                    if (run.Span.ContainsAnyExcept(mark)) throw new InvalidOperationException("Somebody else wrote into a drawn block.");
                }
                store.Dispose();
                if (session._random.Next(2) == 0)
                {
                    _burst.Dispose();
                    session._work.Add(End);
                    return;
                }
                ThreadPool.UnsafeQueueUserWorkItem(static work => work.PostBack(), this, preferLocal: false);
            }

            private void PostBack()
            {
                _burst.PostRelease();
                session._work.Add(EndPosted);
            }

            // Another thread may have raised the flag of the post and not made it yet: the flow is free when the owner took it in.
            private void EndPosted()
            {
                if (_flow.HoldsNothing) End();
                else session._work.Add(EndPosted);
            }

            private void End()
            {
                if (!_flow.HoldsNothing) throw new InvalidOperationException("The flow still holds something.");
                IsIdle = true;
                session._running--;
                session.Ended++;
            }

            // The device is shared: its answer comes on any thread and goes to the session's own.
            private sealed class StoreWaiter(Work work) : GrantWaiter
            {
                internal byte Mark { get; set; }

                protected internal override void OnGranted(Grant grant) => work.Enqueue(() => work.WithStore(grant, Mark));
            }

            private void Enqueue(Action action) => session._work.Add(action);
        }
    }
}

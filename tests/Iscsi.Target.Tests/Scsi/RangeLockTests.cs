using Iscsi.Storage;
using Iscsi.Target.Scsi;

namespace Iscsi.Target.Tests.Scsi;

public sealed class RangeLockTests
{
    private readonly RangeLock _lock = new();

    private Entry Enter(long lba, long count, bool alone)
    {
        var entry = new Entry();
        entry.IsIn = _lock.TryEnter(entry, new BlockRange(lba, count), alone);
        return entry;
    }

    private Entry Share(long lba, long count) => Enter(lba, count, alone: false);

    private Entry Alone(long lba, long count) => Enter(lba, count, alone: true);

    [Fact]
    public void Sharers_never_wait_for_each_other()
    {
        Entry[] all = [Share(0, 10), Share(5, 10), Share(0, 1)];
        Assert.All(all, entry => Assert.True(entry.IsIn));
        Assert.All(all, entry => _lock.Leave(entry));
        Assert.True(_lock.IsFree);
    }

    [Fact]
    public void Who_wants_to_be_alone_waits_for_all_that_came_before_while_nobody_was_alone()
    {
        var near = Share(0, 8);
        var far = Share(1000, 8);
        var alone = Alone(4, 1);
        Assert.False(alone.IsIn);
        _lock.Leave(near);
        Assert.False(alone.IsIn);
        _lock.Leave(far);
        Assert.True(alone.IsIn);
        Assert.Equal(1, alone.Told);
    }

    [Theory]
    [InlineData(0, 10, true)]
    [InlineData(0, 11, false)]
    [InlineData(19, 1, false)]
    [InlineData(20, 1, true)]
    [InlineData(12, 2, false)]
    [InlineData(0, 100, false)]
    public void A_sharer_waits_while_somebody_is_alone_with_one_of_its_blocks(long lba, long count, bool isIn)
    {
        var alone = Alone(10, 10);
        var sharer = Share(lba, count);
        Assert.Equal(isIn, sharer.IsIn);
        _lock.Leave(alone);
        Assert.True(sharer.IsIn);
        _lock.Leave(sharer);
        Assert.True(_lock.IsFree);
    }

    [Fact]
    public void Two_that_want_to_be_alone_with_different_blocks_do_not_wait()
    {
        Assert.True(Alone(0, 10).IsIn);
        Assert.True(Alone(10, 10).IsIn);
        Assert.False(Alone(9, 2).IsIn);
    }

    [Fact]
    public void The_first_to_come_is_the_first_to_enter()
    {
        var first = Alone(0, 10);
        var second = Alone(0, 10);
        var sharer = Share(0, 1);
        var third = Alone(0, 10);
        Assert.Equal([false, false, false], [second.IsIn, sharer.IsIn, third.IsIn]);
        _lock.Leave(first);
        Assert.Equal([true, false, false], [second.IsIn, sharer.IsIn, third.IsIn]);
        _lock.Leave(second);
        Assert.Equal([true, false], [sharer.IsIn, third.IsIn]);
        _lock.Leave(sharer);
        Assert.True(third.IsIn);
    }

    [Fact]
    public void A_sharer_does_not_overtake_one_that_waits_to_be_alone_with_its_blocks()
    {
        var before = Share(0, 1);
        var alone = Alone(0, 1);
        var after = Share(0, 1);
        Assert.False(after.IsIn);
        _lock.Leave(before);
        Assert.Equal([true, false], [alone.IsIn, after.IsIn]);
    }

    [Fact]
    public void Giving_up_a_wait_lets_those_behind_enter()
    {
        var first = Share(0, 1);
        var alone = Alone(0, 1);
        var behind = Share(0, 1);
        Assert.True(_lock.CancelWait(alone));
        Assert.True(behind.IsIn);
        Assert.Equal(0, alone.Told);
        _lock.Leave(first);
        _lock.Leave(behind);
        Assert.True(_lock.IsFree);
        Assert.False(_lock.CancelWait(alone));
    }

    [Fact]
    public void A_wait_that_is_over_cannot_be_given_up()
    {
        var first = Alone(0, 1);
        var second = Alone(0, 1);
        _lock.Leave(first);
        Assert.False(_lock.CancelWait(second));
        _lock.Leave(second);
        Assert.True(_lock.IsFree);
    }

    [Fact]
    public void Misuse_throws()
    {
        var entry = Share(0, 1);
        Assert.Throws<InvalidOperationException>(() => _lock.TryEnter(entry, new BlockRange(5, 1), false));
        _lock.Leave(entry);
        Assert.Throws<InvalidOperationException>(() => _lock.Leave(entry));
    }

    [Fact]
    public void Entering_and_leaving_allocates_nothing()
    {
        var entry = new Entry();
        var allocated = long.MaxValue;
        for (var round = 0; round < 6 && allocated != 0; round++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < 2_000; i++)
            {
                _lock.TryEnter(entry, new BlockRange(i, 8), (i & 1) == 0);
                _lock.Leave(entry);
            }
            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        }
        Assert.Equal(0, allocated);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Random_entries_never_overlap_wrongly_and_all_enter(int seed)
    {
        var random = new Random(seed);
        var live = new List<Entry>();
        for (var i = 0; i < 20_000; i++)
        {
            if (live.Count < 12 && random.Next(2) == 0)
            {
                live.Add(Enter(random.Next(30), 1 + random.Next(8), random.Next(4) == 0));
            }
            else if (live.Count > 0)
            {
                var entry = live[random.Next(live.Count)];
                if (!entry.IsIn)
                {
                    if (random.Next(4) != 0) continue;
                    Assert.True(_lock.CancelWait(entry), $"seed {seed}, round {i}");
                }
                else
                {
                    _lock.Leave(entry);
                }
                live.Remove(entry);
            }
            foreach (var a in live)
                foreach (var b in live)
                    Assert.False(!ReferenceEquals(a, b) && a.IsIn && b.IsIn && a.ConflictsWith(b), $"seed {seed}, round {i}");
        }
        while (live.Count > 0)
        {
            var holder = live.Find(entry => entry.IsIn);
            Assert.True(holder is not null, $"seed {seed}: all wait");
            _lock.Leave(holder!);
            live.Remove(holder!);
        }
        Assert.True(_lock.IsFree);
    }

    [Fact]
    public async Task Threads_that_are_alone_lose_no_step_to_those_that_share()
    {
        const int rounds = 20_000;
        var inside = 0;
        var alone = 0;
        var wrong = 0;
        var workers = Enumerable.Range(0, 4).Select(worker => Task.Run(async () =>
        {
            var entry = new Entry();
            for (var i = 0; i < rounds; i++)
            {
                var isAlone = (i + worker) % 5 == 0;
                entry.Signal = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                if (!_lock.TryEnter(entry, new BlockRange(worker % 2, 2), isAlone)) await entry.Signal.Task;
                if (isAlone)
                {
                    if (Interlocked.Increment(ref alone) != 1 || Volatile.Read(ref inside) != 0) Interlocked.Increment(ref wrong);
                    Interlocked.Decrement(ref alone);
                }
                else
                {
                    Interlocked.Increment(ref inside);
                    if (Volatile.Read(ref alone) != 0) Interlocked.Increment(ref wrong);
                    Interlocked.Decrement(ref inside);
                }
                _lock.Leave(entry);
            }
        })).ToArray();
        await Task.WhenAll(workers).WaitAsync(TimeSpan.FromSeconds(60));
        Assert.Equal(0, wrong);
        Assert.True(_lock.IsFree);
    }

    private sealed class Entry : RangeLockEntry
    {
        public bool IsIn { get; set; }

        public int Told { get; private set; }

        public TaskCompletionSource? Signal { get; set; }

        public bool ConflictsWith(Entry other) =>
            (IsExclusive || other.IsExclusive) && Range.Lba < other.Range.Lba + other.Range.Count && other.Range.Lba < Range.Lba + Range.Count;

        protected internal override void OnEntered()
        {
            Told++;
            IsIn = true;
            Signal?.SetResult();
        }
    }
}

using Microsoft.Extensions.Time.Testing;
using Reservations;

namespace Iscsi.Storage.Tests;

/// <summary>Flushes at the same time share syncs, and none is told GOOD for a sync that began before its writes had ended.</summary>
public sealed class FlushGroupTests : IDisposable
{
    private readonly TempFile _file = new();
    private readonly FaultyCalls _calls = new();

    public void Dispose() => _file.Dispose();

    [Fact]
    public async Task Flushes_that_come_while_a_sync_runs_share_the_next_one()
    {
        await using var device = await OpenAsync();
        using var running = new HeldSync(_calls);
        var first = device.FlushAsync().AsTask();
        running.WaitUntilItRuns();
        var later = Enumerable.Range(0, 32).Select(_ => device.FlushAsync().AsTask()).ToArray();
        Assert.DoesNotContain(later, flush => flush.IsCompleted);
        Assert.Equal(1, running.Syncs);
        running.Release();
        await first;
        await Task.WhenAll(later);
        Assert.Equal(2, running.Syncs);
    }

    [Fact]
    public async Task Flushes_take_no_store_thread_while_they_wait()
    {
        await using var device = await OpenAsync(new() { StoreThreads = 1 });
        using var running = new HeldSync(_calls);
        var flushes = Enumerable.Range(0, 8).Select(_ => device.FlushAsync().AsTask()).ToArray();
        running.WaitUntilItRuns();
        var block = TestMemory.Random(new Random(1), 512);
        await device.WriteAsync(3, block);
        Assert.Equal(block, await device.ReadBytesAsync(3, 1));
        running.Release();
        await Task.WhenAll(flushes);
    }

    [Fact]
    public async Task Beside_a_sync_a_flush_is_preferred_unless_much_was_written_lately()
    {
        var clock = new FakeTimeProvider();
        await using var device = await OpenAsync(new() { Clock = clock });
        await WriteMuchAsync();
        Assert.False(device.PrefersFlush); // alone
        await device.FlushAsync();
        await Task.Yield(); // away from the thread that syncs
        using var running = new HeldSync(_calls);
        var flush = device.FlushAsync().AsTask();
        running.WaitUntilItRuns();
        Assert.True(device.PrefersFlush);
        await WriteMuchAsync();
        Assert.False(device.PrefersFlush); // it would wait for all of that
        clock.Advance(TimeSpan.FromSeconds(40));
        Assert.False(device.PrefersFlush); // which may be of a moment ago
        clock.Advance(TimeSpan.FromSeconds(40));
        Assert.True(device.PrefersFlush); // by now the system has written it
        running.Release();
        await flush;

        async Task WriteMuchAsync()
        {
            var memory = BlockList.Over(TestMemory.Pinned(1 << 20));
            for (var i = 0; i < 2; i++) await device.WriteAsync(0, memory);
        }
    }

    [Fact]
    public async Task A_failed_sync_fails_all_whom_it_served_and_those_who_waited_are_refused()
    {
        await using var device = await OpenAsync();
        using var running = new HeldSync(_calls) { Error = number => number == 2 ? Linux.EIO : 0 };
        var first = device.FlushAsync().AsTask();
        running.WaitUntilItRuns();
        var second = Enumerable.Range(0, 5).Select(_ => device.FlushAsync().AsTask()).ToArray();
        running.Release();
        await first; // the lost data are not its
        var errors = await Task.WhenAll(second.Select(flush => Assert.ThrowsAsync<BlockDeviceException>(() => flush)));
        Assert.All(errors, e => Assert.Equal(BlockDeviceError.WriteFailed, e.Error));
        Assert.Equal(5, errors.Distinct().Count());
        Assert.Equal(BlockDeviceError.Latched, (await Assert.ThrowsAsync<BlockDeviceException>(async () => await device.FlushAsync())).Error);
        Assert.Equal(2, running.Syncs);
    }

    [Fact]
    public async Task Who_waits_while_a_sync_fails_is_refused_and_no_further_sync_is_made()
    {
        await using var device = await OpenAsync();
        using var running = new HeldSync(_calls) { Error = _ => Linux.EIO };
        var first = device.FlushAsync().AsTask();
        running.WaitUntilItRuns();
        var second = device.FlushAsync().AsTask();
        running.Release();
        Assert.Equal(BlockDeviceError.WriteFailed, (await Assert.ThrowsAsync<BlockDeviceException>(() => first)).Error);
        Assert.Equal(BlockDeviceError.Latched, (await Assert.ThrowsAsync<BlockDeviceException>(() => second)).Error);
        Assert.Equal(1, running.Syncs);
    }

    [Fact]
    public async Task The_device_closes_after_the_last_flush()
    {
        var device = await OpenAsync();
        using var running = new HeldSync(_calls);
        var flushes = Enumerable.Range(0, 3).Select(_ => device.FlushAsync().AsTask()).ToArray();
        running.WaitUntilItRuns();
        var disposing = device.DisposeAsync().AsTask();
        Assert.False(disposing.IsCompleted);
        running.Release();
        await Task.WhenAll(flushes);
        await disposing;
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await device.FlushAsync());
    }

    [Fact]
    public async Task The_first_caller_of_a_group_may_dispose_the_device_where_it_goes_on()
    {
        var device = await OpenAsync();
        using var running = new HeldSync(_calls);
        var before = device.FlushAsync().AsTask();
        running.WaitUntilItRuns();
        var disposed = new TaskCompletionSource();
        Then(device.FlushAsync(), () =>
        {
            device.DisposeAsync().AsTask().Wait(); // on the thread that has the others of the group still to tell
            disposed.SetResult();
        });
        var last = device.FlushAsync().AsTask();
        running.Release();
        await before;
        await disposed.Task;
        await last;
    }

    /// <summary>
    /// Writers put rising numbers into blocks of their own and flush now and then. A sync makes durable what had been written when it
    /// began; whoever is told GOOD must find its own writes among that, and after a sync that failed nobody is told GOOD for anything
    /// that was not durable before.
    /// </summary>
    [Fact]
    public async Task Whoever_is_told_GOOD_is_durable_whatever_the_order_of_writes_flushes_and_failures()
    {
        var syncs = 0;
        var flushes = 0;
        for (var seed = 1; seed <= 60; seed++)
        {
            var (syncCount, flushCount) = await RunModelAsync(seed, failsAt: seed % 3 == 0 ? 1 + seed % 8 : int.MaxValue);
            syncs += syncCount;
            flushes += flushCount;
        }
        Assert.True(syncs < flushes, $"{flushes} flushes made {syncs} syncs: none was shared.");
    }

    private async Task<(int Syncs, int Flushes)> RunModelAsync(int seed, int failsAt)
    {
        const int writers = 8;
        const int steps = 40;
        var written = new long[writers];
        var durable = new long[writers];
        var flushes = 0;
        _calls.OnSync = null;
        await using var device = await OpenAsync();
        var before = _calls.Syncs;
        _calls.OnSync = number =>
        {
            var began = written.Select((_, i) => Volatile.Read(ref written[i])).ToArray();
            Thread.SpinWait((number * seed * 7919) % 3000);
            if (number - before >= failsAt) return Linux.EIO;
            for (var i = 0; i < writers; i++) Volatile.Write(ref durable[i], began[i]);
            return 0;
        };
        await Task.WhenAll(Enumerable.Range(0, writers).Select(writer => Task.Run(async () =>
        {
            var random = new Random(seed * 100 + writer);
            var block = new byte[512];
            try
            {
                for (var step = 1; step <= steps; step++)
                {
                    await device.WriteAsync(writer, block);
                    Volatile.Write(ref written[writer], step);
                    if (random.Next(3) == 0) continue;
                    Interlocked.Increment(ref flushes);
                    await device.FlushAsync();
                    Assert.True(Volatile.Read(ref durable[writer]) >= step, $"seed {seed}: writer {writer} was told GOOD at {step} with {durable[writer]} durable");
                }
            }
            catch (BlockDeviceException e)
            {
                Assert.True(failsAt != int.MaxValue && e.Error is BlockDeviceError.WriteFailed or BlockDeviceError.Latched, $"seed {seed}: {e.Message}");
            }
        })));
        var isLatched = (await Record.ExceptionAsync(async () => await device.FlushAsync())) is BlockDeviceException { Error: BlockDeviceError.Latched };
        Assert.Equal(failsAt != int.MaxValue, isLatched);
        return (_calls.Syncs - before, flushes);
    }

    private static void Then(ValueTask task, Action action) => task.ConfigureAwait(false).GetAwaiter().UnsafeOnCompleted(action);

    private async Task<FileBlockDevice> OpenAsync(FileBlockDeviceOptions? options = null) =>
        await FileBlockDevice.OpenAsync(_file.Path, (options ?? new()) with { CreateWithLength = 1 << 20, Calls = _calls });

    /// <summary>Holds the first sync that comes until it is released.</summary>
    private sealed class HeldSync : IDisposable
    {
        private readonly ManualResetEventSlim _isIn = new();
        private readonly ManualResetEventSlim _mayEnd = new();
        private readonly FaultyCalls _calls;
        private readonly int _before;

        public HeldSync(FaultyCalls calls)
        {
            _calls = calls;
            _before = calls.Syncs;
            calls.OnSync = number =>
            {
                _isIn.Set();
                _mayEnd.Wait(TestContext.Current.CancellationToken);
                return Error(number - _before);
            };
        }

        /// <summary>The errno of each sync, by its number from 1.</summary>
        public Func<int, int> Error { get; init; } = _ => 0;

        public int Syncs => _calls.Syncs - _before;

        public void WaitUntilItRuns() => _isIn.Wait(TestContext.Current.CancellationToken);

        public void Release() => _mayEnd.Set();

        public void Dispose()
        {
            _mayEnd.Set(); // a test that fails ends
            _calls.OnSync = null;
            _isIn.Dispose();
            _mayEnd.Dispose();
        }
    }
}

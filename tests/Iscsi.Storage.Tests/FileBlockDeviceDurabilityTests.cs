using Reservations;

namespace Iscsi.Storage.Tests;

/// <summary>Flushes, durable writes, and what follows when they fail.</summary>
public sealed class FileBlockDeviceDurabilityTests : IDisposable
{
    private readonly TempFile _file = new();
    private readonly FaultyCalls _calls = new();
    private readonly byte[] _block = TestMemory.Random(new Random(1), 512);

    public void Dispose() => _file.Dispose();

    [Fact]
    public async Task A_flush_is_exactly_one_sync()
    {
        await using var device = await OpenAsync();
        var before = (_calls.Syncs, device.FlushCount);
        for (var i = 0; i < 7; i++)
        {
            await device.WriteAsync(i, _block);
            await device.FlushAsync();
        }
        Assert.Equal((before.Syncs + 7, before.FlushCount + 7), (_calls.Syncs, device.FlushCount));
    }

    [Fact]
    public async Task A_flush_on_tmpfs_is_one_sync_too()
    {
        using var file = new TempFile(inMemory: true);
        await using var device = await FileBlockDevice.OpenAsync(file.Path, new() { CreateWithLength = 1 << 20, Calls = _calls });
        Assert.Equal(0, device.Info.Store.ConcurrentRequests);
        var before = _calls.Syncs;
        await device.FlushAsync();
        Assert.Equal(before + 1, _calls.Syncs);
    }

    [Fact]
    public async Task A_portable_flush_is_one_sync_and_a_durable_write_has_one()
    {
        await using var device = await FileBlockDevice.OpenAsync(_file.Path, new() { CreateWithLength = 1 << 20, UsePortablePath = true });
        var before = device.FlushCount;
        await device.FlushAsync();
        Assert.Equal(before + 1, device.FlushCount);
        await device.WriteAsync(0, _block, BlockWriteFlags.ForceUnitAccess);
        Assert.Equal(before + 2, device.FlushCount);
    }

    [Fact]
    public async Task A_durable_write_is_one_call_and_an_ordinary_one_is_not_durable()
    {
        await using var device = await OpenAsync();
        await device.WriteAsync(0, _block);
        Assert.Equal(0, _calls.DurableWrites);
        var before = _calls.Syncs;
        await device.WriteAsync(0, _block, BlockWriteFlags.ForceUnitAccess);
        Assert.Equal((1, before), (_calls.DurableWrites, _calls.Syncs));
    }

    [Fact]
    public async Task Write_through_makes_every_change_durable_and_reports_no_cache()
    {
        await using var device = await OpenAsync(new() { WriteThrough = true });
        Assert.False(device.Info.HasVolatileWriteCache);
        await device.WriteAsync(0, _block);
        Assert.Equal(1, _calls.DurableWrites);
        var before = _calls.Syncs;
        await device.UnmapAsync(new(0, 8));
        Assert.Equal(before + 1, _calls.Syncs);
        await device.WriteZeroesAsync(new(0, 8));
        Assert.Equal(before + 2, _calls.Syncs);
    }

    [Fact]
    public async Task A_durable_write_where_the_system_has_none_is_a_write_and_a_sync()
    {
        _calls.DurableWriteError = Linux.EOpNotSupp;
        await using var device = await OpenAsync();
        var before = _calls.Syncs;
        await device.WriteAsync(3, _block, BlockWriteFlags.ForceUnitAccess);
        Assert.Equal(before + 1, _calls.Syncs);
        Assert.Equal(_block, await device.ReadBytesAsync(3, 1));
    }

    [Fact]
    public async Task After_a_failed_flush_every_change_and_flush_is_refused_and_reads_go_on()
    {
        await using var device = await OpenAsync();
        await device.WriteAsync(3, _block);
        _calls.SyncError = Linux.EIO;
        await FailsAsync(BlockDeviceError.WriteFailed, () => device.FlushAsync());
        var syncs = _calls.Syncs;
        await FailsAsync(BlockDeviceError.Latched, () => device.FlushAsync());
        await FailsAsync(BlockDeviceError.Latched, () => device.WriteAsync(0, _block));
        await FailsAsync(BlockDeviceError.Latched, () => device.WriteAsync(0, _block, BlockWriteFlags.ForceUnitAccess));
        await FailsAsync(BlockDeviceError.Latched, () => device.WriteZeroesAsync(new(0, 1)));
        await FailsAsync(BlockDeviceError.Latched, () => device.UnmapAsync(new(0, 1)));
        Assert.Equal(syncs, _calls.Syncs);
        Assert.Equal(_block, await device.ReadBytesAsync(3, 1));
    }

    [Fact]
    public async Task A_sync_that_succeeds_beside_one_that_fails_is_not_believed()
    {
        // The kernel tells the error to the first only, although the second may have lost the same data.
        await using var device = await OpenAsync();
        using var secondIsIn = new ManualResetEventSlim();
        var firstIsIn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var before = _calls.Syncs;
        _calls.OnSync = number =>
        {
            if (number == before + 1)
            {
                firstIsIn.SetResult();
                secondIsIn.Wait();
                return Linux.EIO;
            }
            secondIsIn.Set();
            return 0;
        };
        var first = device.FlushAsync().AsTask();
        await firstIsIn.Task;
        var second = device.WriteZeroesAsync(new(0, 8), BlockWriteFlags.ForceUnitAccess).AsTask(); // syncs on a thread of its own
        Assert.Equal(BlockDeviceError.WriteFailed, (await Assert.ThrowsAsync<BlockDeviceException>(() => first)).Error);
        Assert.Equal(BlockDeviceError.Latched, (await Assert.ThrowsAsync<BlockDeviceException>(() => second)).Error);
    }

    [Fact]
    public async Task Flushes_and_durable_writes_at_the_same_time_all_end()
    {
        await using var device = await OpenAsync();
        var list = BlockList.Over(_block);
        await Task.WhenAll(Enumerable.Range(0, 60).Select(i =>
            i % 3 == 0 ? device.FlushAsync().AsTask() : device.WriteAsync(i, list, BlockWriteFlags.ForceUnitAccess).AsTask()));
        Assert.Equal(_block, await device.ReadBytesAsync(59, 1));
    }

    [Fact]
    public async Task Opening_again_ends_the_latch()
    {
        await using (var device = await OpenAsync())
        {
            _calls.SyncError = Linux.EIO;
            await FailsAsync(BlockDeviceError.WriteFailed, () => device.FlushAsync());
        }
        await using var again = await OpenAsync();
        await again.WriteAsync(0, _block);
        await again.FlushAsync();
    }

    [Fact]
    public async Task A_failed_durable_write_latches()
    {
        await using var device = await OpenAsync();
        _calls.DurableWriteError = Linux.EIO;
        await FailsAsync(BlockDeviceError.WriteFailed, () => device.WriteAsync(0, _block, BlockWriteFlags.ForceUnitAccess));
        _calls.DurableWriteError = 0;
        await FailsAsync(BlockDeviceError.Latched, () => device.WriteAsync(0, _block));
    }

    [Fact]
    public async Task A_durable_write_to_a_full_file_system_does_not_latch()
    {
        await using var device = await OpenAsync();
        (_calls.DurableWriteError, _calls.WriteError) = (Linux.ENoSpc, Linux.ENoSpc);
        await FailsAsync(BlockDeviceError.NoSpace, () => device.WriteAsync(0, _block, BlockWriteFlags.ForceUnitAccess));
        (_calls.DurableWriteError, _calls.WriteError) = (0, 0);
        await device.WriteAsync(0, _block, BlockWriteFlags.ForceUnitAccess);
        await device.FlushAsync();
    }

    [Fact]
    public async Task A_durable_write_that_finds_no_space_only_while_it_syncs_latches()
    {
        await using var device = await OpenAsync();
        _calls.DurableWriteError = Linux.ENoSpc;
        await FailsAsync(BlockDeviceError.NoSpace, () => device.WriteAsync(0, _block, BlockWriteFlags.ForceUnitAccess));
        await FailsAsync(BlockDeviceError.Latched, () => device.FlushAsync());
    }

    [Fact]
    public async Task An_ordinary_write_that_fails_does_not_latch()
    {
        await using var device = await OpenAsync();
        foreach (var (errno, error) in ((int, BlockDeviceError)[])
        [
            (Linux.ENoSpc, BlockDeviceError.NoSpace), (Linux.EDQuot, BlockDeviceError.NoSpace), (Linux.EIO, BlockDeviceError.WriteFailed),
            (Linux.ERofs, BlockDeviceError.ReadOnly), (Linux.ETimedOut, BlockDeviceError.Timeout), (Linux.EStale, BlockDeviceError.Unavailable),
        ])
        {
            _calls.WriteError = errno;
            await FailsAsync(error, () => device.WriteAsync(0, _block));
        }
        _calls.WriteError = 0;
        await device.WriteAsync(0, _block);
    }

    [Fact]
    public async Task A_failed_read_is_a_medium_error()
    {
        await using var device = await OpenAsync();
        _calls.ReadError = Linux.EIO;
        var e = await FailsAsync(BlockDeviceError.MediumError, () => device.ReadAsync(5, new byte[512]));
        Assert.Contains($"{_file.Path} can't be read at byte 2560", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_that_was_made_shorter_is_an_error_and_not_zeroes()
    {
        await using var device = await OpenAsync();
        Assert.Equal(0, Unix.Truncate(_file.Path, 4096));
        await FailsAsync(BlockDeviceError.OutOfRange, () => device.ReadAsync(7, new byte[1024]));
    }

    [Fact]
    public async Task Zeroing_falls_back_to_writing_where_the_file_system_can_do_neither()
    {
        await using var device = await OpenAsync(new() { CreateWithLength = 8 << 20 });
        var content = TestMemory.Random(new Random(2), 8 << 20);
        await device.WriteAsync(0, content);
        _calls.AllocateError = Linux.EOpNotSupp;
        await device.WriteZeroesAsync(new(1, 12345));
        content.AsSpan(512, 12345 * 512).Clear();
        Assert.Equal(content, await device.ReadBytesAsync(0, device.Info.BlockCount));
    }

    [Fact]
    public async Task A_file_system_without_holes_is_reported_as_such()
    {
        _calls.AllocateError = Linux.EOpNotSupp;
        await using var device = await OpenAsync();
        Assert.Equal((DeviceSupport.None, false), (device.Info.Unmap, device.Info.UnmappedReadsZero));
        await Assert.ThrowsAsync<NotSupportedException>(async () => await device.UnmapAsync(new(0, 1)));
        await device.WriteAsync(0, _block);
        await device.WriteZeroesAsync(new(0, 1), BlockWriteFlags.MayUnmap);
        Assert.Equal(new byte[512], await device.ReadBytesAsync(0, 1));
    }

    [Fact]
    public async Task Calls_beyond_the_threads_wait_and_all_end_and_the_device_closes_after_the_last()
    {
        _calls.FileSystemMagic = Linux.ExtMagic;
        var device = await OpenAsync(new() { StoreThreads = 2 });
        Assert.Equal(2 + 64, device.Info.Store.ConcurrentRequests); // and the writes that one thread does in one go
        using var gate = _calls.WriteGate = new ManualResetEventSlim();
        var writes = Enumerable.Range(0, 20).Select(i => device.WriteAsync(i, _block).AsTask()).ToArray();
        var disposing = device.DisposeAsync().AsTask();
        Assert.DoesNotContain(writes, write => write.IsCompleted);
        Assert.False(disposing.IsCompleted);
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await device.WriteAsync(0, _block));
        gate.Set();
        await Task.WhenAll(writes);
        await disposing;
        var written = await File.ReadAllBytesAsync(_file.Path);
        for (var i = 0; i < 20; i++) Assert.Equal(_block, written[(i * 512)..((i + 1) * 512)]);
    }

    [Fact]
    public async Task A_continuation_on_a_store_thread_may_dispose_the_device()
    {
        var device = await OpenAsync(new() { StoreThreads = 1 });
        using var gate = _calls.WriteGate = new ManualResetEventSlim();
        var continued = new TaskCompletionSource<(string? Thread, Task Disposing)>();
        Then(device.WriteAsync(0, BlockList.Over(_block)), () => continued.SetResult((Thread.CurrentThread.Name, device.DisposeAsync().AsTask())));
        gate.Set();
        var (thread, disposing) = await continued.Task;
        Assert.StartsWith("store ", thread, StringComparison.Ordinal);
        await disposing;
    }

    private async Task<FileBlockDevice> OpenAsync(FileBlockDeviceOptions? options = null)
    {
        options ??= new();
        return await FileBlockDevice.OpenAsync(_file.Path, options with { CreateWithLength = options.CreateWithLength ?? 1 << 20, Calls = _calls });
    }

    private static async Task<BlockDeviceException> FailsAsync(BlockDeviceError error, Func<ValueTask> call)
    {
        var e = await Assert.ThrowsAsync<BlockDeviceException>(async () => await call());
        Assert.Equal(error, e.Error);
        return e;
    }

    private static void Then(ValueTask task, Action action) => task.ConfigureAwait(false).GetAwaiter().UnsafeOnCompleted(action);
}

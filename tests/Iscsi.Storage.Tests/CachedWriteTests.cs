namespace Iscsi.Storage.Tests;

/// <summary>Writes to the system's cache are done by one thread at a time, those that have come in one go.</summary>
public sealed class CachedWriteTests : IDisposable
{
    private const int BlockSize = 512;

    private readonly TempFile _file = new();
    private readonly FaultyCalls _calls = new() { FileSystemMagic = Linux.ExtMagic };
    private readonly byte[] _block = TestMemory.Random(new Random(1), BlockSize);

    public void Dispose() => _file.Dispose();

    [Fact]
    public async Task One_thread_does_all_that_came_while_it_was_at_work_in_their_order()
    {
        await using var device = await OpenAsync();
        var inside = 0;
        var most = 0;
        var order = new List<long>();
        _calls.OnWrite = (offset, _) =>
        {
            lock (order)
            {
                most = Math.Max(most, ++inside);
                order.Add(offset / BlockSize);
            }
            Thread.Yield();
            lock (order) inside--;
            return 0;
        };
        using var gate = _calls.WriteGate = new ManualResetEventSlim();
        var writes = Enumerable.Range(0, 40).Select(lba => device.WriteAsync(lba, _block).AsTask()).ToArray();
        gate.Set();
        await Task.WhenAll(writes);
        Assert.Equal(1, most);
        Assert.Equal(Enumerable.Range(0, 40).Select(lba => (long)lba), order);
        for (var lba = 0; lba < 40; lba++) Assert.Equal(_block, await device.ReadBytesAsync(lba, 1));
    }

    [Fact]
    public async Task Each_is_told_how_its_own_write_ended()
    {
        await using var device = await OpenAsync();
        _calls.OnWrite = (offset, _) => offset / BlockSize % 3 == 0 ? Linux.ENoSpc : 0;
        using var gate = _calls.WriteGate = new ManualResetEventSlim();
        var writes = Enumerable.Range(0, 30).Select(lba => device.WriteAsync(lba, _block).AsTask()).ToArray();
        gate.Set();
        for (var lba = 0; lba < 30; lba++)
        {
            var write = writes[lba];
            var error = await Record.ExceptionAsync(() => write);
            if (lba % 3 == 0) Assert.Equal(BlockDeviceError.NoSpace, Assert.IsType<BlockDeviceException>(error).Error);
            else Assert.Null(error);
        }
    }

    [Fact]
    public async Task What_is_done_is_told_although_the_next_one_takes_long()
    {
        await using var device = await OpenAsync();
        using var isFirstIn = new ManualResetEventSlim();
        using var gate = new ManualResetEventSlim();
        using var end = new ManualResetEventSlim();
        _calls.OnWrite = (offset, _) =>
        {
            if (offset == 0)
            {
                isFirstIn.Set();
                gate.Wait();
            }
            else if (offset == BlockSize) Thread.Sleep(1); // longer than the third may keep it from being told
            else end.Wait();
            return 0;
        };
        var first = device.WriteAsync(0, _block).AsTask();
        isFirstIn.Wait();
        var second = device.WriteAsync(1, _block).AsTask();
        var third = device.WriteAsync(2, _block).AsTask();
        gate.Set();
        await first;
        await second;
        Assert.False(third.IsCompleted);
        end.Set();
        await third;
    }

    [Fact]
    public async Task A_durable_write_does_not_wait_for_them()
    {
        await using var device = await OpenAsync();
        using var gate = new ManualResetEventSlim();
        _calls.OnWrite = (_, flags) =>
        {
            if ((flags & Linux.RwfDSync) == 0) gate.Wait();
            return 0;
        };
        var writes = Enumerable.Range(0, 10).Select(lba => device.WriteAsync(lba, _block).AsTask()).ToArray();
        await device.WriteAsync(20, _block, BlockWriteFlags.ForceUnitAccess);
        Assert.DoesNotContain(writes, write => write.IsCompleted);
        gate.Set();
        await Task.WhenAll(writes);
    }

    [Fact]
    public async Task Writes_that_never_end_leave_an_only_thread_time_for_the_rest()
    {
        await using var device = await OpenAsync(new() { StoreThreads = 1 });
        using var stop = new CancellationTokenSource();
        var writers = Enumerable.Range(0, 8).Select(worker => Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested) await device.WriteAsync(worker, _block);
        })).ToArray();
        for (var i = 0; i < 100; i++) await device.WriteZeroesAsync(new(100 + i, 1));
        await stop.CancelAsync();
        await Task.WhenAll(writers);
    }

    private const long ZfsMagic = 0x2FC12FC1;

    [Theory]
    [InlineData(Linux.ExtMagic, false, true, BlockSize, 4)] // the lock of the file is contended for
    [InlineData(Linux.XfsMagic, false, true, BlockSize, 4)]
    [InlineData(ZfsMagic, false, true, BlockSize, 12)]
    [InlineData(ZfsMagic, false, false, BlockSize, 12)]
    [InlineData(Linux.TmpFsMagic, true, true, BlockSize, 12)]
    [InlineData(Linux.TmpFsMagic, true, false, 4096, 1)]
    [InlineData(Linux.TmpFsMagic, true, false, BlockSize, 12)] // the rest of the page may have to be read
    [InlineData(Linux.ExtMagic, false, false, BlockSize, 1)]
    public async Task So_many_writes_are_done_at_a_time(long magic, bool isBlockDevice, bool isDurable, int bytes, int most)
    {
        await File.WriteAllBytesAsync(_file.Path, new byte[1 << 20]);
        _calls.FileSystemMagic = magic;
        _calls.IsBlockDevice = isBlockDevice;
        await using var device = await FileBlockDevice.OpenAsync(_file.Path, new() { StoreThreads = 12, Calls = _calls });
        var begun = 0;
        var count = 0;
        var greatest = 0;
        using var all = new CountdownEvent(most);
        using var gate = new ManualResetEventSlim();
        _calls.OnWrite = (_, _) =>
        {
            InterlockedMax(ref greatest, Interlocked.Increment(ref count));
            if (Interlocked.Increment(ref begun) <= most) all.Signal();
            gate.Wait();
            Interlocked.Decrement(ref count);
            return 0;
        };
        var data = TestMemory.Random(new Random(2), bytes);
        var flags = isDurable ? BlockWriteFlags.ForceUnitAccess : BlockWriteFlags.None;
        var writes = Enumerable.Range(0, 30).Select(i => device.WriteAsync(i * bytes / BlockSize, data, flags).AsTask()).ToArray();
        Assert.True(all.Wait(TimeSpan.FromMinutes(1)));
        if (most < 12) await device.GetExtentsAsync(new(0, 8), new BlockExtent[8]).AsTask().WaitAsync(TimeSpan.FromMinutes(1)); // the other threads are free
        gate.Set();
        await Task.WhenAll(writes);
        Assert.Equal(most, greatest);
    }

    [Fact]
    public async Task Every_kind_of_call_gets_done_with_few_threads_and_many_at_once()
    {
        var seed = Random.Shared.Next();
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        await using var device = await OpenAsync(new() { StoreThreads = 2 });
        _calls.OnRead = (_, _, flags) => flags != 0 ? -Linux.EAgain : null; // nothing is at hand
        await Task.WhenAll(Enumerable.Range(0, 16).Select(worker => Task.Run(async () =>
        {
            var random = new Random(seed + worker);
            var block = TestMemory.Random(random, BlockSize);
            for (var i = 0; i < 300; i++)
            {
                await (random.Next(5) switch
                {
                    0 => device.WriteAsync(worker, block, BlockWriteFlags.ForceUnitAccess),
                    1 => device.WriteZeroesAsync(new(100 + worker, 1)),
                    2 => new ValueTask(device.ReadBytesAsync(worker, 1)),
                    _ => device.WriteAsync(worker, block),
                });
            }
        })));
    }

    [Fact]
    public async Task Elsewhere_every_thread_writes()
    {
        _calls.FileSystemMagic = ZfsMagic;
        await using var device = await OpenAsync(new() { StoreThreads = 3 });
        Assert.Equal(3, device.Info.Store.ConcurrentRequests);
        using var all = new Barrier(3);
        _calls.OnWrite = (_, _) => all.SignalAndWait(TimeSpan.FromMinutes(1)) ? 0 : Linux.EIO;
        await Task.WhenAll(Enumerable.Range(0, 9).Select(lba => device.WriteAsync(lba, _block).AsTask()));
    }

    private static void InterlockedMax(ref int greatest, int value)
    {
        for (var old = Volatile.Read(ref greatest); old < value;)
        {
            var seen = Interlocked.CompareExchange(ref greatest, value, old);
            if (seen == old) return;
            old = seen;
        }
    }

    private async Task<FileBlockDevice> OpenAsync(FileBlockDeviceOptions? options = null) =>
        await FileBlockDevice.OpenAsync(_file.Path, (options ?? new()) with { CreateWithLength = 1 << 20, Calls = _calls });
}

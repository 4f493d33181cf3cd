using System.Net;
using Iscsi.Initiator;
using Iscsi.Protocol.Scsi;
using Iscsi.Storage;
using Iscsi.Target.Tests.Allocation;
using Iscsi.Target.Tests.Durability;
using Iscsi.Target.Tests.Raw;
using Reservations;

namespace Iscsi.Target.Tests.Memory;

/// <summary>What passes by the Store level of a device that has one slot: flushes that share, reads of what is at hand, FUA writes in two steps.</summary>
public sealed class StoreShortcutTests
{
    private const int BlockSize = 512;

    [Fact]
    public async Task Flushes_that_share_take_no_slot()
    {
        await using var device = new OneSlotDevice { SharesFlushes = true };
        await using var pair = await TargetPair.StartAsync(device, 4 << 20);
        device.Flushes.Close();
        var flushes = Enumerable.Range(0, 5).Select(i => SynchronizeCache.RunAsync(pair.Session, isLong: i % 2 == 0)).ToArray();
        await Poll.UntilAsync(() => device.Flushes.Waiting == 5, () => $"{device.Flushes.Waiting} of 5 flushes reached the device");
        await pair.Disk.WriteAsync(3, new byte[BlockSize]); // the slot is free
        device.Flushes.Open();
        await Task.WhenAll(flushes);
    }

    [Fact]
    public async Task Flushes_that_do_not_share_take_a_slot_each()
    {
        await using var device = new OneSlotDevice();
        await using var pair = await TargetPair.StartAsync(device, 4 << 20);
        device.Flushes.Close();
        var flushes = Enumerable.Range(0, 5).Select(_ => SynchronizeCache.RunAsync(pair.Session, isLong: false)).ToArray();
        await Poll.UntilAsync(() => device.Flushes.Waiting == 1, () => "no flush reached the device");
        await RunAsync(pair.Session, new byte[6]); // TEST UNIT READY: what came before it has gone as far as it can
        Assert.Equal(1, device.Flushes.Waiting);
        device.Flushes.Open();
        await Task.WhenAll(flushes);
    }

    [Fact]
    public async Task What_is_at_hand_is_read_while_the_only_slot_is_taken_and_the_rest_waits_for_it()
    {
        await using var device = new OneSlotDevice { IsAtHand = lba => lba < 100 };
        await using var pair = await TargetPair.StartAsync(device, 4 << 20);
        var block = Enumerable.Repeat((byte)7, BlockSize).ToArray();
        await pair.Disk.WriteAsync(5, block);
        device.Writes.Close();
        var write = pair.Disk.WriteAsync(200, block).AsTask();
        await Poll.UntilAsync(() => device.Writes.Waiting == 1, () => "the write did not reach the device");
        var read = new byte[BlockSize];
        await pair.Disk.ReadAsync(5, read);
        Assert.Equal(block, read);
        var cold = pair.Disk.ReadAsync(150, read).AsTask();
        await pair.Disk.ReadAsync(6, new byte[BlockSize]);
        Assert.False(cold.IsCompleted);
        device.Writes.Open();
        await write;
        await cold;
        Assert.Equal(new byte[BlockSize], read);
        Assert.Equal(1, device.ReadCalls);
    }

    [Fact]
    public async Task A_read_with_FUA_is_never_answered_from_what_is_at_hand_before_the_flush()
    {
        await using var device = new OneSlotDevice { IsAtHand = _ => true, SharesFlushes = true };
        await using var pair = await TargetPair.StartAsync(device, 4 << 20);
        await RunAsync(pair.Session, [0x28, 0x08, 0, 0, 0, 5, 0, 0, 1, 0], dataIn: BlockSize);
        Assert.Equal("flush", device.Log);
    }

    [Fact]
    public async Task Reads_of_every_size_of_a_file_on_disk_over_TCP_are_what_was_written()
    {
        const string name = "iqn.2026-11.net.example:disk";
        var path = Path.Combine(Path.GetTempPath(), $"iscsinet-{Guid.NewGuid():N}.img");
        try
        {
            var content = new byte[2 << 20];
            new Random(1).NextBytes(content);
            await File.WriteAllBytesAsync(path, content);
            await using var file = await FileBlockDevice.OpenAsync(path);
            await using var server = new IscsiTargetBuilder()
                .Listen(new IPEndPoint(IPAddress.Loopback, 0)).UseMemory(16 << 20).AddTarget(name, target => target.AddLun(0, file)).Build();
            await server.StartAsync();
            await using var session = await IscsiInitiator.ConnectAsync($"iscsi://{server.Endpoints[0]}/{name}");
            await using var disk = await session.OpenDiskAsync(0);
            foreach (var bytes in (int[])[512, 4096, 8192, 16 << 10, 64 << 10, 256 << 10, (1 << 20) + 512])
            {
                var read = new byte[bytes];
                await disk.ReadAsync(3, read);
                Assert.Equal(content.AsSpan(3 * BlockSize, bytes), read.AsSpan());
            }
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(16)]
    [InlineData(2000)] // several bursts
    public async Task A_durable_write_is_ordinary_writes_and_one_flush_where_the_device_prefers_that(int blocks)
    {
        await using var device = new OneSlotDevice { SharesFlushes = true, PrefersFlush = true };
        await using var pair = await TargetPair.StartAsync(device, 4 << 20);
        var data = new byte[blocks * BlockSize];
        new Random(blocks).NextBytes(data);
        await pair.Disk.WriteAsync(1, data, BlockWriteFlags.ForceUnitAccess);
        Assert.Matches("^(write )+flush$", device.Log);
        var read = new byte[data.Length];
        await pair.Disk.ReadAsync(1, read);
        Assert.Equal(data, read);
    }

    [Theory]
    [InlineData(false, true)]
    [InlineData(true, false)]
    public async Task A_durable_write_is_one_call_elsewhere(bool sharesFlushes, bool prefersFlush)
    {
        await using var device = new OneSlotDevice { SharesFlushes = sharesFlushes, PrefersFlush = prefersFlush };
        await using var pair = await TargetPair.StartAsync(device, 4 << 20);
        await pair.Disk.WriteAsync(1, new byte[BlockSize], BlockWriteFlags.ForceUnitAccess);
        Assert.Equal("durable write", device.Log);
    }

    [Fact]
    public async Task A_durable_write_whose_flush_fails_is_an_error_and_latches_the_unit()
    {
        await using var device = new OneSlotDevice { SharesFlushes = true, PrefersFlush = true, FailsFlushes = true };
        await using var pair = await TargetPair.StartAsync(device, 4 << 20);
        await Assert.ThrowsAnyAsync<Exception>(async () => await pair.Disk.WriteAsync(1, new byte[BlockSize], BlockWriteFlags.ForceUnitAccess));
        Assert.Equal("write flush", device.Log);
        device.FailsFlushes = false;
        var answer = await pair.Session.ExecuteAsync(0, [0x2A, 0, 0, 0, 0, 5, 0, 0, 1, 0], dataOut: new byte[BlockSize]);
        Assert.Equal(ScsiStatus.CheckCondition, answer.Status);
        Assert.Equal("write flush", device.Log);
    }

    [Fact]
    public async Task With_the_write_cache_off_a_write_is_answered_after_the_flush_and_not_before()
    {
        await using var device = new OneSlotDevice { SharesFlushes = true, PrefersFlush = true };
        await using var pair = await TargetPair.StartAsync(device, 4 << 20);
        var list = new byte[4 + CachingModePage.Size];
        new CachingModePage { WriteCacheEnabled = false }.Write(list.AsSpan(4));
        await RunAsync(pair.Session, [OperationCode.ModeSelect6, 0x10, 0, 0, (byte)list.Length, 0], dataOut: list);
        device.Flushes.Close();
        var writes = Enumerable.Range(0, 6).Select(i => pair.Disk.WriteAsync(i, new byte[BlockSize]).AsTask()).ToArray();
        await Poll.UntilAsync(() => device.Flushes.Waiting == 6, () => $"{device.Flushes.Waiting} of 6 flushes reached the device");
        Assert.DoesNotContain(writes, write => write.IsCompleted);
        device.Flushes.Open();
        await Task.WhenAll(writes);
    }

    private static async Task RunAsync(IscsiSession session, byte[] cdb, byte[]? dataOut = null, int dataIn = 0)
    {
        var result = dataIn > 0
            ? await session.ExecuteAsync(0, cdb, dataIn: new byte[dataIn])
            : await session.ExecuteAsync(0, cdb, dataOut: dataOut ?? []);
        result.ThrowIfFailed(Convert.ToHexString(cdb));
    }

    /// <summary>A disk in memory that declares one thread, and does what its shortcuts say.</summary>
    private sealed class OneSlotDevice : IBlockDevice, IBlockDeviceShortcuts
    {
        private readonly MemoryBlockDevice _inner = new(4096 * BlockSize, BlockSize);
        private readonly List<string> _log = [];
        private int _readCalls;

        public event Action<IBlockDevice>? InfoChanged
        {
            add { }
            remove { }
        }

        public BlockDeviceInfo Info => _inner.Info with { HasVolatileWriteCache = true, Store = new StoreNeed(1, 0) { SharesFlushes = SharesFlushes } };

        public bool SharesFlushes { get; init; }

        public bool PrefersFlush { get; init; }

        public bool FailsFlushes { get; set; }

        public Func<long, bool> IsAtHand { get; init; } = _ => false;

        public TestGate Writes { get; } = new();

        public TestGate Flushes { get; } = new();

        public int ReadCalls => Volatile.Read(ref _readCalls);

        /// <summary>Writes and flushes in their order.</summary>
        public string Log
        {
            get
            {
                lock (_log) return string.Join(' ', _log);
            }
        }

        public bool TryRead(long lba, BlockList destination)
        {
            if (!IsAtHand(lba)) return false;
            var read = _inner.ReadAsync(lba, destination).AsTask();
            return read.IsCompletedSuccessfully;
        }

        public async ValueTask ReadAsync(long lba, BlockList destination, CancellationToken cancellationToken = default)
        {
            Interlocked.Increment(ref _readCalls);
            await _inner.ReadAsync(lba, destination, cancellationToken);
        }

        public async ValueTask WriteAsync(
            long lba, BlockList source, BlockWriteFlags flags = BlockWriteFlags.None, CancellationToken cancellationToken = default)
        {
            Add(flags == BlockWriteFlags.ForceUnitAccess ? "durable write" : "write");
            await Writes.PassAsync();
            await _inner.WriteAsync(lba, source, flags, cancellationToken);
        }

        public async ValueTask FlushAsync(CancellationToken cancellationToken = default)
        {
            Add("flush");
            await Flushes.PassAsync();
            if (FailsFlushes) throw new BlockDeviceException(BlockDeviceError.WriteFailed, "The flush failed.");
        }

        public ValueTask WriteZeroesAsync(
            BlockRange range, BlockWriteFlags flags = BlockWriteFlags.None, CancellationToken cancellationToken = default) =>
            _inner.WriteZeroesAsync(range, flags, cancellationToken);

        public ValueTask UnmapAsync(BlockRange range, CancellationToken cancellationToken = default) => _inner.UnmapAsync(range, cancellationToken);

        public ValueTask<int> GetExtentsAsync(BlockRange range, Memory<BlockExtent> extents, CancellationToken cancellationToken = default) =>
            _inner.GetExtentsAsync(range, extents, cancellationToken);

        public ValueTask DisposeAsync() => _inner.DisposeAsync();

        private void Add(string what)
        {
            lock (_log) _log.Add(what);
        }
    }

    /// <summary>Where calls wait while it is closed.</summary>
    private sealed class TestGate
    {
        private volatile TaskCompletionSource? _closed;
        private int _waiting;

        public int Waiting => Volatile.Read(ref _waiting);

        public void Close() => _closed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

        public void Open() => Interlocked.Exchange(ref _closed, null)?.SetResult();

        public async Task PassAsync()
        {
            if (_closed is not { } closed) return;
            Interlocked.Increment(ref _waiting);
            await closed.Task;
            Interlocked.Decrement(ref _waiting);
        }
    }
}

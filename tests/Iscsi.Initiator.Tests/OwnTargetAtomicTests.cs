using System.Buffers.Binary;
using Iscsi.Protocol;
using Iscsi.Protocol.Scsi;
using Iscsi.Storage;
using Iscsi.Target;
using Iscsi.Transport;
using Reservations;

namespace Iscsi.Initiator.Tests;

/// <summary>The commands of the own target that read and write in one: through its engine, with several sessions at once.</summary>
public sealed class OwnTargetAtomicTests
{
    private const int Limit = 300_000;
    private const string Name = "iqn.2026-11.net.example:disk1";

    public static TheoryData<int, bool> Shapes => new() { { 512, false }, { 512, true }, { 4096, false }, { 4096, true } };

    [Theory(Timeout = Limit)]
    [MemberData(nameof(Shapes))]
    public async Task Writes_of_any_length_do_to_the_medium_what_they_say(int blockSize, bool smallBursts)
    {
        const int blocks = 512;
        await using var memory = new MemoryBlockDevice(blocks * blockSize, blockSize);
        await using var device = new SlowDevice(memory);
        await using var target = await Served.StartAsync(device, smallBursts ? TargetLimits.ManySessions : null);
        await using var session = await target.ConnectAsync();
        var seed = Environment.TickCount;
        var random = new Random(seed);
        var expected = new byte[blocks * blockSize];
        byte[] codes = [OperationCode.Write16, OperationCode.WriteAndVerify16, OperationCode.WriteAndVerify16, OperationCode.OrWrite16];
        for (var round = 0; round < 150; round++)
        {
            var lba = random.Next(blocks);
            var count = random.Next(1, Math.Min(blocks - lba, (round % 10 == 0 ? 1 << 20 : 40_000) / blockSize) + 1);
            var length = random.Next(3) == 0 ? random.Next(1, (count * blockSize) + 1) : count * blockSize;
            var data = new byte[length];
            random.NextBytes(data);
            var code = codes[random.Next(codes.Length)];
            var flags = code == OperationCode.WriteAndVerify16 && random.Next(2) == 0 ? 0x02 : 0;
            var result = await session.ExecuteAsync(0, Cdb16(code, (byte)flags, lba, count), dataOut: data);

            var what = $"seed {seed}, round {round}: {code:X2}h of {length} bytes in {count} blocks at {lba}: {result.Status} {result.Sense}";
            Assert.True(result.IsGood, what);
            Assert.True(result.Residual.Count == (uint)((count * blockSize) - length), what);
            var place = expected.AsSpan(lba * blockSize, length);
            if (code != OperationCode.OrWrite16) data.CopyTo(place);
            else for (var i = 0; i < length; i++) place[i] |= data[i];
            var actual = await ReadAsync(memory);
            Assert.True(expected.AsSpan().SequenceEqual(actual), $"{what}, differs at {expected.AsSpan().CommonPrefixLength(actual)}");
        }
    }

    [Fact(Timeout = Limit)]
    public async Task WRITE_AND_VERIFY_tells_where_the_medium_has_something_else()
    {
        await using var memory = new MemoryBlockDevice(1 << 20);
        await using var device = new SlowDevice(memory) { CorruptedByte = 300 * 512 + 77 };
        await using var target = await Served.StartAsync(device, TargetLimits.ManySessions);
        await using var session = await target.ConnectAsync();
        var data = new byte[200 * 512];
        var result = await session.ExecuteAsync(0, Cdb16(OperationCode.WriteAndVerify16, 0x02, 200, 200), dataOut: data);
        Assert.Equal((SenseKey.Miscompare, AdditionalSense.MiscompareDuringVerify), (result.Sense!.Value.Key, result.Sense.Value.Additional));
        Assert.Equal(100UL * 512 + 77, result.Sense.Value.Information);
        Assert.True((await session.ExecuteAsync(0, Cdb16(OperationCode.WriteAndVerify16, 0, 200, 200), dataOut: data)).IsGood);
    }

    [Fact(Timeout = Limit)]
    public async Task COMPARE_AND_WRITE_counts_right_in_many_sessions()
    {
        await using var memory = new MemoryBlockDevice(1 << 20);
        await using var device = new SlowDevice(memory);
        await using var target = await Served.StartAsync(device);
        var succeeded = 0;
        await Task.WhenAll(Enumerable.Range(0, 4).Select(async worker =>
        {
            await using var session = await target.ConnectAsync(worker);
            await using var disk = await session.OpenDiskAsync(0);
            var data = new byte[1024];
            for (var i = 0; i < 100; i++)
            {
                await disk.ReadAsync(3, data.AsMemory(0, 512));
                data.AsSpan(0, 512).CopyTo(data.AsSpan(512));
                BinaryPrimitives.WriteInt32BigEndian(data.AsSpan(512), BinaryPrimitives.ReadInt32BigEndian(data) + 1);
                if (await CompareAndWriteAsync(session, 3, data)) Interlocked.Increment(ref succeeded);
            }
        }));
        Assert.True(succeeded >= 100);
        Assert.Equal(succeeded, BinaryPrimitives.ReadInt32BigEndian((await ReadAsync(memory)).AsSpan(3 * 512)));
    }

    [Fact(Timeout = Limit)]
    public async Task COMPARE_AND_WRITE_never_undoes_an_ordinary_write()
    {
        await using var memory = new MemoryBlockDevice(1 << 20);
        await using var device = new SlowDevice(memory);
        await using var target = await Served.StartAsync(device);
        using var done = new CancellationTokenSource();
        var comparers = Enumerable.Range(1, 3).Select(async worker =>
        {
            await using var session = await target.ConnectAsync(worker);
            await using var disk = await session.OpenDiskAsync(0);
            var data = new byte[1024];
            while (!done.IsCancellationRequested)
            {
                await disk.ReadAsync(3, data.AsMemory(0, 512));
                data.AsSpan(0, 512).CopyTo(data.AsSpan(512));
                data[1023] = 1;
                await CompareAndWriteAsync(session, 3, data);
            }
        }).ToArray();
        await using (var session = await target.ConnectAsync())
        {
            await using var disk = await session.OpenDiskAsync(0);
            var block = new byte[512];
            for (var i = 1; i <= 200; i++)
            {
                block.AsSpan().Clear();
                BinaryPrimitives.WriteInt32BigEndian(block, i);
                await disk.WriteAsync(3, block);
                await disk.ReadAsync(3, block);
                Assert.Equal(i, BinaryPrimitives.ReadInt32BigEndian(block));
            }
        }
        await done.CancelAsync();
        await Task.WhenAll(comparers);
    }

    [Fact(Timeout = Limit)]
    public async Task ORWRITE_loses_no_bit_of_another_session()
    {
        await using var memory = new MemoryBlockDevice(1 << 20);
        await using var device = new SlowDevice(memory);
        await using var target = await Served.StartAsync(device);
        await Task.WhenAll(Enumerable.Range(0, 4).Select(async worker =>
        {
            await using var session = await target.ConnectAsync(worker);
            for (var bit = 0; bit < 2; bit++)
            {
                var data = new byte[100 * 512];
                data.AsSpan().Fill((byte)(1 << ((2 * worker) + bit)));
                var result = await session.ExecuteAsync(0, Cdb16(OperationCode.OrWrite16, 0, 7, 100), dataOut: data);
                Assert.True(result.IsGood);
            }
        }));
        Assert.Equal(-1, (await ReadAsync(memory)).AsSpan(7 * 512, 100 * 512).IndexOfAnyExcept((byte)0xFF));
    }

    [Fact(Timeout = Limit)]
    public async Task A_command_that_waits_for_its_blocks_can_be_aborted_and_the_others_go_on()
    {
        await using var memory = new MemoryBlockDevice(1 << 20);
        await using var device = new SlowDevice(memory);
        await using var target = await Served.StartAsync(device);
        await using var session = await target.ConnectAsync();
        await using var other = await target.ConnectAsync(1);
        var first = new byte[1024];
        first.AsSpan(512).Fill(1);
        var second = new byte[1024];
        second.AsSpan(0, 512).Fill(1);
        second.AsSpan(512).Fill(2);

        var gate = device.Close();
        var holder = CompareAndWriteAsync(session, 3, first);
        await device.Reached.Task;
        using var cancellation = new CancellationTokenSource();
        var waiting = other.ExecuteAsync(0, CompareAndWrite(3), dataOut: first, cancellationToken: cancellation.Token).AsTask();
        var behind = CompareAndWriteAsync(other, 3, second);
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        Assert.False(behind.IsCompleted);
        gate.SetResult();
        Assert.True(await holder);
        Assert.True(await behind);
        Assert.Equal(2, (await ReadAsync(memory))[3 * 512]);
    }

    private static byte[] CompareAndWrite(long lba)
    {
        var cdb = Cdb16(OperationCode.CompareAndWrite, 0, lba, 0);
        cdb[13] = 1;
        return cdb;
    }

    private static async Task<bool> CompareAndWriteAsync(IscsiSession session, long lba, byte[] data)
    {
        var result = await session.ExecuteAsync(0, CompareAndWrite(lba), dataOut: data);
        if (!result.IsGood) Assert.Equal(SenseKey.Miscompare, result.Sense!.Value.Key);
        return result.IsGood;
    }

    private static byte[] Cdb16(byte operationCode, byte flags, long lba, int blockCount)
    {
        var cdb = new byte[16];
        cdb[0] = operationCode;
        cdb[1] = flags;
        BinaryPrimitives.WriteInt64BigEndian(cdb.AsSpan(2), lba);
        BinaryPrimitives.WriteInt32BigEndian(cdb.AsSpan(10), blockCount);
        return cdb;
    }

    private static async Task<byte[]> ReadAsync(MemoryBlockDevice device)
    {
        var bytes = GC.AllocateUninitializedArray<byte>((int)device.Info.LengthBytes, pinned: true);
        await device.ReadAsync(0, BlockList.Over(bytes));
        return bytes;
    }

    private sealed class Served(InMemoryTransportListener listener, IscsiTargetServer server) : IAsyncDisposable
    {
        public static async Task<Served> StartAsync(IBlockDevice device, TargetLimits? limits = null)
        {
            var listener = new InMemoryTransportListener();
            var builder = new IscsiTargetBuilder().Listen(listener).UseMemory(16 << 20).AddTarget(Name, target => target.AddLun(0, device));
            if (limits is not null) builder.UseLimits(limits);
            var server = builder.Build();
            await server.StartAsync();
            return new Served(listener, server);
        }

        public async Task<IscsiSession> ConnectAsync(int number = 0)
        {
            var session = await IscsiInitiator.ConnectAsync(
                new IscsiUrl { Host = "local", TargetName = Name },
                new() { Connector = listener, InitiatorName = $"iqn.2026-11.net.example:host{number}" });
            // TEST UNIT READY takes the unit attention of a new nexus.
            await session.ExecuteAsync(0, new byte[6]);
            return session;
        }

        public async ValueTask DisposeAsync()
        {
            await server.DisposeAsync();
            await listener.DisposeAsync();
        }
    }

    /// <summary>Memory whose requests end later, on other threads, and in any order.</summary>
    private sealed class SlowDevice : IBlockDevice
    {
        private readonly MemoryBlockDevice _inner;
        private volatile TaskCompletionSource? _gate;

        public SlowDevice(MemoryBlockDevice inner)
        {
            _inner = inner;
            Info = inner.Info with { Store = new StoreNeed(4, 0) };
        }

        public BlockDeviceInfo Info { get; }

        /// <summary>A byte that never keeps what was written; -1: none.</summary>
        public long CorruptedByte { get; init; } = -1;

        public TaskCompletionSource Reached { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public event Action<IBlockDevice>? InfoChanged { add { } remove { } }

        /// <summary>Requests from now on wait for the result.</summary>
        public TaskCompletionSource Close() => _gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

        public async ValueTask ReadAsync(long lba, BlockList destination, CancellationToken cancellationToken = default)
        {
            await DelayAsync();
            await _inner.ReadAsync(lba, destination, cancellationToken);
            var offset = CorruptedByte - (lba * Info.BlockSize);
            if (CorruptedByte < 0 || offset < 0 || offset >= destination.Length) return;
            destination.CopyFrom((int)offset, [0xEE]);
        }

        public async ValueTask WriteAsync(long lba, BlockList source, BlockWriteFlags flags = default, CancellationToken cancellationToken = default)
        {
            await DelayAsync();
            await _inner.WriteAsync(lba, source, flags, cancellationToken);
        }

        public ValueTask FlushAsync(CancellationToken cancellationToken = default) => _inner.FlushAsync(cancellationToken);

        public ValueTask WriteZeroesAsync(BlockRange range, BlockWriteFlags flags = default, CancellationToken cancellationToken = default) =>
            _inner.WriteZeroesAsync(range, flags, cancellationToken);

        public ValueTask UnmapAsync(BlockRange range, CancellationToken cancellationToken = default) => _inner.UnmapAsync(range, cancellationToken);

        public ValueTask<int> GetExtentsAsync(BlockRange range, Memory<BlockExtent> extents, CancellationToken cancellationToken = default) =>
            _inner.GetExtentsAsync(range, extents, cancellationToken);

        public ValueTask DisposeAsync() => default;

        private async ValueTask DelayAsync()
        {
            if (_gate is { } gate)
            {
                Reached.TrySetResult();
                await gate.Task;
            }
            for (var i = Random.Shared.Next(4); i >= 0; i--) await Task.Yield();
        }
    }
}

using Reservations;

namespace Iscsi.Storage.Tests;

/// <summary>What each decorator does besides being a device.</summary>
public sealed class DecoratorTests
{
    private readonly BlockList _block = BlockList.Over(TestMemory.Random(new Random(1), 512));

    [Fact]
    public async Task The_nth_read_fails_and_the_others_do_not()
    {
        await using var device = Faulty(new FaultRule { Operations = BlockOperations.Read, SkipCalls = 2, MaxFaults = 1, Error = BlockDeviceError.MediumError });
        var failed = new List<int>();
        for (var i = 0; i < 6; i++)
        {
            await device.WriteAsync(i, _block);
            if (await ErrorOfAsync(() => device.ReadAsync(i, _block)) == BlockDeviceError.MediumError) failed.Add(i);
        }
        Assert.Equal([2], failed);
        Assert.Equal(1, device.FaultCount);
    }

    [Fact]
    public async Task A_range_fails_for_whatever_touches_it_and_a_failed_write_changes_nothing()
    {
        await using var device = Faulty(new FaultRule { Range = new(10, 5), Error = BlockDeviceError.WriteFailed });
        Assert.Null(await ErrorOfAsync(() => device.WriteAsync(9, _block)));
        Assert.Equal(BlockDeviceError.WriteFailed, await ErrorOfAsync(() => device.WriteAsync(10, _block)));
        Assert.Equal(BlockDeviceError.WriteFailed, await ErrorOfAsync(() => device.UnmapAsync(new(0, 11))));
        Assert.Equal(BlockDeviceError.WriteFailed, await ErrorOfAsync(() => device.WriteZeroesAsync(new(14, 1))));
        Assert.Null(await ErrorOfAsync(() => device.WriteAsync(15, _block)));
        Assert.Null(await ErrorOfAsync(() => device.FlushAsync()));
        device.Clear();
        Assert.Equal(new byte[512], await device.ReadBytesAsync(10, 1));
        Assert.Equal(_block.ToBytes(), await device.ReadBytesAsync(9, 1));
    }

    [Fact]
    public async Task A_flush_fails_with_the_kind_of_the_rule()
    {
        await using var device = Faulty(new FaultRule { Operations = BlockOperations.Flush, Error = BlockDeviceError.Timeout });
        Assert.Equal(BlockDeviceError.Timeout, await ErrorOfAsync(() => device.FlushAsync()));
    }

    [Fact]
    public async Task Chance_is_the_same_for_the_same_seed()
    {
        var runs = new List<string>();
        for (var run = 0; run < 2; run++)
        {
            await using var device = Faulty(new FaultRule { Probability = 0.5 });
            var outcome = "";
            for (var i = 0; i < 64; i++) outcome += await ErrorOfAsync(() => device.ReadAsync(i, _block)) is null ? '.' : 'x';
            runs.Add(outcome);
        }
        Assert.Equal(runs[0], runs[1]);
        Assert.Contains('x', runs[0]);
        Assert.Contains('.', runs[0]);
    }

    [Fact]
    public async Task A_delayed_call_reaches_the_device_when_its_time_has_come()
    {
        var time = new ManualTime();
        var memory = new MemoryBlockDevice(1 << 20);
        await using var device = new DelayBlockDevice(memory, new(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(3), TimeSpan.FromSeconds(4)), time);
        var buffer = new BlockExtent[4];
        (Task Call, TimeSpan Delay)[] calls =
        [
            (device.ReadAsync(0, BlockList.Over(TestMemory.Pinned(512))).AsTask(), TimeSpan.FromSeconds(1)),
            (device.WriteAsync(1, _block).AsTask(), TimeSpan.FromSeconds(2)),
            (device.FlushAsync().AsTask(), TimeSpan.FromSeconds(3)),
            (device.UnmapAsync(new(5, 1)).AsTask(), TimeSpan.FromSeconds(4)),
            (device.WriteZeroesAsync(new(5, 1)).AsTask(), TimeSpan.FromSeconds(4)),
            (device.GetExtentsAsync(new(5, 1), buffer).AsTask(), TimeSpan.FromSeconds(4)),
        ];
        for (var second = 0; second <= 4; second++)
        {
            foreach (var (call, delay) in calls)
            {
                if (delay <= TimeSpan.FromSeconds(second)) await call;
                else Assert.False(call.IsCompleted);
            }
            if (second == 1) Assert.Equal(0, memory.AllocatedBytes);
            time.Advance(TimeSpan.FromSeconds(1));
        }
        Assert.Equal(_block.ToBytes(), await memory.ReadBytesAsync(1, 1));
    }

    [Fact]
    public async Task The_null_device_reads_zeroes_and_keeps_nothing()
    {
        await using var device = new NullBlockDevice(1L << 40, 4096);
        var bytes = TestMemory.Random(new Random(1), 8192);
        await device.WriteAsync(device.Info.BlockCount - 2, bytes);
        await device.ReadAsync(device.Info.BlockCount - 2, bytes);
        Assert.False(bytes.AsSpan().ContainsAnyExcept((byte)0));
        await device.FlushAsync();
        await device.UnmapAsync(new(0, device.Info.BlockCount));
        await device.WriteZeroesAsync(new(0, device.Info.BlockCount));
        Assert.Equal([new(5, 100, false)], await device.AllExtentsAsync(new(5, 100)));
        await Assert.ThrowsAsync<BlockDeviceException>(async () => await device.ReadAsync(device.Info.BlockCount, BlockList.Over(TestMemory.Pinned(4096))));
        Assert.Contains("discards", device.Info.Description, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Memory_is_taken_when_written_and_given_back_when_unmapped()
    {
        await using var device = new MemoryBlockDevice(1L << 40);
        Assert.Equal(0, device.AllocatedBytes);
        await device.WriteAsync(device.Info.BlockCount - 1, _block);
        await device.WriteZeroesAsync(new(0, 8));
        Assert.Equal(2 * 65536, device.AllocatedBytes);
        Assert.Equal([new(0, 8, true), new(8, 120, false)], await device.AllExtentsAsync(new(0, 128)));
        await device.UnmapAsync(new(device.Info.BlockCount - 8, 8));
        Assert.Equal(65536, device.AllocatedBytes);
        await device.WriteZeroesAsync(new(0, 4), BlockWriteFlags.MayUnmap);
        Assert.Equal(65536, device.AllocatedBytes);
        await device.WriteZeroesAsync(new(0, 8), BlockWriteFlags.MayUnmap);
        Assert.Equal(0, device.AllocatedBytes);
    }

    [Fact]
    public async Task A_decorator_disposes_what_it_owns_and_nothing_else()
    {
        var memory = new MemoryBlockDevice(1 << 20);
        await new ReadOnlyBlockDevice(memory, leaveOpen: true).DisposeAsync();
        await memory.FlushAsync();
        await new ReadOnlyBlockDevice(memory).DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await memory.FlushAsync());
    }

    private static FaultInjectionBlockDevice Faulty(params FaultRule[] rules) => new(new MemoryBlockDevice(1 << 20), 42, rules);

    private static async Task<BlockDeviceError?> ErrorOfAsync(Func<ValueTask> call) => (await Record.ExceptionAsync(async () => await call()) as BlockDeviceException)?.Error;
}

using Reservations;

namespace Iscsi.Storage.Tests;

/// <summary>What every device promises, whatever it is made of.</summary>
public sealed class BlockDeviceContractTests
{
    private const int Blocks = 600;

    public static TheoryData<string, int> Devices => TestDevices.All();

    [Theory, MemberData(nameof(Devices))]
    public async Task Info_says_what_was_asked_for(string name, int blockSize)
    {
        await using var test = await TestDevices.OpenAsync(name, blockSize, Blocks);
        var info = test.Device.Info;
        Assert.Equal((blockSize, Blocks, false), (info.BlockSize, info.BlockCount, info.IsReadOnly));
        Assert.Equal(blockSize * (long)Blocks, info.LengthBytes);
        Assert.True(info.UnmapGranularityBlocks >= 1 && int.IsPow2(info.PhysicalBlockBlocks));
        Assert.NotEmpty(info.Identity);
        Assert.NotEmpty(info.Description);
    }

    [Theory, MemberData(nameof(Devices))]
    public async Task A_new_device_reads_zeroes(string name, int blockSize)
    {
        await using var test = await TestDevices.OpenAsync(name, blockSize, Blocks);
        var bytes = TestMemory.Random(new Random(1), Blocks * blockSize);
        await test.Device.ReadAsync(0, BlockList.Over(bytes));
        Assert.False(bytes.AsSpan().ContainsAnyExcept((byte)0));
    }

    [Theory, MemberData(nameof(Devices))]
    public async Task What_is_written_is_read_back_and_its_neighbours_stay(string name, int blockSize)
    {
        await using var test = await TestDevices.OpenAsync(name, blockSize, Blocks);
        var all = TestMemory.Random(new Random(2), Blocks * blockSize);
        await test.Device.WriteAsync(0, BlockList.Over(all));
        var part = TestMemory.Random(new Random(3), 3 * blockSize);
        await test.Device.WriteAsync(17, BlockList.Over(part));
        part.CopyTo(all, 17 * blockSize);
        Assert.Equal(all, await test.Device.ReadBytesAsync(0, Blocks));
    }

    [Theory, MemberData(nameof(Devices))]
    public async Task The_last_block_is_there_and_the_one_behind_it_is_not(string name, int blockSize)
    {
        await using var test = await TestDevices.OpenAsync(name, blockSize, Blocks + 1); // not a multiple of a page
        var block = TestMemory.Random(new Random(4), blockSize);
        await test.Device.WriteAsync(Blocks, BlockList.Over(block), BlockWriteFlags.ForceUnitAccess);
        Assert.Equal(block, await test.Device.ReadBytesAsync(Blocks, 1));
        var beyond = BlockList.Over(TestMemory.Pinned(blockSize));
        foreach (var lba in (long[])[Blocks + 1, -1, long.MaxValue, long.MinValue])
        {
            Assert.Equal(BlockDeviceError.OutOfRange, (await Assert.ThrowsAsync<BlockDeviceException>(async () => await test.Device.ReadAsync(lba, beyond))).Error);
            Assert.Equal(BlockDeviceError.OutOfRange, (await Assert.ThrowsAsync<BlockDeviceException>(async () => await test.Device.WriteAsync(lba, beyond))).Error);
        }
        var range = new BlockRange(Blocks, 2);
        await Assert.ThrowsAsync<BlockDeviceException>(async () => await test.Device.UnmapAsync(range));
        await Assert.ThrowsAsync<BlockDeviceException>(async () => await test.Device.WriteZeroesAsync(range));
        await Assert.ThrowsAsync<BlockDeviceException>(async () => await test.Device.GetExtentsAsync(range, new BlockExtent[1]));
    }

    [Theory, MemberData(nameof(Devices))]
    public async Task Lists_of_many_odd_runs_are_transferred_in_order(string name, int blockSize)
    {
        await using var test = await TestDevices.OpenAsync(name, blockSize, Blocks);
        var random = new Random(5);
        // Down to a block of more runs than one system call takes.
        foreach (var maxRun in (int[])[1, 7, 100, 5000, 3 * blockSize])
        {
            var content = TestMemory.Random(random, (maxRun == 1 ? 3 : 200) * blockSize);
            var source = TestMemory.OddRuns(random, content, maxRun);
            await test.Device.WriteAsync(100, source);
            Assert.Equal(content, source.ToBytes());
            Assert.Equal(content, await test.Device.ReadBytesAsync(100, content.Length / blockSize));
            var destination = TestMemory.OddRuns(random, new byte[content.Length], maxRun);
            await test.Device.ReadAsync(100, destination);
            Assert.Equal(content, destination.ToBytes());
        }
    }

    [Theory, MemberData(nameof(Devices))]
    public async Task A_list_of_many_separate_blocks_is_written_by_several_calls(string name, int blockSize)
    {
        await using var test = await TestDevices.OpenAsync(name, blockSize, Blocks);
        var content = TestMemory.Random(new Random(6), Blocks * blockSize);
        var list = new BlockList();
        for (var i = 0; i < Blocks; i++)
        {
            var run = TestMemory.Pinned(2 * blockSize).AsMemory(0, blockSize);
            content.AsSpan(i * blockSize, blockSize).CopyTo(run.Span);
            list.Add(run);
        }
        await test.Device.WriteAsync(0, list, BlockWriteFlags.ForceUnitAccess);
        list.Zero();
        await test.Device.ReadAsync(0, list);
        Assert.Equal(content, list.ToBytes());
    }

    [Theory, MemberData(nameof(Devices))]
    public async Task An_empty_list_does_nothing(string name, int blockSize)
    {
        await using var test = await TestDevices.OpenAsync(name, blockSize, Blocks);
        await test.Device.WriteAsync(Blocks, new BlockList());
        await test.Device.ReadAsync(Blocks, new BlockList());
    }

    [Theory, MemberData(nameof(Devices))]
    public async Task A_part_of_a_block_is_refused(string name, int blockSize)
    {
        await using var test = await TestDevices.OpenAsync(name, blockSize, Blocks);
        var list = BlockList.Over(TestMemory.Pinned(blockSize + 1));
        await Assert.ThrowsAsync<ArgumentException>(async () => await test.Device.ReadAsync(0, list));
        await Assert.ThrowsAsync<ArgumentException>(async () => await test.Device.WriteAsync(0, list));
    }

    [Theory, MemberData(nameof(Devices))]
    public async Task A_flush_ends_normally(string name, int blockSize)
    {
        await using var test = await TestDevices.OpenAsync(name, blockSize, Blocks);
        await test.Device.FlushAsync();
        await test.Device.WriteAsync(1, TestMemory.Pinned(blockSize));
        await test.Device.FlushAsync();
    }

    [Theory, MemberData(nameof(Devices))]
    public async Task Zeroes_are_written_over_data_and_nowhere_else(string name, int blockSize)
    {
        await using var test = await TestDevices.OpenAsync(name, blockSize, Blocks);
        foreach (var flags in (BlockWriteFlags[])[BlockWriteFlags.None, BlockWriteFlags.MayUnmap, BlockWriteFlags.ForceUnitAccess, BlockWriteFlags.MayUnmap | BlockWriteFlags.ForceUnitAccess])
        {
            var content = TestMemory.Random(new Random(7), Blocks * blockSize);
            await test.Device.WriteAsync(0, BlockList.Over(content));
            await test.Device.WriteZeroesAsync(new(3, 555), flags);
            content.AsSpan(3 * blockSize, 555 * blockSize).Clear();
            Assert.Equal(content, await test.Device.ReadBytesAsync(0, Blocks));
        }
    }

    [Theory, MemberData(nameof(Devices))]
    public async Task Unmapped_blocks_read_zeroes_and_their_neighbours_stay(string name, int blockSize)
    {
        await using var test = await TestDevices.OpenAsync(name, blockSize, Blocks);
        if (test.Device.Info.Unmap == DeviceSupport.None)
        {
            await Assert.ThrowsAsync<NotSupportedException>(async () => await test.Device.UnmapAsync(new(0, 1)));
            return;
        }
        Assert.True(test.Device.Info.UnmappedReadsZero);
        var content = TestMemory.Random(new Random(8), Blocks * blockSize);
        await test.Device.WriteAsync(0, BlockList.Over(content));
        foreach (var (lba, count) in ((int, int)[])[(5, 1), (0, 2), (63, 400), (Blocks - 3, 3)])
        {
            await test.Device.UnmapAsync(new(lba, count));
            content.AsSpan(lba * blockSize, count * blockSize).Clear();
            Assert.Equal(content, await test.Device.ReadBytesAsync(0, Blocks));
        }
    }

    [Theory, MemberData(nameof(Devices))]
    public async Task Extents_adjoin_and_cover_the_range_and_holes_read_zeroes(string name, int blockSize)
    {
        await using var test = await TestDevices.OpenAsync(name, blockSize, Blocks);
        var random = new Random(9);
        for (var i = 0; i < 12; i++) await test.Device.WriteAsync(random.Next(Blocks), TestMemory.Random(random, blockSize));
        await test.Device.FlushAsync();
        foreach (var atATime in (int[])[1, 2, 100])
        {
            foreach (var range in (BlockRange[])[new(0, Blocks), new(13, 1), new(100, 333)])
            {
                var extents = await test.Device.AllExtentsAsync(range, atATime);
                var next = range.Lba;
                foreach (var extent in extents)
                {
                    Assert.Equal(next, extent.Lba);
                    Assert.True(extent.Count > 0);
                    next += extent.Count;
                    if (extent.IsAllocated) continue;
                    Assert.False((await test.Device.ReadBytesAsync(extent.Lba, extent.Count)).AsSpan().ContainsAnyExcept((byte)0));
                }
                Assert.Equal(range.Lba + range.Count, next);
            }
        }
        await Assert.ThrowsAsync<ArgumentException>(async () => await test.Device.GetExtentsAsync(new(0, 1), Memory<BlockExtent>.Empty));
    }

    [Theory, MemberData(nameof(Devices))]
    public async Task Native_extents_tell_written_and_unmapped_pages_apart(string name, int blockSize)
    {
        await using var test = await TestDevices.OpenAsync(name, blockSize, Blocks);
        if (test.Device.Info.Extents != DeviceSupport.Native) return;
        var page = 65536 / blockSize;
        await test.Device.WriteAsync(page, TestMemory.Random(new Random(10), 2 * 65536));
        await test.Device.FlushAsync();
        Assert.Equal([new(0, page, false), new(page, 2 * page, true), new(3 * page, page, false)], await test.Device.AllExtentsAsync(new(0, 4 * page)));
        await test.Device.UnmapAsync(new(page, page));
        Assert.Equal([new(0, 2 * page, false), new(2 * page, page, true), new(3 * page, page, false)], await test.Device.AllExtentsAsync(new(0, 4 * page)));
    }

    [Theory, MemberData(nameof(Devices))]
    public async Task A_read_only_wrapper_refuses_every_change_and_still_reads(string name, int blockSize)
    {
        await using var test = await TestDevices.OpenAsync(name, blockSize, Blocks);
        var content = TestMemory.Random(new Random(11), blockSize);
        await test.Device.WriteAsync(2, content);
        await using var device = new ReadOnlyBlockDevice(test.Device, leaveOpen: true);
        Assert.True(device.Info.IsReadOnly);
        Assert.True(device.IsSameStorage(test.Device));
        Func<ValueTask>[] changes =
        [
            () => device.WriteAsync(2, BlockList.Over(TestMemory.Pinned(blockSize))),
            () => device.WriteZeroesAsync(new(2, 1), BlockWriteFlags.MayUnmap),
            () => device.UnmapAsync(new(2, 1)),
        ];
        foreach (var change in changes)
            Assert.Equal(BlockDeviceError.ReadOnly, (await Assert.ThrowsAsync<BlockDeviceException>(async () => await change())).Error);
        await device.FlushAsync();
        Assert.NotEmpty(await device.AllExtentsAsync(new(0, 4)));
        Assert.Equal(content, await device.ReadBytesAsync(2, 1));
    }

    [Theory, MemberData(nameof(Devices))]
    public async Task Overlapping_calls_leave_each_block_whole(string name, int blockSize)
    {
        await using var test = await TestDevices.OpenAsync(name, blockSize, 64);
        // Writer w fills blocks with the byte w; at the end, and in every read of it alone, a block is of one writer.
        await Task.WhenAll(Enumerable.Range(1, 12).Select(writer => Task.Run(async () =>
        {
            var random = new Random(writer);
            var read = TestMemory.Pinned(blockSize);
            for (var i = 0; i < 40; i++)
            {
                var content = new byte[random.Next(1, 16) * blockSize];
                content.AsSpan().Fill((byte)writer);
                var lba = random.Next(64 - content.Length / blockSize + 1);
                // The tricky device makes short writes, after which the kernel promises nothing for the block in between.
                var maxRun = name is "file tricky" ? content.Length : 3000;
                await test.Device.WriteAsync(lba, TestMemory.OddRuns(random, content, maxRun));
                await test.Device.ReadAsync(random.Next(64), BlockList.Over(read));
            }
        })));
        if (name is "file tricky") return;
        for (var lba = 0; lba < 64; lba++) Assert.Single((await test.Device.ReadBytesAsync(lba, 1)).Distinct());
    }

    [Theory, MemberData(nameof(Devices))]
    public async Task Many_calls_at_once_each_end_with_their_own_data(string name, int blockSize)
    {
        await using var test = await TestDevices.OpenAsync(name, blockSize, Blocks);
        var contents = Enumerable.Range(0, 150).Select(i => TestMemory.Random(new Random(i), 4 * blockSize)).ToArray();
        var writes = contents.Select((content, i) => test.Device.WriteAsync(i * 4, BlockList.Over(content)).AsTask()).ToArray();
        await Task.WhenAll(writes);
        var lists = contents.Select(content => BlockList.Over(TestMemory.Pinned(content.Length))).ToArray();
        await Task.WhenAll(lists.Select((list, i) => test.Device.ReadAsync(i * 4, list).AsTask()));
        for (var i = 0; i < contents.Length; i++) Assert.Equal(contents[i], lists[i].ToBytes());
    }

    [Theory, MemberData(nameof(Devices))]
    public async Task Nothing_is_touched_after_a_call_has_ended(string name, int blockSize)
    {
        await using var test = await TestDevices.OpenAsync(name, blockSize, Blocks);
        var memory = TestMemory.Pinned(64 * blockSize);
        var list = BlockList.Over(memory);
        for (var i = 0; i < 200; i++)
        {
            memory.AsSpan().Fill(1);
            await test.Device.WriteAsync(0, list);
            memory.AsSpan().Fill(2); // must not be what is read
            var read = test.Device.ReadAsync(0, list).AsTask();
            await read;
            Assert.False(memory.AsSpan().ContainsAnyExcept((byte)1));
            memory.AsSpan().Fill(3); // must stay
            await test.Device.ReadAsync(100, BlockList.Over(TestMemory.Pinned(blockSize)));
            Assert.False(memory.AsSpan().ContainsAnyExcept((byte)3));
        }
    }

    [Theory, MemberData(nameof(Devices))]
    public async Task A_cancelled_token_ends_a_call_before_it_begins(string name, int blockSize)
    {
        await using var test = await TestDevices.OpenAsync(name, blockSize, Blocks);
        var cancelled = new CancellationToken(canceled: true);
        var list = BlockList.Over(TestMemory.Random(new Random(12), blockSize));
        // A decorator that does not wait may leave it to the device below; nobody may write.
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await test.Device.WriteAsync(0, list, BlockWriteFlags.None, cancelled));
        Assert.False((await test.Device.ReadBytesAsync(0, 1)).AsSpan().ContainsAnyExcept((byte)0));
    }

    [Theory, MemberData(nameof(Devices))]
    public async Task A_disposed_device_refuses_and_may_be_disposed_again(string name, int blockSize)
    {
        await using var test = await TestDevices.OpenAsync(name, blockSize, Blocks);
        await test.Device.DisposeAsync();
        await test.Device.DisposeAsync();
        var list = BlockList.Over(TestMemory.Pinned(blockSize));
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await test.Device.ReadAsync(0, list));
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await test.Device.WriteAsync(0, list));
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await test.Device.FlushAsync());
    }

    [Theory, MemberData(nameof(Devices))]
    public async Task Disposing_waits_for_the_calls_inside(string name, int blockSize)
    {
        await using var test = await TestDevices.OpenAsync(name, blockSize, Blocks);
        var lists = Enumerable.Range(0, 30).Select(_ => BlockList.Over(TestMemory.Pinned(16 * blockSize))).ToArray();
        var calls = lists.Select((list, i) => test.Device.WriteAsync(i * 16, list).AsTask()).ToArray();
        var disposing = test.Device.DisposeAsync();
        foreach (var call in calls)
        {
            // Those that a decorator had not handed on yet may be refused; none may be lost.
            var e = await Record.ExceptionAsync(() => call);
            Assert.True(e is null or ObjectDisposedException, e?.ToString());
        }
        await disposing;
    }

    [Theory, MemberData(nameof(Devices))]
    public async Task A_random_workload_does_what_an_array_does(string name, int blockSize)
    {
        var seed = Random.Shared.Next();
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        await using var test = await TestDevices.OpenAsync(name, blockSize, 128);
        await RandomWorkload.RunAsync(test.Device, seed, 600);
    }
}

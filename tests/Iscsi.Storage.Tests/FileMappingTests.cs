using Reservations;

namespace Iscsi.Storage.Tests;

/// <summary>Files on tmpfs are mapped: reads and writes are copies, where nothing speaks against it.</summary>
public sealed class FileMappingTests : IDisposable
{
    private const int BlockSize = 512;
    private const int PartBytes = 64 * 1024;
    private const int DiskBytes = 4 << 20;
    private const int PartBlocks = PartBytes / BlockSize;

    private readonly TempFile _file = new(inMemory: true);
    private readonly FaultyCalls _calls = new();
    private readonly byte[] _content = TestMemory.Random(new Random(7), DiskBytes);

    public void Dispose() => _file.Dispose();

    [Theory]
    [InlineData(0, 1)]
    [InlineData(PartBlocks - 1, 2)]
    [InlineData(3, 3 * PartBlocks)]
    [InlineData(DiskBytes / BlockSize - 1, 1)]
    [InlineData(0, DiskBytes / BlockSize)]
    public async Task What_is_read_without_a_call_is_what_the_file_has(int lba, int count)
    {
        await using var device = await OpenFullAsync();
        Assert.Equal(_content[(lba * BlockSize)..((lba + count) * BlockSize)], await device.ReadBytesAsync(lba, count));
        var list = TestMemory.OddRuns(new Random(1), new byte[count * BlockSize], 3000);
        Assert.True(device.TryRead(lba, list));
        Assert.Equal(_content[(lba * BlockSize)..((lba + count) * BlockSize)], list.ToBytes());
        Assert.Equal(0, _calls.Transfers);
    }

    [Fact]
    public async Task What_is_written_is_there_at_once_and_in_the_file()
    {
        await using var device = await OpenFullAsync();
        var random = new Random(3);
        for (var i = 0; i < 200; i++)
        {
            var bytes = TestMemory.Random(random, BlockSize * random.Next(1, i % 4 == 0 ? PartBlocks : 20));
            var lba = random.Next(PartBlocks);
            await device.WriteAsync(lba, TestMemory.OddRuns(random, bytes, random.Next(1, i % 4 == 0 ? PartBytes : 3000)));
            bytes.CopyTo(_content, lba * BlockSize);
            Assert.True((await device.ReadBytesAsync(0, 2 * PartBlocks)).AsSpan().SequenceEqual(_content.AsSpan(0, 2 * PartBytes)), $"step {i}");
        }
        Assert.Equal(1, _calls.Transfers); // the first write, which sets the file's time
        Assert.Equal(_content, ReadFile());
    }

    [Fact]
    public async Task A_hole_is_neither_mapped_nor_filled_by_reads()
    {
        await using var device = await FileBlockDevice.OpenAsync(_file.Path, new() { CreateWithLength = DiskBytes, Calls = _calls });
        await device.WriteAsync(0, TestMemory.Random(new Random(1), BlockSize));
        var before = (await device.GetSpaceAsync()).AllocatedBytes;
        for (var lba = 0; lba < DiskBytes / BlockSize; lba += 8)
        {
            Assert.False(await IsMappedAsync(device, lba, 8));
        }
        Assert.Equal(before, (await device.GetSpaceAsync()).AllocatedBytes);
    }

    [Fact]
    public async Task A_part_is_mapped_once_it_has_no_hole_any_more()
    {
        await using var device = await FileBlockDevice.OpenAsync(_file.Path, new() { CreateWithLength = DiskBytes, Calls = _calls });
        Assert.False(await IsMappedAsync(device, 0, 1));
        await device.WriteAsync(0, _content.AsMemory(0, PartBytes));
        var reads = 0;
        while (!await IsMappedAsync(device, 0, 1)) Assert.InRange(++reads, 1, 100);
    }

    [Fact]
    public async Task What_is_deallocated_is_no_longer_mapped_and_stays_deallocated()
    {
        await using var device = await OpenFullAsync();
        Assert.True(await IsMappedAsync(device, PartBlocks, 1));
        await device.UnmapAsync(new BlockRange(PartBlocks, PartBlocks));
        Assert.False(await IsMappedAsync(device, PartBlocks, 1));
        Assert.All(await device.ReadBytesAsync(PartBlocks, PartBlocks), value => Assert.Equal(0, value));
        Assert.Equal(DiskBytes - PartBytes, (await device.GetSpaceAsync()).AllocatedBytes);
        Assert.True(await IsMappedAsync(device, 0, 1));
    }

    [Fact]
    public async Task A_write_behind_the_end_of_a_file_that_was_made_shorter_makes_it_longer_again()
    {
        await using var device = await OpenFullAsync();
        for (var i = 0; i < 2; i++) await device.WriteAsync(DiskBytes / BlockSize / 2, _content.AsMemory(0, BlockSize)); // the second is a copy
        Assert.Equal(0, Unix.Truncate(_file.Path, 10 * BlockSize));
        var bytes = TestMemory.Random(new Random(2), 8 * BlockSize);
        await device.WriteAsync(DiskBytes / BlockSize / 2, bytes);
        Assert.Equal(bytes, await device.ReadBytesAsync(DiskBytes / BlockSize / 2, 8));
        Assert.Equal(DiskBytes / 2 + bytes.Length, new FileInfo(_file.Path).Length);
        Assert.Equal(bytes, ReadFile()[(DiskBytes / 2)..]);
        Assert.False(await IsMappedAsync(device, 0, 1));
    }

    [Fact]
    public async Task A_read_behind_the_end_of_a_file_that_was_made_shorter_says_so()
    {
        await using var device = await OpenFullAsync();
        Assert.Equal(_content[..BlockSize], await device.ReadBytesAsync(0, 1));
        Assert.Equal(_content[^BlockSize..], await device.ReadBytesAsync(DiskBytes / BlockSize - 1, 1));
        Assert.Equal(0, Unix.Truncate(_file.Path, 10 * BlockSize));
        var error = await Assert.ThrowsAsync<BlockDeviceException>(async () => await device.ReadBytesAsync(DiskBytes / BlockSize - 1, 1));
        Assert.Equal(BlockDeviceError.OutOfRange, error.Error);
        Assert.Equal(_content[..BlockSize], await device.ReadBytesAsync(0, 1));
    }

    [Fact]
    public async Task A_flush_fails_that_can_not_know_whether_copies_went_behind_the_end_of_the_file()
    {
        await using var device = await OpenFullAsync();
        await device.WriteAsync(9, _content.AsMemory(0, BlockSize)); // a call
        Assert.Equal(0, Unix.Truncate(_file.Path, 10 * BlockSize)); // in the middle of a page
        await device.WriteAsync(11, _content.AsMemory(0, BlockSize)); // a copy, which nobody notices
        var error = await Assert.ThrowsAsync<BlockDeviceException>(async () => await device.FlushAsync());
        Assert.Equal(BlockDeviceError.WriteFailed, error.Error);
        error = await Assert.ThrowsAsync<BlockDeviceException>(async () => await device.WriteAsync(11, _content.AsMemory(0, BlockSize)));
        Assert.Equal(BlockDeviceError.Latched, error.Error);
    }

    [Fact]
    public async Task A_file_that_was_made_shorter_and_a_device_that_knows_it_go_on()
    {
        await using var device = await OpenFullAsync();
        for (var i = 0; i < 2; i++) await device.WriteAsync(0, _content.AsMemory(0, BlockSize));
        Assert.Equal(0, Unix.Truncate(_file.Path, DiskBytes / 2));
        Assert.True(await device.RefreshAsync());
        await device.WriteAsync(8, _content.AsMemory(0, BlockSize));
        await device.FlushAsync();
        Assert.Equal(_content[..BlockSize], await device.ReadBytesAsync(8, 1));
    }

    [Fact]
    public async Task The_process_survives_a_file_that_becomes_shorter_under_copies()
    {
        for (var round = 0; round < 10; round++)
        {
            await using var device = await OpenFullAsync();
            Assert.True(await IsMappedAsync(device, 0, DiskBytes / BlockSize));
            using var stop = new CancellationTokenSource();
            var seed = round * 10;
            var workers = Enumerable.Range(0, 3).Select(worker => Task.Run(() => CopyAsync(device, new Random(seed + worker), stop.Token))).ToArray();
            Assert.Equal(0, Unix.Truncate(_file.Path, DiskBytes / 2));
            GC.Collect();
            var bytes = TestMemory.Random(new Random(round), DiskBytes);
            await device.WriteAsync(0, bytes); // at the latest now, unless a call has made it longer again before
            await stop.CancelAsync();
            await Task.WhenAll(workers);
            // What it does from here on is right.
            await device.WriteAsync(0, bytes);
            Assert.Equal(bytes, await device.ReadBytesAsync(0, DiskBytes / BlockSize));
            Assert.Equal(bytes, ReadFile());
        }
    }

    private static async Task CopyAsync(FileBlockDevice device, Random random, CancellationToken stop)
    {
        var list = BlockList.Over(TestMemory.Pinned(16 * BlockSize));
        while (!stop.IsCancellationRequested)
        {
            var lba = random.Next(DiskBytes / BlockSize - 16);
            if (random.Next(2) == 0) await device.WriteAsync(lba, list, cancellationToken: CancellationToken.None);
            else if (await Record.ExceptionAsync(async () => await device.ReadAsync(lba, list, CancellationToken.None)) is { } error) Assert.IsType<BlockDeviceException>(error);
        }
    }

    [Fact]
    public async Task Two_writes_of_the_same_blocks_do_not_mix_within_a_block()
    {
        await using var device = await OpenFullAsync();
        await Task.WhenAll(Enumerable.Range(1, 2).Select(worker => Task.Run(async () =>
        {
            var bytes = TestMemory.Pinned(24 * BlockSize);
            bytes.AsSpan().Fill((byte)worker);
            var list = BlockList.Over(bytes);
            var read = TestMemory.Pinned(BlockSize);
            for (var i = 0; i < 5000; i++)
            {
                // Now and then one of the calls that are no copy.
                await device.WriteAsync(PartBlocks - 12, list, i % 50 == 0 ? BlockWriteFlags.ForceUnitAccess : BlockWriteFlags.None);
                if (i % 100 == 0) await device.FlushAsync();
            }
        })));
        var blocks = await device.ReadBytesAsync(PartBlocks - 12, 24);
        for (var block = 0; block < 24; block++)
            Assert.False(blocks.AsSpan(block * BlockSize, BlockSize).ContainsAnyExcept(blocks[block * BlockSize]), $"block {block} is of both");
    }

    [Fact]
    public async Task The_file_s_time_moves_with_a_flush_and_with_the_end()
    {
        var device = await OpenFullAsync();
        await device.WriteAsync(0, _content.AsMemory(0, BlockSize)); // a call
        File.SetLastWriteTimeUtc(_file.Path, DateTime.UnixEpoch);
        await device.WriteAsync(0, _content.AsMemory(BlockSize, BlockSize)); // a copy
        await device.FlushAsync();
        Assert.NotEqual(DateTime.UnixEpoch, File.GetLastWriteTimeUtc(_file.Path));

        await device.WriteAsync(0, _content.AsMemory(0, BlockSize));
        File.SetLastWriteTimeUtc(_file.Path, DateTime.UnixEpoch);
        await device.WriteAsync(0, _content.AsMemory(BlockSize, BlockSize));
        await device.DisposeAsync();
        Assert.NotEqual(DateTime.UnixEpoch, File.GetLastWriteTimeUtc(_file.Path));
    }

    [Fact]
    public async Task A_device_that_was_made_longer_or_shorter_goes_on()
    {
        await using var device = await OpenFullAsync();
        Assert.True(await IsMappedAsync(device, 0, 1));
        await device.ResizeAsync(2 * DiskBytes);
        var bytes = TestMemory.Random(new Random(9), 4 * PartBytes);
        await device.WriteAsync((DiskBytes - 2 * PartBytes) / BlockSize, bytes);
        Assert.Equal(bytes, await device.ReadBytesAsync((DiskBytes - 2 * PartBytes) / BlockSize, 4 * PartBlocks));
        Assert.False(await IsMappedAsync(device, DiskBytes / BlockSize - 1, 2));
        Assert.True(await IsMappedAsync(device, DiskBytes / BlockSize - 1, 1));
        await device.ResizeAsync(DiskBytes / 2);
        await device.ResizeAsync(DiskBytes);
        Assert.All(await device.ReadBytesAsync(DiskBytes / BlockSize - 1, 1), value => Assert.Equal(0, value));
    }

    [Fact]
    public async Task A_file_that_is_too_long_is_not_mapped()
    {
        await using var device = await FileBlockDevice.OpenAsync(_file.Path, new() { CreateWithLength = FileMapping.MaxBytes + 4096, Calls = _calls });
        await device.WriteAsync(0, _content.AsMemory(0, PartBytes));
        Assert.False(await IsMappedAsync(device, 0, 1));
        Assert.Equal(_content[..PartBytes], await device.ReadBytesAsync(0, PartBlocks));
    }

    [Fact]
    public async Task A_read_only_disk_is_not_mapped()
    {
        await File.WriteAllBytesAsync(_file.Path, _content);
        await using var device = await FileBlockDevice.OpenAsync(_file.Path, new() { IsReadOnly = true, Calls = _calls });
        Assert.False(await IsMappedAsync(device, 0, 1));
        Assert.Equal(_content[..BlockSize], await device.ReadBytesAsync(0, 1));
    }

    private async Task<bool> IsMappedAsync(FileBlockDevice device, long lba, int count)
    {
        var before = _calls.Transfers;
        await device.ReadBytesAsync(lba, count);
        return _calls.Transfers == before;
    }

    private async Task<FileBlockDevice> OpenFullAsync()
    {
        await File.WriteAllBytesAsync(_file.Path, _content);
        return await FileBlockDevice.OpenAsync(_file.Path, new() { BlockSize = BlockSize, Calls = _calls });
    }

    // The device has locked it against File.
    private byte[] ReadFile()
    {
        using var handle = Unix.DuplicateDescriptorOf(_file.Path);
        var bytes = new byte[RandomAccess.GetLength(handle)];
        Assert.Equal(bytes.Length, RandomAccess.Read(handle, bytes, 0));
        return bytes;
    }
}

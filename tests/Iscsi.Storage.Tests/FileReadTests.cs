using Reservations;

namespace Iscsi.Storage.Tests;

/// <summary>Reads that the caller does from the file itself.</summary>
public sealed class FileReadTests
{
    private const int BlockCount = 64;

    private readonly FaultyCalls _ext = new() { FileSystemMagic = Linux.ExtMagic };

    [Fact]
    public async Task A_file_on_tmpfs_says_where_blocks_are()
    {
        using var file = new TempFile(inMemory: true);
        await using var device = await OpenAsync(file, 4096);
        Assert.True(device.TryBeginFileRead(new BlockRange(3, 5), out var handle, out var offsetBytes));
        Assert.Equal(3 * 4096, offsetBytes);
        Assert.False(handle.IsInvalid);
        Assert.True(device.StaysAtHand);
        device.EndFileRead();
    }

    [Fact]
    public async Task Of_a_file_elsewhere_what_is_in_the_cache_can_be_sent()
    {
        using var file = new TempFile();
        await using var device = await OpenAsync(file, 4096, _ext);
        Assert.False(device.StaysAtHand);
        Assert.False(device.TryBeginFileRead(new BlockRange(3, 5), out _, out _)); // a hole that nobody has looked at
        await device.WriteAsync(3, BlockList.Over(TestMemory.Pinned(5 * 4096)));
        Assert.True(device.TryBeginFileRead(new BlockRange(3, 5), out _, out var offsetBytes));
        Assert.Equal(3 * 4096, offsetBytes);
        device.EndFileRead();
        Assert.False(device.TryBeginFileRead(new BlockRange(2, 5), out _, out _));
        Assert.False(device.TryBeginFileRead(new BlockRange(4, 5), out _, out _));
    }

    [Fact]
    public async Task A_block_device_waits_for_its_disk_although_its_node_is_on_tmpfs()
    {
        using var file = new TempFile(inMemory: true);
        await File.WriteAllBytesAsync(file.Path, new byte[BlockCount * 4096]);
        await using var device = await FileBlockDevice.OpenAsync(file.Path, new() { BlockSize = 4096, Calls = new FaultyCalls { IsBlockDevice = true } });
        Assert.StartsWith("block device", device.Info.Description, StringComparison.Ordinal);
        Assert.Equal(16 + 64, device.Info.Store.ConcurrentRequests); // 0: all is done on the caller's thread
        Assert.False(device.StaysAtHand);
        Assert.True(device.TryBeginFileRead(new BlockRange(3, 5), out _, out _));
        device.EndFileRead();
    }

    [Fact]
    public async Task A_long_part_is_looked_at_to_its_end()
    {
        using var file = new TempFile();
        const int blocks = 3 * LinuxCalls.MostInCoreBytes / 4096 + 1;
        await using var device = await OpenAsync(file, 4096, _ext, blocks);
        await device.WriteAsync(0, BlockList.Over(TestMemory.Pinned((blocks - 1) * 4096)));
        Assert.True(device.TryBeginFileRead(new BlockRange(0, blocks - 1), out _, out _));
        device.EndFileRead();
        Assert.False(device.TryBeginFileRead(new BlockRange(0, blocks), out _, out _));
    }

    [Fact]
    public async Task Where_the_system_calls_everything_there_nothing_is_believed()
    {
        using var file = new TempFile();
        _ext.AreInCore = true;
        await using var device = await OpenAsync(file, 4096, _ext);
        await device.WriteAsync(0, BlockList.Over(TestMemory.Pinned(4096)));
        Assert.False(device.TryBeginFileRead(new BlockRange(0, 1), out _, out _));
    }

    [Fact]
    public async Task What_a_disk_has_grown_by_can_be_sent_too()
    {
        using var file = new TempFile();
        await using var device = await OpenAsync(file, 4096, _ext);
        await device.ResizeAsync(4 * BlockCount * 4096);
        await device.WriteAsync(4 * BlockCount - 1, BlockList.Over(TestMemory.Pinned(4096)));
        Assert.True(device.TryBeginFileRead(new BlockRange(4 * BlockCount - 1, 1), out _, out _));
        device.EndFileRead();
    }

    [Theory]
    [InlineData(Linux.XfsMagic)] // a reader waits for a writer there
    [InlineData(0x2FC12FC1)] // ZFS has a cache of its own
    public async Task Elsewhere_it_is_refused(long magic)
    {
        using var file = new TempFile();
        _ext.FileSystemMagic = magic;
        await using var device = await OpenAsync(file, 4096, _ext);
        await device.WriteAsync(0, BlockList.Over(TestMemory.Pinned(4096)));
        Assert.False(device.TryBeginFileRead(new BlockRange(0, 1), out _, out _));
    }

    [Theory]
    [InlineData(-1, 1)]
    [InlineData(0, 0)]
    [InlineData(BlockCount, 1)]
    [InlineData(BlockCount - 1, 2)]
    [InlineData(long.MaxValue, 1)]
    [InlineData(0, long.MaxValue)]
    public async Task A_range_that_is_not_inside_is_refused(long lba, long count)
    {
        using var file = new TempFile(inMemory: true);
        await using var device = await OpenAsync(file, 512);
        Assert.False(device.TryBeginFileRead(new BlockRange(lba, count), out _, out _));
    }

    [Fact]
    public async Task A_file_that_was_made_shorter_is_left_to_the_read_that_says_so()
    {
        using var file = new TempFile(inMemory: true);
        await using var device = await OpenAsync(file, 512);
        Assert.Equal(0, Unix.Truncate(file.Path, 10 * 512));
        Assert.True(device.TryBeginFileRead(new BlockRange(9, 1), out _, out _));
        device.EndFileRead();
        Assert.False(device.TryBeginFileRead(new BlockRange(9, 2), out _, out _));
        await Assert.ThrowsAsync<BlockDeviceException>(async () => await device.ReadAsync(9, BlockList.Over(TestMemory.Pinned(1024))));
    }

    [Fact]
    public async Task A_device_is_not_closed_before_the_read_has_ended_and_begins_none_after()
    {
        using var file = new TempFile(inMemory: true);
        var device = await OpenAsync(file, 512);
        Assert.True(device.TryBeginFileRead(new BlockRange(0, 1), out var handle, out _));
        var close = device.DisposeAsync().AsTask();
        Assert.False(close.IsCompleted);
        Assert.False(handle.IsClosed);
        Assert.False(device.TryBeginFileRead(new BlockRange(0, 1), out _, out _));
        device.EndFileRead();
        await close;
        Assert.True(handle.IsClosed);
    }

    [Theory]
    [InlineData("file portable")]
    [InlineData("file direct")]
    public async Task Where_the_system_can_not_send_from_the_file_it_is_refused(string name)
    {
        await using var device = await TestDevices.OpenAsync(name, 4096, BlockCount);
        Assert.False(((IFileBackedBlockDevice)device.Device).TryBeginFileRead(new BlockRange(0, 1), out _, out _));
    }

    [Theory]
    [InlineData("faults")]
    [InlineData("delay")]
    [InlineData("volatile cache")]
    [InlineData("memory")]
    public async Task Whoever_has_to_see_the_data_is_no_file(string name)
    {
        await using var device = await TestDevices.OpenAsync(name, 4096, BlockCount);
        Assert.False(device.Device is IFileBackedBlockDevice);
    }

    private static Task<FileBlockDevice> OpenAsync(TempFile file, int blockSize, LinuxCalls? calls = null, int blockCount = BlockCount) =>
        FileBlockDevice.OpenAsync(file.Path, new() { BlockSize = blockSize, CreateWithLength = blockCount * blockSize, Calls = calls ?? LinuxCalls.Instance });
}

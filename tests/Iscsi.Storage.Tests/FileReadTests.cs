using Reservations;

namespace Iscsi.Storage.Tests;

/// <summary>Reads that the caller does from the file itself.</summary>
public sealed class FileReadTests
{
    private const int BlockCount = 64;

    [Fact]
    public async Task A_file_on_tmpfs_says_where_blocks_are()
    {
        using var file = new TempFile(inMemory: true);
        await using var device = await OpenAsync(file, 4096);
        Assert.True(device.TryBeginFileRead(new BlockRange(3, 5), out var handle, out var offsetBytes));
        Assert.Equal(3 * 4096, offsetBytes);
        Assert.False(handle.IsInvalid);
        device.EndFileRead();
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

    private static Task<FileBlockDevice> OpenAsync(TempFile file, int blockSize) =>
        FileBlockDevice.OpenAsync(file.Path, new() { BlockSize = blockSize, CreateWithLength = BlockCount * blockSize });
}

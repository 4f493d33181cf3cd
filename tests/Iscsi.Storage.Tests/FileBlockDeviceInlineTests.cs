using Reservations;

namespace Iscsi.Storage.Tests;

/// <summary>Reads of what is cached end on the caller's thread; the store threads read the rest and only that.</summary>
public sealed class FileBlockDeviceInlineTests : IDisposable
{
    private const int BlockSize = 4096;
    private const int Blocks = 8;

    private readonly TempFile _file = new();
    private readonly FaultyCalls _calls = new();
    private readonly byte[] _content = TestMemory.Random(new Random(1), Blocks * BlockSize);
    private readonly List<(long Offset, long Length, bool Waits)> _reads = [];

    public void Dispose() => _file.Dispose();

    [Fact]
    public async Task What_is_cached_is_read_at_once_and_by_no_call_that_could_wait()
    {
        await using var device = await OpenAsync(_ => null);
        var bytes = TestMemory.Pinned(Blocks * BlockSize);
        var read = device.ReadAsync(0, BlockList.Over(bytes));
        Assert.True(read.IsCompletedSuccessfully);
        await read;
        Assert.Equal(_content, bytes);
        Assert.Equal([(0, _content.Length, false)], _reads);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(7)]
    public async Task A_store_thread_reads_what_is_not_cached_and_only_that(int cachedBlocks)
    {
        var cached = cachedBlocks * BlockSize;
        await using var device = await OpenAsync(offset => offset < cached ? cached - offset : -Linux.EAgain);
        Assert.Equal(_content, await device.ReadBytesAsync(0, Blocks));
        Assert.Equal((cached, _content.Length - cached, true), _reads[^1]);
        Assert.Single(_reads, read => read.Waits);
    }

    [Fact]
    public async Task A_cached_part_that_ends_inside_a_block_is_no_harm()
    {
        await using var device = await OpenAsync(offset => offset < 5000 ? 5000 - offset : -Linux.EAgain);
        Assert.Equal(_content, await device.ReadBytesAsync(0, Blocks));
        Assert.Equal((5000, _content.Length - 5000, true), _reads[^1]);
    }

    [Theory]
    [InlineData(Linux.EOpNotSupp)]
    [InlineData(Linux.ENoSys)]
    public async Task A_file_system_that_can_not_tell_is_asked_once(int errno)
    {
        await using var device = await OpenAsync(_ => -errno);
        for (var i = 0; i < 3; i++) Assert.Equal(_content, await device.ReadBytesAsync(0, Blocks));
        Assert.False(device.TryRead(0, BlockList.Over(TestMemory.Pinned(BlockSize))));
        Assert.Equal([false, true, true, true], _reads.Select(read => read.Waits));
    }

    [Fact]
    public async Task TryRead_fills_the_list_or_says_no_and_never_waits()
    {
        await using var device = await OpenAsync(offset => offset < 3 * BlockSize ? null : -Linux.EAgain);
        var bytes = TestMemory.Pinned(BlockSize);
        Assert.True(device.TryRead(2, BlockList.Over(bytes)));
        Assert.Equal(_content[(2 * BlockSize)..(3 * BlockSize)], bytes);
        Assert.False(device.TryRead(3, BlockList.Over(bytes)));
        Assert.False(device.TryRead(Blocks, BlockList.Over(bytes)));
        Assert.DoesNotContain(_reads, read => read.Waits);
    }

    [Fact]
    public async Task TryRead_leaves_errors_to_the_read()
    {
        await using var device = await OpenAsync(_ => -Linux.EIO, waitingAnswer: -Linux.EIO);
        Assert.False(device.TryRead(0, BlockList.Over(TestMemory.Pinned(BlockSize))));
        var error = await Assert.ThrowsAsync<BlockDeviceException>(async () => await device.ReadBytesAsync(0, 1));
        Assert.Equal(BlockDeviceError.MediumError, error.Error);
    }

    [Fact]
    public async Task TryRead_of_a_closed_device_says_no()
    {
        var device = await OpenAsync(_ => null);
        await device.DisposeAsync();
        Assert.False(device.TryRead(0, BlockList.Over(TestMemory.Pinned(BlockSize))));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_kernel_tells_what_is_in_its_cache(bool isTmpfs)
    {
        using var file = new TempFile(isTmpfs);
        await using var device = await FileBlockDevice.OpenAsync(file.Path, new() { BlockSize = BlockSize, CreateWithLength = _content.Length });
        await device.WriteAsync(0, _content);
        var bytes = TestMemory.Pinned(_content.Length);
        Assert.SkipUnless(device.TryRead(0, BlockList.Over(bytes)), $"The file system of {file.Path} can't tell what is cached (RWF_NOWAIT).");
        Assert.Equal(_content, bytes);
    }

    private async Task<FileBlockDevice> OpenAsync(Func<long, long?> answer, long? waitingAnswer = null)
    {
        await File.WriteAllBytesAsync(_file.Path, _content);
        var device = await FileBlockDevice.OpenAsync(_file.Path, new() { BlockSize = BlockSize, Calls = _calls });
        _calls.OnRead = (offset, length, flags) =>
        {
            var waits = (flags & Linux.RwfNoWait) == 0;
            lock (_reads) _reads.Add((offset, length, waits));
            return waits ? waitingAnswer : answer(offset);
        };
        return device;
    }
}

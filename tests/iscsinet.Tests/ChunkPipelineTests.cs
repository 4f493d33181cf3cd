using Iscsi.Storage;
using IscsiNet.Cli.Copying;

namespace IscsiNet.Cli.Tests;

public sealed class ChunkPipelineTests
{
    private const int Mib = 1 << 20;
    private static readonly Action<int> NoProgress = _ => { };

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(511)]
    [InlineData(512)]
    [InlineData(Mib - 1)]
    [InlineData(Mib)]
    [InlineData(Mib + 1)]
    [InlineData(20 * Mib + 77)]
    public async Task A_pipe_of_any_length_goes_to_a_disk_and_back(int length)
    {
        await using var disk = new MemoryBlockDevice(32 * Mib);
        var data = RandomBytes(length, seed: length);

        var written = await CopyAsync(new StreamEnd(new TricklingStream(data)), 0, new DiskEnd(disk), 0, lengthBytes: null);
        using var back = new MemoryStream();
        var read = await CopyAsync(new DiskEnd(disk), 0, new StreamEnd(back), 0, length);

        Assert.Equal(length, written);
        Assert.Equal(length, read);
        Assert.Equal(data, back.ToArray());
    }

    [Theory]
    [InlineData(1, 3)]
    [InlineData(511, 2)]
    [InlineData(512, 512)]
    [InlineData(700, 3 * Mib + 5)]
    [InlineData(Mib - 1, 2)]
    [InlineData(Mib - 700, 2 * Mib)]
    public async Task Bytes_beside_an_unaligned_write_stay(int offset, int length)
    {
        await using var disk = new MemoryBlockDevice(8 * Mib);
        var before = RandomBytes(8 * Mib, seed: 1);
        await disk.WriteAsync(0, before);
        var data = RandomBytes(length, seed: 2);

        await CopyAsync(new StreamEnd(new MemoryStream(data)), 0, new DiskEnd(disk), offset, lengthBytes: null);

        data.CopyTo(before, offset);
        var after = new byte[8 * Mib];
        await disk.ReadAsync(0, after);
        Assert.True(before.AsSpan().SequenceEqual(after));
    }

    [Theory]
    [InlineData(1, 3)]
    [InlineData(513, 4 * Mib)]
    [InlineData(8 * Mib - 7, 7)]
    [InlineData(8 * Mib, 0)]
    public async Task A_range_is_read_from_where_it_starts(int offset, int length)
    {
        await using var disk = new MemoryBlockDevice(8 * Mib, blockSize: 4096);
        var data = RandomBytes(8 * Mib, seed: 3);
        await disk.WriteAsync(0, data);

        using var output = new MemoryStream();
        await CopyAsync(new DiskEnd(disk), offset, new StreamEnd(output), 0, length);

        Assert.True(data.AsSpan(offset, length).SequenceEqual(output.ToArray()));
    }

    [Fact]
    public async Task Progress_adds_up_to_the_length()
    {
        await using var left = new MemoryBlockDevice(5 * Mib + 512);
        await using var right = new MemoryBlockDevice(8 * Mib);
        long progress = 0;

        await ChunkPipeline.CopyAsync(
            new DiskEnd(left), 0, new DiskEnd(right), 0, left.Info.LengthBytes, count => Interlocked.Add(ref progress, count), CancellationToken.None);

        Assert.Equal(left.Info.LengthBytes, progress);
    }

    [Fact]
    public async Task Data_that_do_not_fit_are_an_error_that_says_where_the_disk_ends()
    {
        await using var disk = new MemoryBlockDevice(2 * Mib);
        var exception = await Assert.ThrowsAsync<UserException>(() =>
            CopyAsync(new StreamEnd(new MemoryStream(new byte[3 * Mib])), 0, new DiskEnd(disk), 0, lengthBytes: null));
        Assert.Contains($"{2 * Mib}", exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(Mib - 1)]
    [InlineData(Mib)]
    [InlineData(10 * Mib - 1)]
    public async Task The_first_byte_that_differs_is_found(int offset)
    {
        await using var left = new MemoryBlockDevice(10 * Mib);
        await using var right = new MemoryBlockDevice(10 * Mib);
        var data = RandomBytes(10 * Mib, seed: 4);
        await left.WriteAsync(0, data);
        data[offset] ^= 1;
        data[^1] ^= 2;
        await right.WriteAsync(0, data);

        Assert.Equal(offset, await ChunkPipeline.FindDifferenceAsync(new DiskEnd(left), new DiskEnd(right), 10 * Mib, NoProgress, CancellationToken.None));
    }

    [Fact]
    public async Task Equal_ends_have_no_difference()
    {
        await using var left = new MemoryBlockDevice(3 * Mib);
        await using var right = new MemoryBlockDevice(3 * Mib);
        Assert.Null(await ChunkPipeline.FindDifferenceAsync(new DiskEnd(left), new DiskEnd(right), 3 * Mib, NoProgress, CancellationToken.None));
    }

    [Fact]
    public async Task A_new_file_has_the_bytes_of_its_source_and_holes_for_its_zeroes()
    {
        var path = Path.GetTempFileName();
        try
        {
            await using var disk = new MemoryBlockDevice(16 * Mib);
            var data = new byte[16 * Mib];
            RandomBytes(100, seed: 5).CopyTo(data, 9 * Mib + 33);
            await disk.WriteAsync(0, data);

            using (var file = FileEnd.Create(path, data.Length))
            {
                await CopyAsync(new DiskEnd(disk), 0, file, 0, data.Length);
                await file.FlushAsync(CancellationToken.None);
            }

            var copied = await File.ReadAllBytesAsync(path);
            Assert.True(data.AsSpan().SequenceEqual(copied));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public async Task The_failure_of_one_chunk_ends_the_copy_after_the_others_have_stopped()
    {
        var source = new FailingSource(failAt: 3L * Mib);
        await using var disk = new MemoryBlockDevice(64 * Mib);

        await Assert.ThrowsAsync<IOException>(() => CopyAsync(source, 0, new DiskEnd(disk), 0, 64 * Mib));

        Assert.Equal(0, source.Running);
    }

    private static Task<long> CopyAsync(IChunkSource source, long from, IChunkDestination destination, long to, long? lengthBytes) =>
        ChunkPipeline.CopyAsync(source, from, destination, to, lengthBytes, NoProgress, CancellationToken.None);

    private static byte[] RandomBytes(int length, int seed)
    {
        var bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    /// <summary>A pipe that hands out odd pieces, as pipes do, and can't seek.</summary>
    private sealed class TricklingStream(byte[] data) : MemoryStream(data)
    {
        public override bool CanSeek => false;

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            base.ReadAsync(buffer[..Math.Min(buffer.Length, 65_537)], cancellationToken);
    }

    private sealed class FailingSource(long failAt) : IChunkSource
    {
        private int _running;

        public int Running => Volatile.Read(ref _running);

        public bool IsSequential => false;

        public async ValueTask<int> ReadAsync(long offsetBytes, Memory<byte> buffer, CancellationToken cancellationToken)
        {
            Interlocked.Increment(ref _running);
            await Task.Yield();
            Interlocked.Decrement(ref _running);
            return offsetBytes == failAt ? throw new IOException("broken") : buffer.Length;
        }
    }
}

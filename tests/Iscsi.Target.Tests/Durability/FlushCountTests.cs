using Iscsi.Storage;
using Iscsi.Target.Tests.Allocation;

namespace Iscsi.Target.Tests.Durability;

/// <summary>What a flush of the client costs the file: one sync, no more and no less.</summary>
public sealed class FlushCountTests : IDisposable
{
    private readonly string _path = Path.Combine(Path.GetTempPath(), $"iscsinet-{Guid.NewGuid():N}.img");

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Each_SYNCHRONIZE_CACHE_is_one_sync_of_the_file(bool isLong)
    {
        await using var file = await FileBlockDevice.OpenAsync(_path, new() { CreateWithLength = 1 << 20 });
        await using var pair = await TargetPair.StartAsync(file, 4 << 20);
        var before = file.FlushCount;
        for (var flush = 1; flush <= 20; flush++)
        {
            await pair.Disk.WriteAsync(flush, new byte[512]);
            Assert.Equal(before + flush - 1, file.FlushCount);
            await SynchronizeCache.RunAsync(pair.Session, isLong);
            Assert.Equal(before + flush, file.FlushCount);
        }
    }

    [Fact]
    public async Task A_flush_of_the_initiators_disk_is_one_sync_of_the_file()
    {
        await using var file = await FileBlockDevice.OpenAsync(_path, new() { CreateWithLength = 1 << 20 });
        await using var pair = await TargetPair.StartAsync(file, 4 << 20);
        var before = file.FlushCount;
        await pair.Disk.FlushAsync();
        Assert.Equal(before + 1, file.FlushCount);
    }

    public void Dispose() => File.Delete(_path);
}

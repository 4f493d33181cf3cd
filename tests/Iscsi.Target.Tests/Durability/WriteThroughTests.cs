using Iscsi.Protocol.Scsi;
using Iscsi.Storage;
using Iscsi.Target.Tests.Allocation;

namespace Iscsi.Target.Tests.Durability;

/// <summary>The cache of a disk is switched off by MODE SELECT: then every write that has ended survives a power cut, without a flush.</summary>
public sealed class WriteThroughTests
{
    private const int BlockCount = 2048;

    [Fact]
    public async Task Every_kind_of_write_that_ended_with_the_cache_off_survives_a_power_cut()
    {
        for (var seed = 1; seed <= 10; seed++) Assert.Equal(0, await CountLossesAsync(seed, isCacheOff: true));
    }

    [Fact]
    public async Task With_the_cache_on_writes_are_lost()
    {
        var losses = 0;
        for (var seed = 1; seed <= 10; seed++) losses += await CountLossesAsync(seed, isCacheOff: false);
        Assert.True(losses > 0, "the test above could not fail");
    }

    [Fact]
    public async Task What_was_written_before_the_cache_is_switched_off_is_durable_when_it_is()
    {
        await using var platter = new MemoryBlockDevice(BlockCount * 512, 512);
        await using var cache = new VolatileCacheBlockDevice(platter, seed: 1, leaveOpen: true);
        await using (var pair = await TargetPair.StartAsync(cache, 4 << 20))
        {
            await pair.Disk.WriteAsync(0, Enumerable.Repeat((byte)1, 64 * 512).ToArray());
            await SwitchCacheOffAsync(pair);
            await cache.CutPowerAsync();
        }
        Assert.Equal(0, await CountOthersAsync(platter, 0, 64, 1));
    }

    private static async Task<int> CountLossesAsync(int seed, bool isCacheOff)
    {
        await using var platter = new MemoryBlockDevice(BlockCount * 512, 512);
        await using var cache = new VolatileCacheBlockDevice(platter, seed, leaveOpen: true);
        await using (var pair = await TargetPair.StartAsync(cache, 4 << 20))
        {
            if (isCacheOff) await SwitchCacheOffAsync(pair);
            // In the command, solicited in one burst, in several; WRITE SAME, WRITE AND VERIFY, ORWRITE.
            await pair.Disk.WriteAsync(0, Pattern(1));
            await pair.Disk.WriteAsync(8, Pattern(40));
            await pair.Disk.WriteAsync(100, Pattern(1000));
            await RunAsync(pair, [OperationCode.WriteSame10, 0, 0, 0, 5, 0, 0, 0, 64, 0], Pattern(1));
            await RunAsync(pair, [OperationCode.WriteAndVerify10, 0, 0, 0, 6, 0, 0, 0, 8, 0], Pattern(8));
            await RunAsync(pair, [OperationCode.OrWrite16, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 8, 0, 0], Pattern(8));
            await cache.CutPowerAsync();
        }
        var losses = 0;
        foreach (var (lba, count) in ((int, int)[])[(0, 1), (8, 40), (100, 1000), (0x500, 64), (0x600, 8), (0x700, 8)])
            losses += await CountOthersAsync(platter, lba, count, 0xA5);
        return losses;
    }

    private static byte[] Pattern(int blocks) => [.. Enumerable.Repeat((byte)0xA5, blocks * 512)];

    private static async Task<int> CountOthersAsync(MemoryBlockDevice device, long lba, int blocks, byte expected)
    {
        var content = new byte[blocks * 512];
        await device.ReadAsync(lba, content);
        return content.Count(b => b != expected);
    }

    private static async Task RunAsync(TargetPair pair, byte[] cdb, byte[] data) =>
        (await pair.Session.ExecuteAsync(0, cdb, dataOut: data)).ThrowIfFailed(Convert.ToHexString(cdb));

    private static async Task SwitchCacheOffAsync(TargetPair pair)
    {
        var list = new byte[4 + CachingModePage.Size];
        new CachingModePage { WriteCacheEnabled = false }.Write(list.AsSpan(4));
        await RunAsync(pair, [OperationCode.ModeSelect6, 0x10, 0, 0, (byte)list.Length, 0], list);
    }
}

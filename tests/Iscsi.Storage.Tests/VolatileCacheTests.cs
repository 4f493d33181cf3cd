namespace Iscsi.Storage.Tests;

/// <summary>A power cut keeps every durable write and loses some of the others.</summary>
public sealed class VolatileCacheTests
{
    private const int Blocks = 64;
    private const int Block = 512;

    public static TheoryData<int, int> Seeds()
    {
        var data = new TheoryData<int, int>();
        for (var seed = 0; seed < 200; seed += 20) data.Add(seed, seed + 20);
        return data;
    }

    [Theory, MemberData(nameof(Seeds))]
    public async Task What_was_flushed_or_written_durably_is_there_after_a_power_cut(int firstSeed, int endSeed)
    {
        for (var seed = firstSeed; seed < endSeed; seed++) await RunAsync(seed);
    }

    [Fact]
    public async Task Unflushed_writes_are_lost_by_a_coin_each()
    {
        var (kept, lost) = (0, 0);
        for (var seed = 0; seed < 20; seed++)
        {
            await using var memory = new MemoryBlockDevice(Blocks * Block);
            await using var device = new VolatileCacheBlockDevice(memory, seed, leaveOpen: true);
            await device.WriteAsync(0, Filled(1, Blocks));
            Assert.Equal(0, memory.AllocatedBytes);
            await device.CutPowerAsync();
            var after = await memory.ReadBytesAsync(0, Blocks);
            var here = Enumerable.Range(0, Blocks).Count(i => after[i * Block] == 1);
            kept += here;
            lost += Blocks - here;
        }
        Assert.InRange(kept / (double)(kept + lost), 0.4, 0.6);
    }

    [Fact]
    public async Task Without_power_every_call_fails_until_it_is_back()
    {
        await using var device = new VolatileCacheBlockDevice(new MemoryBlockDevice(Blocks * Block), 1);
        await device.CutPowerAsync();
        foreach (var call in (Func<ValueTask>[])[() => device.WriteAsync(0, Filled(1, 1)), () => device.ReadAsync(0, new byte[Block]), () => device.FlushAsync()])
            Assert.Equal(BlockDeviceError.Unavailable, (await Assert.ThrowsAsync<BlockDeviceException>(async () => await call())).Error);
        device.RestorePower();
        await device.WriteAsync(0, Filled(1, 1));
        await device.FlushAsync();
    }

    [Fact]
    public async Task An_older_write_never_overwrites_a_later_durable_one()
    {
        await using var memory = new MemoryBlockDevice(Blocks * Block);
        await using var device = new VolatileCacheBlockDevice(memory, 1, leaveOpen: true);
        await device.WriteAsync(0, Filled(1, 4));
        await device.WriteAsync(1, Filled(2, 1), BlockWriteFlags.ForceUnitAccess);
        await device.FlushAsync();
        Assert.Equal((byte[])[.. Filled(1, 1), .. Filled(2, 1), .. Filled(1, 2)], await memory.ReadBytesAsync(0, 4));
    }

    /// <summary>Follows, for each block, the values that it may have after a cut: the durable one and every later one.</summary>
    private static async Task RunAsync(int seed)
    {
        var random = new Random(seed);
        await using var memory = new MemoryBlockDevice(Blocks * Block);
        await using var device = new VolatileCacheBlockDevice(memory, seed, leaveOpen: true, maxCachedBlocks: seed % 2 == 0 ? 65536 : 40);
        var possible = Enumerable.Range(0, Blocks).Select(_ => new List<byte> { 0 }).ToArray();
        for (var cut = 0; cut < 3; cut++)
        {
            var steps = random.Next(1, 60);
            for (var step = 0; step < steps; step++)
            {
                var lba = random.Next(Blocks);
                var count = random.Next(1, Blocks - lba + 1);
                var isDurable = random.Next(5) == 0;
                var flags = isDurable ? BlockWriteFlags.ForceUnitAccess : BlockWriteFlags.None;
                byte value = 0;
                switch (random.Next(6))
                {
                    case 0:
                        await device.FlushAsync();
                        foreach (var values in possible) values.RemoveRange(0, values.Count - 1);
                        continue;
                    case 1:
                        await device.UnmapAsync(new(lba, count));
                        isDurable = false;
                        break;
                    case 2:
                        await device.WriteZeroesAsync(new(lba, count), flags | BlockWriteFlags.MayUnmap);
                        break;
                    default:
                        value = (byte)random.Next(1, 256);
                        await device.WriteAsync(lba, Filled(value, count), flags);
                        break;
                }
                for (var i = lba; i < lba + count; i++)
                {
                    if (isDurable) possible[i].Clear();
                    possible[i].Add(value);
                }
                var now = await device.ReadBytesAsync(0, Blocks);
                for (var i = 0; i < Blocks; i++) Assert.True(now[i * Block] == possible[i][^1], $"seed {seed}: block {i} reads {now[i * Block]}");
            }
            await device.CutPowerAsync();
            device.RestorePower();
            var after = await memory.ReadBytesAsync(0, Blocks);
            for (var i = 0; i < Blocks; i++)
            {
                var value = Assert.Single(after.Skip(i * Block).Take(Block).Distinct());
                Assert.True(possible[i].Contains(value), $"seed {seed}: block {i} is {value}, and may be {string.Join(", ", possible[i])}");
                possible[i] = [value];
            }
        }
    }

    private static byte[] Filled(byte value, int blockCount)
    {
        var bytes = new byte[blockCount * Block];
        bytes.AsSpan().Fill(value);
        return bytes;
    }
}

using Reservations;

namespace Iscsi.Storage.Tests;

/// <summary>Pinned lists for tests.</summary>
internal static class TestMemory
{
    public static byte[] Pinned(int length) => GC.AllocateArray<byte>(length, pinned: true);

    public static byte[] Random(Random random, int length)
    {
        var bytes = Pinned(length);
        random.NextBytes(bytes);
        return bytes;
    }

    /// <summary>A list of runs with random sizes, none next to another in memory.</summary>
    public static BlockList OddRuns(Random random, ReadOnlySpan<byte> content, int maxRun)
    {
        var list = new BlockList();
        for (var done = 0; done < content.Length;)
        {
            var take = Math.Min(content.Length - done, random.Next(1, maxRun + 1));
            var memory = Pinned(take + 1).AsMemory(random.Next(2), take);
            content.Slice(done, take).CopyTo(memory.Span);
            list.Add(memory);
            done += take;
        }
        return list;
    }

    public static byte[] ToBytes(this BlockList list)
    {
        var bytes = new byte[list.Length];
        list.CopyTo(0, bytes);
        return bytes;
    }

    public static async Task<byte[]> ReadBytesAsync(this IBlockDevice device, long lba, long blockCount)
    {
        var bytes = new byte[blockCount * device.Info.BlockSize];
        await device.ReadAsync(lba, bytes);
        return bytes;
    }

    public static async Task<BlockExtent[]> AllExtentsAsync(this IBlockDevice device, BlockRange range, int atATime = 16)
    {
        var all = new List<BlockExtent>();
        var buffer = new BlockExtent[atATime];
        while (range.Count > 0)
        {
            var count = await device.GetExtentsAsync(range, buffer);
            Assert.InRange(count, 1, atATime);
            all.AddRange(buffer[..count]);
            var end = buffer[count - 1].Lba + buffer[count - 1].Count;
            range = new(end, range.Lba + range.Count - end);
        }
        return [.. all];
    }
}

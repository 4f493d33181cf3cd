namespace Iscsi.Storage.Tests;

/// <summary>Random calls, each checked against an array of bytes.</summary>
internal static class RandomWorkload
{
    public static async Task RunAsync(IBlockDevice device, int seed, int steps)
    {
        var random = new Random(seed);
        var info = device.Info;
        var model = new byte[info.LengthBytes];
        for (var step = 0; step < steps; step++)
        {
            var lba = random.Next((int)info.BlockCount);
            var count = random.Next(1, (int)Math.Min(info.BlockCount - lba, 40) + 1);
            var offset = lba * info.BlockSize;
            var length = count * info.BlockSize;
            var flags = random.Next(8) == 0 ? BlockWriteFlags.ForceUnitAccess : BlockWriteFlags.None;
            switch (random.Next(8))
            {
                case 0 or 1 or 2:
                    var content = TestMemory.Random(random, length);
                    await device.WriteAsync(lba, TestMemory.OddRuns(random, content, random.Next(1, 3 * info.BlockSize)), flags);
                    content.CopyTo(model, offset);
                    break;
                case 3:
                    await device.WriteZeroesAsync(new(lba, count), flags | (random.Next(2) == 0 ? BlockWriteFlags.MayUnmap : BlockWriteFlags.None));
                    model.AsSpan(offset, length).Clear();
                    break;
                case 4 when info.Unmap != DeviceSupport.None:
                    await device.UnmapAsync(new(lba, count));
                    model.AsSpan(offset, length).Clear();
                    break;
                case 5 when random.Next(4) == 0:
                    await device.FlushAsync();
                    break;
                case 6:
                    foreach (var extent in await device.AllExtentsAsync(new(lba, count), random.Next(1, 4)))
                    {
                        var isZero = !model.AsSpan((int)extent.Lba * info.BlockSize, (int)extent.Count * info.BlockSize).ContainsAnyExcept((byte)0);
                        Assert.True(extent.IsAllocated || isZero, $"seed {seed} step {step}: data in a hole at {extent}");
                    }
                    break;
                default:
                    var list = TestMemory.OddRuns(random, new byte[length], random.Next(1, 3 * info.BlockSize));
                    await device.ReadAsync(lba, list);
                    Assert.True(list.ToBytes().AsSpan().SequenceEqual(model.AsSpan(offset, length)), $"seed {seed} step {step}: {count} blocks at {lba} differ");
                    break;
            }
        }
        Assert.True((await device.ReadBytesAsync(0, info.BlockCount)).AsSpan().SequenceEqual(model), $"seed {seed}: differs at the end");
    }
}

using static Reservations.Tests.Levels;

namespace Reservations.Tests;

public sealed class BlockListTests
{
    [Fact]
    public void Bytes_are_copied_across_runs_at_every_offset_and_length()
    {
        using var root = ReservationRoot.Create(Options(64) with { BlockSize = 512, BudgetBytes = 64 * 512 });
        using var node = root.AddChild("n", null, new Share(Burst, 64, 64));
        using var keep = node.Prepaid(Of(Burst, 64));
        var all = new BlockList();
        keep.Draw(Burst, 64, all);
        // Three runs of 5, 1 and 7 bytes with gaps between them.
        var list = new BlockList(1);
        list.Add(all.Runs[0].Slice(0, 5));
        list.Add(all.Runs[0].Slice(10, 1));
        list.Add(Memory<byte>.Empty);
        list.Add(all.Runs[0].Slice(20, 7));
        Assert.Equal((3, 13), (list.Count, list.Length));
        for (var offset = 0; offset <= 13; offset++)
        {
            for (var length = 0; offset + length <= 13; length++)
            {
                list.Zero();
                var source = Enumerable.Range(1, length).Select(i => (byte)i).ToArray();
                list.CopyFrom(offset, source);
                var whole = new byte[13];
                list.CopyTo(0, whole);
                Assert.Equal(source, whole[offset..(offset + length)]);
                Assert.Equal(length, whole.Count(b => b != 0));
                var part = new BlockList();
                part.AddSlice(list, offset, length);
                var copy = new byte[length];
                part.CopyTo(0, copy);
                Assert.Equal(source, copy);
            }
        }
        Assert.Throws<ArgumentOutOfRangeException>(() => list.CopyFrom(13, new byte[1]));
        Assert.Throws<ArgumentOutOfRangeException>(() => list.AddSlice(all, 64 * 512, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => list.Truncate(14));
        list.Truncate(5);
        Assert.Equal((1, 5), (list.Count, list.Length));
        list.Truncate(2);
        list.Clear();
        Assert.Equal((0, 0), (list.Count, list.Length));
    }

    [Fact]
    public void Neighbours_are_merged()
    {
        using var root = Root(8);
        using var node = root.AddChild("n", null, new Share(Burst, 8, 8));
        using var a = node.Prepaid(Of(Burst, 2));
        var list = new BlockList();
        a.Draw(Burst, 1, list);
        a.Draw(Burst, 1, list);
        Assert.Equal((1, 8192), (list.Count, list.Length));
    }
}

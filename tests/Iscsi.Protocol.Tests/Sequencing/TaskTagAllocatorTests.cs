namespace Iscsi.Protocol.Tests;

public sealed class TaskTagAllocatorTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(64)]
    [InlineData(1 << 16)]
    public void All_tags_can_be_in_use_at_once_and_no_more(int capacity)
    {
        var allocator = new TaskTagAllocator(capacity);
        var tags = new Dictionary<uint, int>();
        for (var i = 0; i < capacity; i++)
        {
            Assert.True(allocator.TryAllocate(out var tag, out var index));
            Assert.NotEqual(TaskTag.Reserved, tag);
            tags.Add(tag, index);
        }
        Assert.Equal(capacity, tags.Values.Distinct().Count());
        Assert.False(allocator.TryAllocate(out _, out _));
        foreach (var (tag, index) in tags)
        {
            Assert.True(allocator.TryFind(tag, out var found));
            Assert.Equal(index, found);
        }
    }

    [Fact]
    public void A_tag_that_was_given_back_names_nothing_even_when_its_place_is_used_again()
    {
        var allocator = new TaskTagAllocator(1);
        allocator.TryAllocate(out var old, out _);
        allocator.Free(old);
        Assert.False(allocator.TryFind(old, out _));
        allocator.TryAllocate(out var tag, out var index);
        Assert.Equal(0, index);
        Assert.NotEqual(old, tag);
        Assert.False(allocator.TryFind(old, out _));
        Assert.Throws<ArgumentOutOfRangeException>(() => allocator.Free(old));
    }

    [Fact]
    public void Random_histories_agree_with_a_dictionary() => Seeded.Run(20, random =>
    {
        var allocator = new TaskTagAllocator(random.Next(1, 20));
        var model = new Dictionary<uint, int>();
        for (var step = 0; step < 3_000; step++)
        {
            if (random.Next(2) == 0)
            {
                Assert.Equal(model.Count < allocator.Capacity, allocator.TryAllocate(out var tag, out var index));
                if (index >= 0) model.Add(tag, index);
            }
            else if (model.Count > 0)
            {
                var tag = model.Keys.ElementAt(random.Next(model.Count));
                allocator.Free(tag);
                model.Remove(tag);
            }
            Assert.Equal(model.Count, allocator.Count);
            var probe = (uint)random.Next(1 << 20);
            Assert.Equal(model.ContainsKey(probe), allocator.TryFind(probe, out _));
        }
        Assert.Equal(model.Values.Distinct().Count(), model.Count);
    });

    [Fact]
    public void The_reserved_tag_is_never_given_out_when_the_generations_wrap()
    {
        // Of 65,536 places, the last would have the reserved tag in generation 0xffff, the second round here.
        var allocator = new TaskTagAllocator(1 << 16, firstGeneration: 0xFFFE);
        for (var round = 0; round < 4; round++)
        {
            var tags = new uint[1 << 16];
            for (var i = 0; i < tags.Length; i++) Assert.True(allocator.TryAllocate(out tags[i], out _));
            Assert.DoesNotContain(TaskTag.Reserved, tags);
            foreach (var tag in tags) allocator.Free(tag);
        }
    }

    [Fact]
    public void The_reserved_tag_and_places_that_are_not_there_name_nothing()
    {
        var allocator = new TaskTagAllocator(3);
        Assert.False(allocator.TryFind(TaskTag.Reserved, out _));
        Assert.False(allocator.TryFind(3, out _));
        Assert.False(allocator.TryFind(0, out _));
    }
}

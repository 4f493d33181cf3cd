namespace Iscsi.Storage.Tests;

/// <summary>Plain memory on a device.</summary>
public sealed class ExtensionTests
{
    [Fact]
    public async Task Plain_memory_is_written_and_read()
    {
        await using var device = new MemoryBlockDevice(1 << 20);
        byte[] bytes = [.. Enumerable.Range(0, 1024).Select(i => (byte)i)];
        await device.WriteAsync(lba: 3, bytes, BlockWriteFlags.ForceUnitAccess);
        var read = new byte[1024];
        await device.ReadAsync(lba: 3, read);
        Assert.Equal(bytes, read);
        await device.ReadAsync(2048, Memory<byte>.Empty);
        await device.WriteAsync(2048, ReadOnlyMemory<byte>.Empty);
    }

    [Fact]
    public async Task Memory_that_is_no_whole_block_or_not_inside_is_an_argument_error()
    {
        await using var device = new MemoryBlockDevice(1 << 20);
        await Assert.ThrowsAsync<ArgumentException>(async () => await device.ReadAsync(0, new byte[511]));
        await Assert.ThrowsAsync<ArgumentException>(async () => await device.WriteAsync(0, new byte[513]));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(async () => await device.ReadAsync(-1, new byte[512]));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(async () => await device.ReadAsync(2047, new byte[1024]));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(async () => await device.WriteAsync(long.MaxValue, new byte[512]));
    }

    [Fact]
    public async Task Two_memory_devices_are_different_storage()
    {
        await using var one = new MemoryBlockDevice(1 << 20);
        await using var two = new MemoryBlockDevice(1 << 20);
        Assert.False(one.IsSameStorage(two));
        Assert.True(one.IsSameStorage(one));
    }

    [Theory, InlineData(0), InlineData(-512), InlineData(100)]
    public void A_device_of_an_impossible_length_is_refused(long length)
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new MemoryBlockDevice(length));
        Assert.Throws<ArgumentOutOfRangeException>(() => new NullBlockDevice(length));
    }
}

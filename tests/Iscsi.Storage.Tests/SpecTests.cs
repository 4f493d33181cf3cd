namespace Iscsi.Storage.Tests;

/// <summary>Sizes and disks as text.</summary>
public sealed class SpecTests
{
    [Theory]
    [InlineData("0", 0)]
    [InlineData("512", 512)]
    [InlineData("512B", 512)]
    [InlineData("4K", 4096)]
    [InlineData("64MiB", 64L << 20)]
    [InlineData("64 mib", 64L << 20)]
    [InlineData("1G", 1L << 30)]
    [InlineData(" 2TiB ", 2L << 40)]
    [InlineData("7EiB", 7L << 60)]
    [InlineData("9223372036854775807", long.MaxValue)]
    public void A_size_is_parsed(string text, long bytes)
    {
        Assert.True(ByteSize.TryParse(text, out var parsed));
        Assert.Equal(bytes, parsed);
    }

    [Theory]
    [InlineData("")]
    [InlineData("MiB")]
    [InlineData("-1")]
    [InlineData("+1")]
    [InlineData("1.5GiB")]
    [InlineData("1KB")]
    [InlineData("1Ki")]
    [InlineData("1 2")]
    [InlineData("1MiBx")]
    [InlineData("8EiB")]
    [InlineData("9223372036854775808")]
    public void What_is_not_a_size_is_refused(string text) => Assert.False(ByteSize.TryParse(text, out _));

    [Theory]
    [InlineData(0, "0 B")]
    [InlineData(1023, "1023 B")]
    [InlineData(1024, "1 KiB")]
    [InlineData(1536, "1.5 KiB")]
    [InlineData((1L << 20) - 1, "1023.9 KiB")]
    [InlineData(64L << 20, "64 MiB")]
    [InlineData(1L << 40, "1 TiB")]
    [InlineData(long.MaxValue, "7.9 EiB")]
    public void A_size_is_written(long bytes, string text) => Assert.Equal(text, ByteSize.Format(bytes));

    [Fact]
    public void A_size_that_fills_its_unit_is_read_back()
    {
        for (var shift = 0; shift < 63; shift++)
        {
            Assert.True(ByteSize.TryParse(ByteSize.Format(1L << shift), out var parsed));
            Assert.Equal(1L << shift, parsed);
        }
    }

    [Fact]
    public void A_path_alone_is_a_file() =>
        Assert.Equal(new BlockDeviceSpec { Kind = BlockDeviceKind.File, Location = "/a/b.img" }, Parse("/a/b.img"));

    [Fact]
    public void A_file_takes_all_options() => Assert.Equal(
        new BlockDeviceSpec
        {
            Kind = BlockDeviceKind.File, Location = "disk.img", SizeBytes = 1L << 30, BlockSize = 4096,
            IsReadOnly = true, IsRemovable = true, WriteThrough = true, Direct = true,
        },
        Parse("disk.img,size=1GiB,block-size=4096,read-only,removable,write-through,direct"));

    [Fact]
    public void A_file_may_be_thick() => Assert.True(Parse("disk.img,size=1GiB,thick").Thick);

    [Theory]
    [InlineData("a,,b.img", "a,b.img", null)]
    [InlineData("a,,,size=4K", "a,", 4096L)]
    [InlineData("./memory", "./memory", null)]
    [InlineData("C:\\disk.img,size=4K", "C:\\disk.img", 4096L)]
    [InlineData("name=value.img", "name=value.img", null)]
    public void A_path_may_hold_commas_that_are_doubled(string text, string path, long? size) =>
        Assert.Equal(new BlockDeviceSpec { Kind = BlockDeviceKind.File, Location = path, SizeBytes = size }, Parse(text));

    [Fact]
    public void Memory_and_null_have_a_size()
    {
        Assert.Equal(new BlockDeviceSpec { Kind = BlockDeviceKind.Memory, Location = "memory", SizeBytes = 256L << 20 }, Parse("memory,size=256MiB"));
        Assert.Equal(new BlockDeviceSpec { Kind = BlockDeviceKind.Null, Location = "null", SizeBytes = 1L << 40, BlockSize = 512 }, Parse("null,size=1TiB,block-size=512"));
    }

    [Fact]
    public async Task An_iscsi_url_is_recognised_and_left_to_the_initiator()
    {
        var spec = Parse("iscsi://user%secret@host:3260/iqn.2026-11.net.example:disk/0,read-only");
        Assert.Equal((BlockDeviceKind.Iscsi, true), (spec.Kind, spec.IsReadOnly));
        Assert.Contains("initiator", (await Assert.ThrowsAsync<NotSupportedException>(() => spec.OpenAsync())).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "begins with no path")]
    [InlineData(",size=1G", "begins with no path")]
    [InlineData("disk.img,floppy", "size, block-size, read-only, removable, write-through, direct, thick")]
    [InlineData("disk.img,", "is not an option")]
    [InlineData("disk.img,b.img", "comma in a path is written twice")]
    [InlineData("disk.img,size", "is not a size")]
    [InlineData("disk.img,size=", "is not a size")]
    [InlineData("disk.img,size=lots", "64MiB")]
    [InlineData("disk.img,size=0", "no bytes")]
    [InlineData("disk.img,size=1000", "no multiple of the block size of 512")]
    [InlineData("disk.img,size=1K,block-size=4096", "no multiple of the block size of 4096")]
    [InlineData("disk.img,size=1G,size=2G", "there twice")]
    [InlineData("disk.img,block-size=1024", "block-size=512 or block-size=4096")]
    [InlineData("disk.img,read-only=yes", "takes no value")]
    [InlineData("disk.img,thick,read-only", "space can't be reserved")]
    [InlineData("memory", "memory,size=256MiB")]
    [InlineData("null", "needs a size")]
    [InlineData("memory,size=1M,direct", "size, block-size, read-only, removable")]
    [InlineData("iscsi://h/iqn/0,size=1G", "its options are read-only, removable")]
    public void A_mistake_is_explained(string text, string explanation)
    {
        Assert.False(BlockDeviceSpec.TryParse(text, out var spec, out var error));
        Assert.Null(spec);
        Assert.Contains(explanation, error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Each_kind_is_opened_as_described()
    {
        using var file = new TempFile();
        await using (var device = await Parse($"{file.Path},size=1MiB,block-size=4096,write-through").OpenAsync())
            Assert.Equal((4096, 256L, false), (device.Info.BlockSize, device.Info.BlockCount, device.Info.HasVolatileWriteCache));
        await using (var device = await Parse($"{file.Path},size=1MiB,read-only").OpenAsync()) Assert.True(device.Info.IsReadOnly);
        await using (var device = await Parse("memory,size=1MiB,read-only").OpenAsync()) Assert.Equal((2048, true), (device.Info.BlockCount, device.Info.IsReadOnly));
        await using (var device = await Parse("null,size=1TiB").OpenAsync()) Assert.IsType<NullBlockDevice>(device);
    }

    [Fact]
    public async Task A_file_of_another_size_than_given_is_refused()
    {
        using var file = new TempFile();
        await (await Parse($"{file.Path},size=1MiB").OpenAsync()).DisposeAsync();
        var e = await Assert.ThrowsAsync<BlockDeviceException>(() => Parse($"{file.Path},size=2MiB").OpenAsync());
        Assert.Equal(BlockDeviceError.InvalidSize, e.Error);
        Assert.Contains("has 1048576 bytes and not the 2097152 (2 MiB) that size asks for", e.Message, StringComparison.Ordinal);
        await (await Parse(file.Path).OpenAsync()).DisposeAsync();
    }

    private static BlockDeviceSpec Parse(string text)
    {
        Assert.True(BlockDeviceSpec.TryParse(text, out var spec, out var error), error);
        return spec;
    }
}

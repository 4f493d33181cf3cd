using System.Text.Json;

namespace Iscsi.Interop;

/// <summary>QEMU's tools over its own iSCSI driver (libiscsi inside): whole images, patterns, zeroes and discards.</summary>
[Trait("Category", "Foreign")]
public sealed class QemuTests
{
    private const long ImageBytes = 256L << 20;

    [Fact]
    public async Task An_image_that_is_converted_to_the_lun_and_back_is_byte_identical()
    {
        ForeignTool.QemuImg.Require();
        using var scratch = new ScratchDirectory();
        var image = scratch.RandomFile("image.raw", ImageBytes, seed: 20261122);
        var disk = scratch.SparseFile("disk.img", ImageBytes);
        var copy = scratch.File("copy.raw");
        var limit = TimeSpan.FromSeconds(300);

        await using (var daemon = await Daemon.ServeAsync(disk))
        {
            (await ForeignTool.QemuImg.RunAsync(limit, "convert", "-n", "-f", "raw", "-O", "raw", image, daemon.Url)).Succeeded();
            (await ForeignTool.QemuImg.RunAsync(limit, "convert", "-f", "raw", "-O", "raw", daemon.Url, copy)).Succeeded();
            Assert.Equal(0, await daemon.StopAsync());
        }

        AssertSameBytes(image, copy);
        AssertSameBytes(image, disk);
    }

    [Theory]
    [InlineData(512)]
    [InlineData(4096)]
    public async Task Qemu_img_info_shows_the_size(int blockSize)
    {
        ForeignTool.QemuImg.Require();
        await using var daemon = await Daemon.ServeAsync($"memory,size=64MiB,block-size={blockSize}");

        var info = (await ForeignTool.QemuImg.RunAsync("info", "--output=json", "-f", "raw", daemon.Url)).Succeeded();

        using var json = JsonDocument.Parse(info.Output);
        Assert.Equal(64L << 20, json.RootElement.GetProperty("virtual-size").GetInt64());
        Assert.Equal("raw", json.RootElement.GetProperty("format").GetString());
    }

    [Fact]
    public async Task Qemu_io_reads_back_the_patterns_it_wrote_in_another_process()
    {
        ForeignTool.QemuIo.Require();
        using var scratch = new ScratchDirectory();
        await using var daemon = await Daemon.ServeAsync(scratch.SparseFile("disk.img", 64 << 20));

        await QemuIoAsync(
            daemon.Url, "write -P 0x5a 0 1M", "write -P 0xa5 1M 4k", "write -P 0x3c 8M 8M", "write -f -P 0x77 63M 1M", "write -P 0x11 4097k 3k", "flush");
        await QemuIoAsync(
            daemon.Url, "read -P 0x5a 0 1M", "read -P 0xa5 1M 4k", "read -P 0 1028k 4k", "read -P 0x3c 8M 8M", "read -P 0x77 63M 1M", "read -P 0x11 4097k 3k");
    }

    [Fact]
    public async Task Qemu_io_reads_zeroes_after_write_zeroes()
    {
        ForeignTool.QemuIo.Require();
        using var scratch = new ScratchDirectory();
        await using var daemon = await Daemon.ServeAsync(scratch.SparseFile("disk.img", 64 << 20));

        await QemuIoAsync(
            daemon.Url, "write -P 0x5a 0 16M", "write -z 1M 8M", "write -z -u 10M 2M", "flush",
            "read -P 0x5a 0 1M", "read -P 0 1M 8M", "read -P 0x5a 9M 1M", "read -P 0 10M 2M", "read -P 0x5a 12M 4M");
    }

    [Fact]
    public async Task Qemu_io_discards()
    {
        ForeignTool.QemuIo.Require();
        using var scratch = new ScratchDirectory();
        await using var daemon = await Daemon.ServeAsync(scratch.SparseFile("disk.img", 64 << 20));

        await QemuIoAsync(daemon.Url, "write -P 0x5a 0 16M", "discard 4M 4M", "flush", "read -P 0x5a 0 4M", "read -P 0x5a 8M 8M");
    }

    [Fact]
    public async Task Many_overlapping_requests_of_qemu_io_complete()
    {
        ForeignTool.QemuIo.Require();
        using var scratch = new ScratchDirectory();
        await using var daemon = await Daemon.ServeAsync(scratch.SparseFile("disk.img", 64 << 20));
        var writes = Enumerable.Range(0, 64).Select(i => $"aio_write -P {i + 1} {i}M 1M");
        var reads = Enumerable.Range(0, 64).Select(i => $"aio_read -P {i + 1} {i}M 1M");

        await QemuIoAsync(daemon.Url, [.. writes, "aio_flush", .. reads, "aio_flush"]);
    }

    [Fact]
    public async Task A_read_only_lun_refuses_writes()
    {
        ForeignTool.QemuIo.Require();
        using var scratch = new ScratchDirectory();
        await using var daemon = await Daemon.ServeAsync(scratch.SparseFile("disk.img", 1 << 20) + ",read-only");

        var write = await ForeignTool.QemuIo.RunAsync("-f", "raw", "-c", "write -P 1 0 4k", daemon.Url);

        Assert.True(write.ExitCode != 0 || write.Output.Contains("read-only", StringComparison.OrdinalIgnoreCase), write.ToString());
        await QemuIoAsync(daemon.Url, readOnly: true, "read -P 0 0 1M");
    }

    private static Task QemuIoAsync(string url, params string[] commands) => QemuIoAsync(url, readOnly: false, commands);

    private static async Task QemuIoAsync(string url, bool readOnly, params string[] commands)
    {
        string[] access = readOnly ? ["-r"] : [];
        var run = await ForeignTool.QemuIo.RunAsync(["-f", "raw", .. access, .. commands.SelectMany(c => (string[])["-c", c]), url]);
        run.Succeeded();
        Assert.DoesNotContain("Pattern verification failed", run.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("failed:", run.ToString(), StringComparison.Ordinal);
    }

    private static void AssertSameBytes(string expectedPath, string actualPath)
    {
        using var expected = File.OpenRead(expectedPath);
        using var actual = File.OpenRead(actualPath);
        Assert.Equal(expected.Length, actual.Length);
        var left = new byte[1 << 20];
        var right = new byte[1 << 20];
        for (long offset = 0; offset < expected.Length; offset += left.Length)
        {
            var count = expected.ReadAtLeast(left, left.Length, throwOnEndOfStream: false);
            actual.ReadExactly(right, 0, count);
            if (left.AsSpan(0, count).SequenceEqual(right.AsSpan(0, count))) continue;
            Assert.Fail($"{actualPath} differs at byte {offset + left.AsSpan(0, count).CommonPrefixLength(right.AsSpan(0, count))}");
        }
    }
}

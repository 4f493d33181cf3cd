namespace Iscsi.Interop.Guests;

/// <summary>What the guest gives back is given back by the file, and zeroes are zeroes.</summary>
[Collection(LinuxGuestCollection.Name)]
[Trait("Category", "Foreign")]
public sealed class SpaceTests(LinuxGuestFixture guests)
{
    private const long Mebibyte = 1L << 20;

    [Theory]
    [InlineData(512)]
    [InlineData(4096)]
    public Task Fstrim_shrinks_the_file(int blockSize) => guests.RunAsync(async guest =>
    {
        using var scratch = new ScratchDirectory();
        var path = scratch.SparseFile("disk.img", 256 * Mebibyte);
        await using var daemon = await GuestDaemon.ServeAsync($"{path},block-size={blockSize}");

        (await guest.RunAsync(
            $"""
            modprobe ext4
            connect {daemon.Port}
            disk=$(disk 0)
            mkfs.ext4 -q -E nodiscard $disk
            mkdir -p /mnt/disk
            mount $disk /mnt/disk
            dd if=/dev/urandom of=/mnt/disk/large bs=1M count=64 2>/dev/null
            dd if=/dev/urandom of=/mnt/disk/kept bs=1M count=4 2>/dev/null
            sync
            """)).Succeeded();
        var before = await AllocatedAsync(path);
        var result = (await guest.RunAsync(
            """
            before=$(hash_of /mnt/disk)
            rm /mnt/disk/large
            before=$(hash_of /mnt/disk)
            sync
            fstrim -v /mnt/disk
            umount /mnt/disk
            mount $(disk 0) /mnt/disk
            [ "$before" = "$(hash_of /mnt/disk)" ]
            umount /mnt/disk
            e2fsck -fn $(disk 0)
            logout
            """)).Succeeded();
        var after = await AllocatedAsync(path);

        Assert.True(before - after >= 60 * Mebibyte, $"{before} bytes before and {after} after: {result}");
    });

    [Fact]
    public Task Blkdiscard_shrinks_the_file_and_leaves_the_rest() => guests.RunAsync(async guest =>
    {
        using var scratch = new ScratchDirectory();
        var path = scratch.SparseFile("disk.img", 128 * Mebibyte);
        await using var daemon = await GuestDaemon.ServeAsync(path);

        (await guest.RunAsync(
            $"""
            connect {daemon.Port}
            disk=$(disk 0)
            dd if=/dev/urandom of=/tmp/data bs=1M count=32 2>/dev/null
            dd if=/tmp/data of=$disk bs=1M oflag=direct 2>/dev/null
            """)).Succeeded();
        Assert.True(await AllocatedAsync(path) >= 32 * Mebibyte);
        (await guest.RunAsync(
            """
            disk=$(disk 0)
            blkdiscard -o 4M -l 24M $disk
            dd if=$disk of=/tmp/back bs=1M count=32 iflag=direct 2>/dev/null
            dd if=/dev/zero of=/tmp/data bs=1M seek=4 count=24 conv=notrunc 2>/dev/null
            cmp /tmp/data /tmp/back
            """)).Succeeded();
        Assert.InRange(await AllocatedAsync(path), 8 * Mebibyte, 9 * Mebibyte);
        (await guest.RunAsync("blkdiscard $(disk 0); logout")).Succeeded();
        Assert.InRange(await AllocatedAsync(path), 0, Mebibyte);
    });

    [Fact]
    public Task Zeroes_are_written_without_being_sent() => guests.RunAsync(async guest =>
    {
        using var scratch = new ScratchDirectory();
        await using var daemon = await GuestDaemon.ServeAsync(scratch.SparseFile("disk.img", 64 * Mebibyte));

        var result = (await guest.RunAsync(
            $$"""
            connect {{daemon.Port}}
            disk=$(disk 0)
            dd if=/dev/urandom of=/tmp/data bs=1M count=64 2>/dev/null
            dd if=/tmp/data of=$disk bs=1M oflag=direct 2>/dev/null
            echo "write_same $(cat /sys/block/${disk#/dev/}/queue/write_zeroes_max_bytes)"
            blkdiscard -z -o 8M -l 40M $disk
            dd if=/dev/zero of=/tmp/data bs=1M seek=8 count=40 conv=notrunc 2>/dev/null
            sg_write_same --lba=100 --num=8 --in=/dev/zero $disk
            dd if=/dev/zero of=/tmp/data bs=512 seek=100 count=8 conv=notrunc 2>/dev/null
            head -c 512 /tmp/data | tr '\000-\377' 'x' >/tmp/block
            sg_write_same --16 --lba=1000 --num=300 --in=/tmp/block $disk
            for i in $(seq 300); do cat /tmp/block; done | dd of=/tmp/data bs=512 seek=1000 conv=notrunc 2>/dev/null
            blockdev --flushbufs $disk
            dd if=$disk of=/tmp/back bs=1M count=64 iflag=direct 2>/dev/null
            cmp /tmp/data /tmp/back
            logout
            """)).Succeeded();

        Assert.NotEqual("0", result.ValueOf("write_same"));
    });

    private static async Task<long> AllocatedAsync(string path)
    {
        var result = (await ForeignTool.RunAsync("/usr/bin/du", TimeSpan.FromSeconds(60), "-B1", path)).Succeeded();
        return long.Parse(result.Output.Split('\t')[0], System.Globalization.CultureInfo.InvariantCulture);
    }
}

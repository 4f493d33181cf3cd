namespace Iscsi.Interop.Guests;

/// <summary>Linux makes file systems on the LUN through open-iscsi.</summary>
[Collection(LinuxGuestCollection.Name)]
[Trait("Category", "Foreign")]
public sealed class FileSystemTests(LinuxGuestFixture guests)
{
    private const long DiskBytes = 512L << 20;

    [Theory]
    [InlineData("ext4", 512)]
    [InlineData("ext4", 4096)]
    [InlineData("xfs", 512)]
    [InlineData("xfs", 4096)]
    public Task Files_are_the_same_after_a_check_and_a_new_session(string fileSystem, int blockSize) => guests.RunAsync(async guest =>
    {
        using var scratch = new ScratchDirectory();
        await using var daemon = await GuestDaemon.ServeAsync($"{scratch.SparseFile("disk.img", DiskBytes)},block-size={blockSize}");
        var check = fileSystem == "ext4" ? "e2fsck -fn" : "xfs_repair -n";

        (await guest.RunAsync(
            $"""
            modprobe {fileSystem}
            connect {daemon.Port}
            disk=$(disk 0)
            [ "$(blockdev --getss $disk)" = {blockSize} ]
            mkfs.{fileSystem} -q $disk
            mkdir -p /mnt/disk
            mount $disk /mnt/disk
            write_files /mnt/disk 60
            before=$(hash_of /mnt/disk)
            umount /mnt/disk
            {check} $disk
            logout

            login
            disk=$(disk 0)
            mount $disk /mnt/disk
            after=$(hash_of /mnt/disk)
            umount /mnt/disk
            logout
            [ "$before" = "$after" ] || fail "$before is now $after"
            """)).Succeeded();
        Assert.Equal(0, await daemon.StopAsync());
    });
}

namespace Iscsi.Interop.Guests;

/// <summary>A read-only LUN is one for Linux, too.</summary>
[Collection(LinuxGuestCollection.Name)]
[Trait("Category", "Foreign")]
public sealed class ReadOnlyTests(LinuxGuestFixture guests)
{
    [Fact]
    public Task Linux_sees_that_a_LUN_is_read_only_and_mounts_it_so() => guests.RunAsync(async guest =>
    {
        using var scratch = new ScratchDirectory();
        var path = scratch.SparseFile("disk.img", 64L << 20);
        await using (var writable = await GuestDaemon.ServeAsync(path))
        {
            (await guest.RunAsync(
                $"""
                modprobe ext4
                connect {writable.Port}
                disk=$(disk 0)
                [ "$(blockdev --getro $disk)" = 0 ]
                mkfs.ext4 -q $disk
                mkdir -p /mnt/disk
                mount $disk /mnt/disk
                echo here >/mnt/disk/file
                umount /mnt/disk
                logout
                iscsiadm -m node -T $iqn -o delete
                """)).Succeeded();
            Assert.Equal(0, await writable.StopAsync());
        }

        await using var daemon = await GuestDaemon.ServeAsync(path + ",read-only");
        (await guest.RunAsync(
            $"""
            connect {daemon.Port}
            disk=$(disk 0)
            [ "$(blockdev --getro $disk)" = 1 ]
            refused dd if=/dev/zero of=$disk bs=512 count=1 oflag=direct
            refused sg_write_same --lba=0 --num=1 --in=/dev/zero $disk
            mount -o ro $disk /mnt/disk
            [ "$(cat /mnt/disk/file)" = here ]
            umount /mnt/disk
            logout
            """)).Succeeded();
    });
}

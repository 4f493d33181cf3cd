namespace Iscsi.Interop.Guests;

/// <summary>The file behind a LUN grows and shrinks while it is in use.</summary>
[Collection(LinuxGuestCollection.Name)]
[Trait("Category", "Foreign")]
public sealed class ResizeTests(LinuxGuestFixture guests)
{
    [Theory]
    [InlineData("ext4")]
    [InlineData("xfs")]
    public Task A_file_system_grows_with_the_file_behind_it(string fileSystem) => guests.RunAsync(async guest =>
    {
        using var scratch = new ScratchDirectory();
        var path = scratch.SparseFile("disk.img", 320L << 20);
        await using var daemon = await GuestDaemon.ServeAsync(path);
        (await guest.RunAsync(
            $"""
            modprobe {fileSystem}
            connect {daemon.Port}
            disk=$(disk 0)
            [ "$(blockdev --getsize64 $disk)" = {320 << 20} ]
            mkfs.{fileSystem} -q $disk
            mkdir -p /mnt/disk
            mount $disk /mnt/disk
            write_files /mnt/disk 20
            """)).Succeeded();

        // As an operator does it: .NET would respect the daemon's lock.
        (await ForeignTool.RunAsync("/usr/bin/truncate", TimeSpan.FromSeconds(60), "-s", "640M", path)).Succeeded();
        await daemon.ReloadAsync("640 MiB");

        (await guest.RunAsync(
            $$"""
            disk=$(disk 0)
            before=$(hash_of /mnt/disk)
            # The next command meets the unit attention, and Linux says so.
            dd if=$disk of=/dev/null bs=4096 count=1 iflag=direct 2>/dev/null
            dmesg | grep 'Capacity data has changed'
            [ "$(blockdev --getsize64 $disk)" = {{320 << 20}} ]
            iscsiadm -m node -T $iqn -R
            within 60 eval '[ $(blockdev --getsize64 $(disk 0)) = {{640 << 20}} ]'
            {{(fileSystem == "ext4" ? "resize2fs $disk" : "xfs_growfs /mnt/disk")}}
            [ "$(df -m /mnt/disk | awk 'NR == 2 { print ($2 > 500) }')" = 1 ]
            dd if=/dev/urandom of=/mnt/disk/large bs=1M count=400 2>/dev/null
            rm /mnt/disk/large
            [ "$before" = "$(hash_of /mnt/disk)" ]
            umount /mnt/disk
            {{(fileSystem == "ext4" ? "e2fsck -fn" : "xfs_repair -n")}} $disk
            logout
            """)).Succeeded();
    });
}

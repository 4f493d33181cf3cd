namespace Iscsi.Interop.Guests;

/// <summary>The daemon is killed under a mounted file system that is being written to.</summary>
[Collection(LinuxGuestCollection.Name)]
[Trait("Category", "Foreign")]
public sealed class OutageTests(LinuxGuestFixture guests)
{
    private const int ReplacementSeconds = 20;

    // Connection errors and retries are what the kernel has to say here.
    private static readonly string[] Outage = ["detected conn error", "session recovery timed out"];

    private static readonly string[] LostDisk =
    [
        .. Outage, "I/O error", "rejecting I/O", "offline", "lost async page write", "lost sync page write", "EXT4-fs", "JBD2", "hostbyte=", "Synchronize Cache", "Buffer I/O",
        "Aborting journal",
    ];

    [Fact]
    public Task Away_for_less_than_the_replacement_timeout_loses_no_synced_file() => guests.RunAsync(async guest =>
    {
        using var scratch = new ScratchDirectory();
        await using var daemon = await GuestDaemon.ServeAsync(scratch.SparseFile("disk.img", 256L << 20));
        (await guest.RunAsync(MountScript(daemon.Port))).Succeeded();

        var writing = guest.Start(
            """
            for i in $(seq 60); do
                dd if=/dev/urandom of=/mnt/disk/file$i bs=37k count=1 conv=fsync 2>/dev/null || fail "file $i"
                sha256sum /mnt/disk/file$i >>/tmp/synced
                [ $i != 20 ] || echo "@@under load"
            done
            """);
        await writing.WrittenAsync("@@under load");
        await daemon.KillAsync();
        await Task.Delay(TimeSpan.FromSeconds(10));
        await daemon.StartAsync();
        (await writing.Completion).Succeeded();

        (await guest.RunAsync(
            """
            sync
            umount /mnt/disk
            disk=$(disk 0)
            e2fsck -fn $disk
            mount $disk /mnt/disk
            sha256sum -c /tmp/synced | grep -v OK && fail "a synced file is not there"
            umount /mnt/disk
            logout
            """)).Succeeded();
    }, Outage);

    [Fact]
    public Task Away_for_longer_gives_errors_and_a_clean_login_afterwards() => guests.RunAsync(async guest =>
    {
        using var scratch = new ScratchDirectory();
        await using var daemon = await GuestDaemon.ServeAsync(scratch.SparseFile("disk.img", 256L << 20));
        (await guest.RunAsync(MountScript(daemon.Port))).Succeeded();

        var writing = guest.Start(
            """
            begin=$(date +%s)
            for i in $(seq 100000); do
                dd if=/dev/urandom of=/mnt/disk/file$i bs=37k count=1 conv=fsync 2>/dev/null || break
                sha256sum /mnt/disk/file$i >>/tmp/synced
                [ $i != 20 ] || { begin=$(date +%s); echo "@@under load"; }
            done
            echo "seconds $(($(date +%s) - begin))"
            """);
        await writing.WrittenAsync("@@under load");
        await daemon.KillAsync();
        var result = (await writing.Completion).Succeeded();
        Assert.InRange(int.Parse(result.ValueOf("seconds "), System.Globalization.CultureInfo.InvariantCulture), ReplacementSeconds - 5, 40);
        await Task.Delay(TimeSpan.FromSeconds(15));
        await daemon.StartAsync();

        (await guest.RunAsync(
            """
            umount -l /mnt/disk
            logout
            login
            disk=$(disk 0)
            # Mounting replays the journal.
            within 10 mount $disk /mnt/disk
            sha256sum -c /tmp/synced | grep -v OK && fail "a synced file is not there"
            umount /mnt/disk
            e2fsck -fn $disk
            logout
            """)).Succeeded();
    }, LostDisk);

    private static string MountScript(int port) =>
        $"""
        modprobe ext4
        rm -f /tmp/synced
        discover {port}
        setting node.session.timeo.replacement_timeout {ReplacementSeconds}
        login
        disk=$(disk 0)
        mkfs.ext4 -q $disk
        mkdir -p /mnt/disk
        mount $disk /mnt/disk
        """;
}

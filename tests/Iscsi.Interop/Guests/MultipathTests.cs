namespace Iscsi.Interop.Guests;

/// <summary>Two portals, one disk: dm-multipath goes on over the other when one dies, and takes it back.</summary>
[Collection(LinuxGuestCollection.Name)]
[Trait("Category", "Foreign")]
public sealed class MultipathTests(LinuxGuestFixture guests)
{
    // What a path that dies looks like.
    private static readonly string[] PathFailure =
    [
        "detected conn error", "session recovery timed out", "hostbyte=DID_TRANSPORT", "I/O error", "Failing path", "rejecting I/O to offline device",
        "recoverable transport error",
    ];

    [Fact]
    public Task A_path_that_dies_under_load_loses_nothing_and_comes_back() => guests.RunAsync(async guest =>
    {
        using var scratch = new ScratchDirectory();
        var first = LoopbackPorts.Free();
        var second = LoopbackPorts.Free();
        await using var relay = new TcpRelay(second);
        await using var daemon = await Daemon.ServeAsync(
            [
                "--listen", $"127.0.0.1:{first},announce={LinuxGuest.HostAddress}:{first}",
                "--listen", $"127.0.0.1:{second},announce={LinuxGuest.HostAddress}:{relay.Port}",
            ],
            [scratch.SparseFile("disk.img", 256L << 20)]);

        (await guest.RunAsync(
            $$"""
            modprobe -a ext4 dm_multipath dm_service_time dm_round_robin scsi_dh_alua
            cat >/etc/multipath.conf <<'CONF'
            defaults {
                find_multipaths no
                user_friendly_names yes
                polling_interval 1
                max_polling_interval 1
                path_grouping_policy multibus
                path_selector "round-robin 0"
                path_checker tur
                no_path_retry queue
                # No udev will tell it that a map is there.
                uev_wait_timeout 1
                uid_attribute ""
            }
            CONF
            discover {{first}}
            setting node.session.timeo.replacement_timeout 3
            setting node.conn[0].timeo.noop_out_interval 1
            setting node.conn[0].timeo.noop_out_timeout 2
            login
            [ $(ls /sys/class/iscsi_session | wc -l) = 2 ]
            disk 0 $(ls /sys/class/iscsi_host | sed -n 's/host//;1p')
            disk 0 $(ls /sys/class/iscsi_host | sed -n 's/host//;2p')
            multipathd -d -v 2 >/tmp/multipathd.log 2>&1 &
            within 60 eval 'multipathd show daemon | grep -E "idle|running"'
            # Elsewhere udev does this.
            for path in $(cd /sys/block && ls -d sd*); do multipathd add path $path; done
            (within 60 eval '[ $(multipathd show paths format "%t" | grep -c active) = 2 ]') || { cat /tmp/multipathd.log; exit 1; }
            multipath -ll
            map=/dev/$(multipathd show maps format "%d" | tail -n 1 | tr -d ' ')
            mkfs.ext4 -q $map
            mkdir -p /mnt/disk
            mount $map /mnt/disk
            """)).Succeeded();

        var load = guest.Start(
            """
            rm -f /tmp/synced
            for i in $(seq 120); do
                dd if=/dev/urandom of=/mnt/disk/file$i bs=300k count=1 conv=fsync 2>/dev/null || fail "file $i"
                sha256sum /mnt/disk/file$i >>/tmp/synced
                [ $i != 30 ] || echo "@@under load"
                [ $i != 90 ] || { echo "@@on one path"; multipathd show paths; }
            done
            multipathd show paths
            """);
        await load.WrittenAsync("@@under load");
        relay.Cut();
        await load.WrittenAsync("@@on one path");
        var relayed = relay.RelayedBytes;
        (await load.Completion).Succeeded();
        Assert.Equal(relayed, relay.RelayedBytes);

        relay.Connect();
        (await guest.RunAsync(
            """
            within 60 eval '[ $(multipathd show paths format "%t" | grep -c active) = 2 ]'
            dd if=/dev/urandom of=/mnt/disk/last bs=1M count=16 conv=fsync 2>/dev/null
            sha256sum /mnt/disk/last >>/tmp/synced
            umount /mnt/disk
            map=/dev/$(multipathd show maps format "%d" | tail -n 1 | tr -d ' ')
            e2fsck -fn $map
            mount $map /mnt/disk
            sha256sum -c /tmp/synced | grep -v OK && fail "a synced file is not there"
            umount /mnt/disk
            multipath -F
            multipathd shutdown
            logout
            """)).Succeeded();
        Assert.True(relay.RelayedBytes > relayed + (4 << 20), "the path that came back carries nothing");
        Assert.Equal(0, await daemon.StopAsync());
    }, PathFailure);
}

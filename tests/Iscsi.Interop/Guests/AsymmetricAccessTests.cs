namespace Iscsi.Interop.Guests;

/// <summary>Two portal groups are two target port groups, whose states an initiator reads and sets.</summary>
[Collection(LinuxGuestCollection.Name)]
[Trait("Category", "Foreign")]
public sealed class AsymmetricAccessTests(LinuxGuestFixture guests)
{
    [Fact]
    public Task Sg_rtpg_reads_and_sg_stpg_sets_the_states_of_two_paths() => guests.RunAsync(async guest =>
    {
        using var scratch = new ScratchDirectory();
        var first = LoopbackPorts.Free();
        var second = LoopbackPorts.Free();
        var path = scratch.File("config.json");
        await File.WriteAllTextAsync(
            path,
            $$"""
            {
              "portals": [
                { "listen": "127.0.0.1:{{first}}", "announce": "{{LinuxGuest.HostAddress}}:{{first}}", "group": 1 },
                { "listen": "127.0.0.1:{{second}}", "announce": "{{LinuxGuest.HostAddress}}:{{second}}", "group": 2 }
              ],
              "targets": [{
                "name": "iqn.2026-11.net.iscsinet:disk",
                "asymmetricAccess": { "explicit": true },
                "luns": [{ "lun": 0, "path": "{{scratch.SparseFile("disk.img", 64L << 20)}}" }]
              }]
            }
            """);
        await using var daemon = await Daemon.ServeConfigurationAsync(path, lunCount: 1);

        (await guest.RunAsync(
            $$"""
            modprobe scsi_dh_alua
            discover {{first}}
            login -p $host:{{first}}
            a=$(disk 0)
            a_host=$(ls /sys/class/iscsi_host | sed 's/host//')
            login -p $host:{{second}}
            for i in /sys/class/iscsi_host/*; do i=${i##*host}; [ $i = $a_host ] || b=$(disk 0 $i); done
            sg_vpd --page=di $a
            sg_inq $a | grep TPGS=3
            sg_rtpg --decode $a | tee /tmp/groups
            [ $(grep -c 'target port group id' /tmp/groups) = 2 ]
            dd if=/dev/zero of=$b bs=512 count=1 oflag=direct

            sg_stpg --tp=2 --state=s $a
            sg_rtpg --decode $b | grep -i standby
            refused sg_dd if=$b of=/dev/null bs=512 count=1 iflag=sgio
            dd if=/dev/zero of=$a bs=512 count=1 oflag=direct

            sg_stpg --tp=2 --state=ao $a
            refused eval 'sg_rtpg --decode $b | grep -i standby'
            within 60 dd if=/dev/zero of=$b bs=512 count=1 oflag=direct
            logout
            """)).Succeeded();
        Assert.Equal(0, await daemon.StopAsync());
    }, "FAILED Result", "Not Ready", "Add. Sense", "I/O error", "Asymmetric access state changed");
}

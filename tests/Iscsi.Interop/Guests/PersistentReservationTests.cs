namespace Iscsi.Interop.Guests;

/// <summary>Two initiator names in one guest, as the nodes of a cluster: who holds the reservation writes, who lost it does not.</summary>
[Collection(LinuxGuestCollection.Name)]
[Trait("Category", "Foreign")]
public sealed class PersistentReservationTests(LinuxGuestFixture guests)
{
    [Fact]
    public Task The_loser_of_a_preemption_is_refused() => guests.RunAsync(async guest =>
    {
        using var scratch = new ScratchDirectory();
        await using var daemon = await GuestDaemon.ServeAsync(scratch.SparseFile("disk.img", 64L << 20));

        (await guest.RunAsync(
            $$"""
            start_iscsid
            for node in a b; do
                iscsiadm -m iface -I node-$node -o new
                iscsiadm -m iface -I node-$node -o update -n iface.initiatorname -v iqn.2026-11.net.iscsinet:$node
            done
            iscsiadm -m discovery -t sendtargets -p $host:{{daemon.Port}} -I node-a -I node-b
            login -I node-a
            a=$(disk 0)
            a_host=$(ls /sys/class/iscsi_host | sed 's/host//')
            login -I node-b
            for i in /sys/class/iscsi_host/*; do i=${i##*host}; [ $i = $a_host ] || b=$(disk 0 $i); done
            [ "$a" != "$b" ]
            write() { dd if=/dev/zero of=$1 bs=512 count=1 oflag=direct; }

            sg_persist --out --register --param-sark=0xa $a
            sg_persist --out --register --param-sark=0xb $b
            sg_persist --in --read-keys $a | grep -i 0xa
            sg_persist --in --read-keys $a | grep -i 0xb
            # 5: write exclusive, registrants only; both are registrants.
            sg_persist --out --reserve --param-rk=0xa --prout-type=5 $a
            write $a
            write $b
            sg_persist --out --release --param-rk=0xa --prout-type=5 $a
            # 1: write exclusive; only the holder writes, all read.
            sg_persist --out --reserve --param-rk=0xa --prout-type=1 $a
            write $a
            refused write $b
            dd if=$b of=/dev/null bs=512 count=1 iflag=direct
            refused sg_persist --out --reserve --param-rk=0xb --prout-type=1 $b

            # The fencing of a cluster.
            sg_persist --out --preempt-abort --param-rk=0xb --param-sark=0xa --prout-type=1 $b
            write $b
            refused write $a
            sg_persist --in --read-reservation $b | grep -i 0xb
            sg_persist --in --read-keys $b | grep -i 0xa && fail "the loser is still registered"
            refused sg_persist --out --release --param-rk=0xa --prout-type=1 $a
            sg_persist --in --read-full-status $b
            sg_persist --out --clear --param-rk=0xb $b
            write $a
            iscsiadm -m node --logout
            """)).Succeeded();
    }, "reservation conflict", "critical nexus error", "FAILED Result: hostbyte=DID_OK driverbyte=DRIVER_OK");
}

namespace Iscsi.Interop.Guests;

/// <summary>sg3_utils, each of whose tools reads an answer of the target in its own way.</summary>
[Collection(LinuxGuestCollection.Name)]
[Trait("Category", "Foreign")]
public sealed class CommandTests(LinuxGuestFixture guests)
{
    /// <summary>Every page that the list of pages names is read and decoded.</summary>
    [Fact]
    public Task Sg_vpd_reads_every_page() => RunAsync(
        """
        sg_inq $disk
        pages=$(sg_vpd --page=sv $disk | sed -n 's/.*\[\([a-z0-9]*\)\]$/\1/p')
        sg_vpd --page=sv $disk
        [ $(sg_vpd --page=sv --hex $disk | wc -l) -gt 0 ]
        for page in 0x00 0x80 0x83 0xb0 0xb1 0xb2; do sg_vpd --page=$page $disk || fail "page $page"; done
        sg_vpd --all $disk >/tmp/all || fail "all pages"
        grep -q 'Unit serial number' /tmp/all
        grep -q 'Logical block provisioning' /tmp/all
        sg_vpd --page=bl $disk | grep 'Maximum unmap LBA count'
        sg_vpd --page=lbpv $disk | grep 'LBPU: 1\|Unmap command supported (LBPU): 1'
        """);

    [Fact]
    public Task Sg_readcap_sees_blocks_and_provisioning() => RunAsync(
        """
        sg_readcap $disk
        sg_readcap --16 $disk | tee /tmp/capacity
        grep 'Logical block length=512' /tmp/capacity
        grep 'lbpme=1' /tmp/capacity
        """);

    [Fact]
    public Task Sg_luns_names_both_LUNs() => RunAsync("sg_luns $disk | tee /tmp/luns; [ $(grep -c '^    0' /tmp/luns) = 2 ]");

    [Fact]
    public Task Sg_modes_reads_every_page() => RunAsync(
        """
        sg_modes --all $disk
        sg_modes --all --six $disk >/dev/null
        for control in 1 2; do sg_modes --all --control=$control $disk >/dev/null || fail "page control $control"; done
        sg_modes --page=8 $disk | grep -i caching
        sg_modes --page=0xa $disk | grep -i control
        """);

    [Fact]
    public Task Sg_opcodes_lists_what_the_target_can_do() => RunAsync(
        """
        sg_opcodes $disk | tee /tmp/opcodes
        grep 'Read(16)' /tmp/opcodes
        grep 'Unmap' /tmp/opcodes
        sg_opcodes --rctd $disk >/dev/null
        sg_opcodes --opcode=0x28 $disk
        sg_opcodes --opcode=0x9e,0x10 $disk
        """);

    [Fact]
    public Task Sg_get_lba_status_tells_holes_from_data() => RunAsync(
        """
        blkdiscard $disk
        dd if=/dev/urandom of=$disk bs=64k seek=16 count=1 oflag=direct 2>/dev/null
        sg_get_lba_status --lba=0 $disk | tee /tmp/status
        grep -i 'deallocated' /tmp/status
        sg_get_lba_status --lba=2048 $disk | grep -i 'mapped'
        """);

    [Fact]
    public Task Sg_compare_and_write_writes_only_what_compares() => RunAsync(
        """
        dd if=/dev/urandom of=/tmp/old bs=512 count=1 2>/dev/null
        dd if=/dev/urandom of=/tmp/new bs=512 count=1 2>/dev/null
        dd if=/tmp/old of=$disk oflag=direct bs=512 seek=7 2>/dev/null
        cat /tmp/old /tmp/new >/tmp/both
        sg_compare_and_write --in=/tmp/both --lba=7 --num=1 --xferlen=1024 $disk
        dd if=$disk of=/tmp/is iflag=direct bs=512 skip=7 count=1 2>/dev/null
        cmp /tmp/is /tmp/new
        status=0
        sg_compare_and_write --in=/tmp/both --lba=7 --num=1 --xferlen=1024 $disk || status=$?
        # 14: miscompare.
        [ $status = 14 ] || fail "status $status"
        dd if=$disk of=/tmp/is iflag=direct bs=512 skip=7 count=1 2>/dev/null
        cmp /tmp/is /tmp/new
        """);

    [Fact]
    public Task Sg_unmap_and_sg_verify_and_sg_sync() => RunAsync(
        """
        dd if=/dev/urandom of=/tmp/data bs=512 count=256 2>/dev/null
        dd if=/tmp/data of=$disk bs=512 oflag=direct 2>/dev/null
        sg_verify --lba=0 --count=256 $disk
        sg_verify --lba=0 --count=8 --ebytchk=1 --ndo=4096 --in=/tmp/data $disk
        refused sg_verify --lba=8 --count=8 --ebytchk=1 --ndo=4096 --in=/tmp/data $disk
        sg_sync $disk
        sg_unmap --lba=0 --num=128 --force $disk
        dd if=/dev/zero of=/tmp/data bs=512 count=128 conv=notrunc 2>/dev/null
        dd if=$disk of=/tmp/back iflag=direct bs=512 count=256 2>/dev/null
        cmp /tmp/data /tmp/back
        """);

    [Fact]
    public Task Sg_turs_sg_requests_sg_start_and_sg_reset() => RunAsync(
        """
        sg_turs --num=50 $disk
        sg_requests $disk
        sg_start --start $disk
        sg_reset --device $disk
        dd if=$disk of=/dev/null bs=4096 count=1 iflag=direct
        """);

    [Fact]
    public Task Sg_dd_copies_with_forced_unit_access() => RunAsync(
        """
        dd if=/dev/urandom of=/tmp/data bs=64k count=32 2>/dev/null
        sg_dd if=/tmp/data of=$disk bs=512 count=4096 oflag=fua,sgio 2>/dev/null
        sg_dd if=$disk of=/tmp/back bs=512 count=4096 iflag=dpo,sgio 2>/dev/null
        cmp /tmp/data /tmp/back
        """);

    [Fact]
    public Task Sg_logs_reads_every_page() => RunAsync(
        """
        sg_logs --list $disk
        sg_logs --all $disk | tee /tmp/logs
        grep -i 'temperature\|self-test\|provisioning' /tmp/logs
        """);

    /// <summary>Linux itself sends the MODE SELECT, when it is told how the disk is to cache.</summary>
    [Fact]
    public Task Linux_turns_the_write_cache_off_and_on() => RunAsync(
        """
        type=/sys/class/scsi_disk/$(basename $(readlink -f /sys/block/${disk#/dev/}/device))/cache_type
        [ "$(cat $type)" = "write back" ]
        echo "write through" >$type
        sg_modes --page=8 $disk | grep 'WCE=0' || sg_modes --page=8 $disk
        blockdev --rereadpt $disk || true
        [ "$(cat $type)" = "write through" ]
        dd if=/dev/urandom of=$disk bs=64k count=16 oflag=direct 2>/dev/null
        echo "write back" >$type
        [ "$(cat $type)" = "write back" ]
        """);

    [Fact]
    public Task Sg_xcopy_copies_between_LUNs_inside_the_target() => RunAsync(
        """
        other=$(disk 1)
        dd if=/dev/urandom of=/tmp/data bs=1M count=4 2>/dev/null
        dd if=/tmp/data of=$disk bs=1M oflag=direct 2>/dev/null
        sg_xcopy if=$(generic $disk) of=$(generic $other) bs=512 count=8192
        dd if=$other of=/tmp/back bs=1M count=4 iflag=direct 2>/dev/null
        cmp /tmp/data /tmp/back
        """);

    [Fact]
    public Task Sg_sanitize_leaves_nothing() => RunAsync(
        """
        dd if=/dev/urandom of=$disk bs=1M count=64 oflag=direct 2>/dev/null
        sg_sanitize --block --quick --wait $disk
        blockdev --flushbufs $disk
        dd if=/dev/zero of=/tmp/data bs=1M count=64 2>/dev/null
        dd if=$disk of=/tmp/back bs=1M count=64 iflag=direct 2>/dev/null
        cmp /tmp/data /tmp/back
        """);

    [Fact]
    public Task Sg_senddiag_sg_ident_and_sg_timestamp() => RunAsync(
        """
        sg_senddiag --test $disk
        printf 'rack 7' | sg_ident --set $disk
        sg_ident --ascii $disk | grep 'rack 7'
        sg_timestamp --milliseconds=1234567890123 $disk
        sg_timestamp $disk
        """);

    private Task RunAsync(string script) => guests.RunAsync(async guest =>
    {
        using var scratch = new ScratchDirectory();
        await using var daemon = await GuestDaemon.ServeAsync(scratch.SparseFile("disk.img", 64L << 20), "memory,size=32MiB");
        (await guest.RunAsync($"connect {daemon.Port}\ndisk=$(disk 0)\n{script}\nlogout")).Succeeded();
    });
}

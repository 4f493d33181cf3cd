namespace Iscsi.Interop.Guests;

/// <summary>LUNs come and go by the configuration file, while a guest is logged in.</summary>
[Collection(LinuxGuestCollection.Name)]
[Trait("Category", "Foreign")]
public sealed class LiveChangeTests(LinuxGuestFixture guests)
{
    [Fact]
    public Task A_LUN_that_is_added_is_found_and_one_that_is_removed_is_gone() => guests.RunAsync(async guest =>
    {
        using var scratch = new ScratchDirectory();
        var port = LoopbackPorts.Free();
        var first = $$"""{ "lun": 0, "path": "{{scratch.SparseFile("first.img", 64L << 20)}}" }""";
        var second = $$"""{ "lun": 1, "path": "{{scratch.SparseFile("second.img", 32L << 20)}}" }""";
        var path = scratch.File("config.json");
        await WriteAsync(first);
        await using var daemon = await Daemon.ServeConfigurationAsync(path, lunCount: 1);
        (await guest.RunAsync($"connect {port}")).Succeeded();

        await WriteAsync(first, second);
        await daemon.ReloadAsync("iqn.2026-11.net.iscsinet:disk/1");
        await daemon.WaitForLogAsync("was read again: "); // comes another way than the ready line, and is not the next one's
        (await guest.RunAsync(
            $"""
            # The next command meets the unit attention, and Linux says so.
            dd if=$(disk 0) of=/dev/null bs=4096 count=1 iflag=direct 2>/dev/null
            dmesg | grep 'LUN assignments on this target have changed'
            refused find_disk 1
            iscsiadm -m node -T $iqn -R
            disk=$(disk 1)
            [ "$(blockdev --getsize64 $disk)" = {32 << 20} ]
            dd if=/dev/urandom of=/tmp/data bs=1M count=8 2>/dev/null
            dd if=/tmp/data of=$disk bs=1M oflag=direct 2>/dev/null
            dd if=$disk of=/tmp/back bs=1M count=8 iflag=direct 2>/dev/null
            cmp /tmp/data /tmp/back
            """)).Succeeded();

        await WriteAsync(first);
        await daemon.ReloadAsync("was read again: ");
        (await guest.RunAsync(
            """
            disk=$(disk 1)
            gone() { ! dd if=$disk of=/dev/null bs=4096 count=1 iflag=direct 2>/dev/null; }
            within 60 gone
            echo 1 >/sys/block/${disk#/dev/}/device/delete
            iscsiadm -m node -T $iqn -R
            sleep 1
            refused find_disk 1
            dd if=/dev/urandom of=$(disk 0) bs=1M count=8 oflag=direct 2>/dev/null
            logout
            """)).Succeeded();
        Assert.Equal(0, await daemon.StopAsync());

        Task WriteAsync(params string[] luns) => File.WriteAllTextAsync(
            path,
            $$"""
            {
              "portals": [{ "listen": "127.0.0.1:{{port}}", "announce": "{{LinuxGuest.HostAddress}}:{{port}}" }],
              "targets": [{ "name": "iqn.2026-11.net.iscsinet:disk", "luns": [{{string.Join(", ", luns)}}] }]
            }
            """);
    }, "LUN assignments on this target have changed", "FAILED Result", "Illegal Request", "Logical unit not supported", "critical target error", "I/O error", "Synchronize Cache", "Add. Sense", "Warning! Received an indication");
}

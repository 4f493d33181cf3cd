namespace Iscsi.Interop.Guests;

/// <summary>A PC boots from a LUN, through GRUB and the kernel to its first process.</summary>
[Collection(LinuxGuestCollection.Name)]
[Trait("Category", "Foreign")]
public sealed class BootTests
{
    private const string TargetName = "iqn.2026-11.net.iscsinet:disk";
    private static readonly TimeSpan BootLimit = TimeSpan.FromSeconds(180);
    private static readonly ForeignTool Qemu = new("qemu-system-x86_64", "qemu-system-x86 ipxe-qemu");

    [Fact]
    public async Task IPXE_boots_a_LUN()
    {
        await RunAsync(async (daemon, scratch) =>
        {
            var script = scratch.File("boot.ipxe");
            await File.WriteAllTextAsync(script, $"#!ipxe\nsanboot iscsi:{LinuxGuest.HostAddress}::{daemon.Port}:0:{TargetName}\n");
            return
            [
                "-netdev", $"user,id=net,tftp={Path.GetDirectoryName(script)},bootfile=boot.ipxe",
                "-device", "virtio-net-pci,netdev=net,bootindex=0",
            ];
        });
    }

    [Fact]
    public Task QEMU_boots_a_LUN_by_its_own_initiator() => RunAsync((daemon, _) =>
        Task.FromResult<string[]>(["-drive", $"file={daemon.Url},format=raw,if=none,id=disk", "-device", "virtio-blk-pci,drive=disk,bootindex=0"]));

    private static async Task RunAsync(Func<GuestDaemon, ScratchDirectory, Task<string[]>> optionsOf)
    {
        Qemu.Require();
        var image = Path.Combine(await GuestImage.DirectoryAsync(), "boot.img");
        using var scratch = new ScratchDirectory();
        var disk = scratch.File("disk.img");
        File.Copy(image, disk);
        await using var daemon = await GuestDaemon.ServeAsync(disk);

        var result = await Qemu.RunAsync(
            BootLimit,
            [
                "-accel", "tcg", "-cpu", "max", "-smp", "1", "-m", "512", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
                "-serial", "stdio", .. await optionsOf(daemon, scratch),
            ]);

        Assert.True(result.Output.Contains("@@booted", StringComparison.Ordinal), $"{result}\n{daemon.Log}");
        result.Succeeded();
        Assert.Equal(0, await daemon.StopAsync());
    }
}

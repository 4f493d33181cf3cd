namespace Iscsi.Interop;

/// <summary>A daemon with two portals, each a portal group of its own, that serve the same disks.</summary>
public sealed class MultipathSuiteFixture : DaemonFixture
{
    private protected override Task<Daemon> ServeAsync(string disk) => Daemon.ServeAsync(
        ["--listen", "127.0.0.1:0", "--listen", "127.0.0.1:0,group=2"],
        [Scratch.SparseFile(disk + ".img", DiskBytes), Scratch.SparseFile(disk + "-4k.img", DiskBytes) + ",block-size=4096"]);
}

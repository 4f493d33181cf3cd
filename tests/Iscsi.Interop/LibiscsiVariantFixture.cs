namespace Iscsi.Interop;

/// <summary>A daemon with a LUN of each kind in <see cref="LibiscsiVariants.Names"/>.</summary>
public sealed class LibiscsiVariantFixture : DaemonFixture
{
    private const long VariantBytes = 256L << 20;

    private protected override Task<Daemon> ServeAsync(string disk) => Daemon.ServeAsync(
        Scratch.SparseFile(disk + ".img", VariantBytes) + ",block-size=4096",
        Scratch.SparseFile(disk + "-ro.img", VariantBytes) + ",read-only",
        "null,size=256MiB");
}

namespace Iscsi.Interop.Targets;

/// <summary>Our initiator and tgt.</summary>
[Trait("Category", "Foreign")]
public sealed class TgtTests : ForeignTargetTests
{
    /// <summary>Its COMPARE AND WRITE is off.</summary>
    protected override string[] Abilities => ["read", "write", "write same", "write zeroes"];

    private protected override async Task RunAsync(Func<ForeignTarget, Task> scenario)
    {
        await using var target = new Tgt();
        await target.StartAsync();
        await scenario(target);
    }

    private sealed class Tgt : LocalTarget
    {
        private static readonly ForeignTool Daemon = new("tgtd", "tgt");
        private static readonly ForeignTool Admin = new("tgtadm", "tgt");

        // The control socket's number; one a port.
        private string Control => $"{1000 + (Port % 30000)}";

        public override string Name => "iqn.2026-11.net.example:tgt";

        /// <summary>LUN 0 is its controller.</summary>
        public override int Lun => 1;

        public async Task StartAsync()
        {
            await StartAsync(Daemon, "-f", "-C", Control, "--iscsi", $"portal=127.0.0.1:{Port}");
            var disk = Scratch.SparseFile("disk.img", DiskBytes);
            await AdminAsync("--op", "new", "--mode", "target", "--tid", "1", "-T", Name);
            await AdminAsync("--op", "new", "--mode", "logicalunit", "--tid", "1", "--lun", "1", "--bstype", "rdwr", "-b", disk);
            await AdminAsync("--op", "bind", "--mode", "target", "--tid", "1", "-I", "ALL");
            foreach (var key in (string[])["HeaderDigest", "DataDigest"]) await AdminAsync("--op", "update", "--mode", "target", "--tid", "1", "-n", key, "-v", "CRC32C,None");
        }

        public override async Task RequireChapAsync(string user, string secret)
        {
            await AdminAsync("--op", "new", "--mode", "account", "--user", user, "--password", secret);
            await AdminAsync("--op", "bind", "--mode", "account", "--tid", "1", "--user", user);
        }

        private async Task AdminAsync(params string[] arguments) => (await Admin.RunAsync(["-C", Control, "--lld", "iscsi", .. arguments])).Succeeded();
    }
}

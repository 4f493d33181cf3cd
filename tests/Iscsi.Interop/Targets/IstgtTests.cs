namespace Iscsi.Interop.Targets;

/// <summary>Our initiator and istgt, FreeBSD's target of old.</summary>
[Trait("Category", "Foreign")]
public sealed class IstgtTests : ForeignTargetTests
{
    protected override string[] Abilities => ["read", "write", "write zeroes"];

    private protected override async Task RunAsync(Func<ForeignTarget, Task> scenario)
    {
        await using var target = new Istgt();
        await target.StartAsync();
        await scenario(target);
    }

    private sealed class Istgt : LocalTarget
    {
        private const string Base = "iqn.2026-11.net.example";
        private static readonly ForeignTool Daemon = new("istgt", "istgt");

        public override string Name => Base + ":open";

        public override int Lun => 0;

        public override string ChapUrl => Url.Replace(":open/", ":chap/", StringComparison.Ordinal);

        public Task StartAsync()
        {
            var secrets = Scratch.File("auth.conf");
            File.WriteAllText(secrets, "[AuthGroup1]\n  Auth \"alice\" \"secretsecret1\"\n");
            if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(secrets, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            var configuration = Scratch.File("istgt.conf");
            File.WriteAllText(
                configuration,
                $"""
                [Global]
                  NodeBase "{Base}"
                  PidFile {Scratch.File("pid")}
                  AuthFile {secrets}
                  MediaDirectory {Path.GetDirectoryName(secrets)}
                  Timeout 30
                  DiscoveryAuthMethod None
                  MaxSessions 16
                  MaxConnections 4
                  FirstBurstLength 262144
                  MaxBurstLength 1048576
                  MaxRecvDataSegmentLength 262144
                [UnitControl]
                [PortalGroup1]
                  Portal DA1 127.0.0.1:{Port}
                [InitiatorGroup1]
                  InitiatorName "ALL"
                  Netmask 127.0.0.1
                {Unit(1, "open", "None")}
                {Unit(2, "chap", "CHAP")}

                """);
            return StartAsync(Daemon, "-c", configuration, "-D");
        }

        /// <summary>It reads accounts when it starts: one of its two targets always asks.</summary>
        public override Task RequireChapAsync(string user, string secret) => Task.CompletedTask;

        private string Unit(int number, string name, string method) =>
            $"""
            [LogicalUnit{number}]
              TargetName {name}
              Mapping PortalGroup1 InitiatorGroup1
              AuthMethod {method}
              AuthGroup AuthGroup1
              UseDigest Auto
              UnitType Disk
              UnitInquiry "FreeBSD" "iSCSI Disk" "0123" "1000000{number}"
              QueueDepth 32
              LUN0 Storage {Scratch.SparseFile(name + ".img", DiskBytes)} Auto
            """;
    }
}

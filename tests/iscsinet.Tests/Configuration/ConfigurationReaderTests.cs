using Iscsi.Storage;
using IscsiNet.Cli.Configuration;

namespace IscsiNet.Cli.Tests.Configuration;

public sealed class ConfigurationReaderTests : IDisposable
{
    private readonly ConfigurationFiles _files = new();

    [Fact]
    public void A_whole_file_is_read()
    {
        _files.Disk("a.img");
        _files.Secret("alice.secret", "correct-horse-battery\n");
        _files.Secret("disk.secret", "another-horse-battery");
        var configuration = Read(
            """
            {
              // comments are welcome
              "memory": "32MiB",
              "limits": { "windowFloor": 4, "drainTimeout": 2.5 },
              "portals": [
                { "listen": "127.0.0.1:0" },
                { "listen": "[::1]:0", "announce": "192.0.2.7:3260", "group": 2 },
              ],
              "targets": [
                {
                  "name": "iqn.2026-11.net.example:a",
                  "alias": "first",
                  "allow": ["iqn.2026-11.net.example:host1"],
                  "chap": [{ "user": "alice", "secretFile": "alice.secret" }],
                  "mutualChap": { "user": "disk", "secretFile": "disk.secret" },
                  "luns": [
                    { "lun": 0, "path": "a.img", "readOnly": true, "serialNumber": "A-1" },
                    { "lun": 7, "kind": "memory", "size": "1MiB", "blockSize": 4096 },
                  ],
                },
                { "name": "iqn.2026-11.net.example:b" },
              ],
            }
            """);

        Assert.Equal(32L << 20, configuration.MemoryBytes);
        Assert.Equal((4, TimeSpan.FromSeconds(2.5)), (configuration.Limits.WindowFloor, configuration.Limits.DrainTimeout));
        Assert.Equal(["127.0.0.1:0 1 ", "[::1]:0 2 192.0.2.7:3260"], configuration.Portals.Select(p => $"{p.Endpoint} {p.Group} {p.Announce}"));
        var target = configuration.Targets[0];
        Assert.Equal("first", target.Rules.Alias);
        Assert.Equal(["iqn.2026-11.net.example:host1"], target.Rules.Allowed);
        Assert.Equal("correct-horse-battery", Assert.Single(target.Rules.Chap).Secret);
        Assert.Equal("disk", target.Rules.MutualChap?.Name);
        Assert.Equal((_files.At("a.img"), true, "A-1"), (target.Luns[0].Disk.Location, target.Luns[0].Disk.IsReadOnly, target.Luns[0].SerialNumber));
        Assert.Equal((7, BlockDeviceKind.Memory, 1L << 20, 4096), (target.Luns[1].Number, target.Luns[1].Disk.Kind, target.Luns[1].Disk.SizeBytes, target.Luns[1].Disk.BlockSize));
        Assert.Empty(configuration.Targets[1].Luns);
    }

    [Fact]
    public void What_is_left_out_has_its_default()
    {
        var configuration = Read("""{ "targets": [] }""");
        Assert.Equal("127.0.0.1:3260", Assert.Single(configuration.Portals).Endpoint.ToString());
        Assert.Equal(64L << 20, configuration.MemoryBytes);
    }

    [Fact]
    public void Every_mistake_is_told_with_its_place()
    {
        _files.Disk("a.img");
        var problems = Problems(
            """
            {
              "memory": "lots",
              "colour": "blue",
              "portals": [{ "listen": "nowhere" }, { "group": 0 }],
              "targets": [
                { "name": "iqn.2026-11.net.example:a", "luns": [{ "lun": 0, "path": "a.img" }] },
                {
                  "name": "Bad Name",
                  "luns": [
                    { "lun": 1, "path": "missing.img" },
                    { "lun": 1, "path": "a.img", "blocksize": 512 },
                    { "lun": 99999, "kind": "memory", "direct": true },
                  ],
                },
                { "name": "iqn.2026-11.net.example:a" },
              ],
            }
            """);
        string[] expected =
        [
            "colour: is not known",
            "memory: is \"lots\"",
            "portals[0].listen: 'nowhere' is not",
            "portals[1].listen: is missing",
            "targets[1].name: 'Bad Name' is not an iSCSI name",
            "targets[1].luns[0].path: ",
            "targets[1].luns[1].blocksize: is not known",
            "targets[1].luns[1].lun: 1 is the LUN of targets[1].luns[0] already",
            "targets[1].luns[1].path: " + _files.At("a.img") + " is the disk of targets[0].luns[0] already",
            "targets[1].luns[2].lun: is 99999",
            "targets[1].luns[2].direct: is for files only",
            "targets[1].luns[2].size: is missing",
            "targets[2].name: iqn.2026-11.net.example:a is the name of targets[0] already",
        ];
        Assert.Equal(expected.Length, problems.Count);
        Assert.All(expected, text => Assert.Single(problems, problem => problem.StartsWith(text, StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("", "line 1: is no JSON")]
    [InlineData("{ \"targets\": [\n }", "line 2: is no JSON")]
    [InlineData("[]", "is a list; it takes an object")]
    [InlineData("{}", "targets: is missing")]
    [InlineData("""{ "targets": {} }""", "targets: is an object; it takes a list")]
    [InlineData("""{ "targets": [1] }""", "targets[0]: is a number; it takes an object")]
    [InlineData("""{ "targets": [], "targets": [] }""", "targets: is there twice")]
    [InlineData("""{ "targets": [], "memory": "1KiB" }""", "memory: The memory budget of 1 KiB is too small")]
    [InlineData("""{ "targets": [], "memory": -5 }""", "memory: is -5")]
    [InlineData("""{ "targets": [], "portals": [] }""", "portals: is empty")]
    [InlineData("""{ "targets": [], "portals": [{ "listen": "127.0.0.1" }, { "listen": "127.0.0.1:3260" }] }""", "portals[1].listen: 127.0.0.1:3260 is listened on")]
    [InlineData("""{ "targets": [], "portals": [{ "listen": "127.0.0.1", "announce": "0.0.0.0:1" }] }""", "portals[0].announce: '0.0.0.0:1' can't be announced")]
    [InlineData("""{ "targets": [], "portals": [{ "listen": "127.0.0.1", "group": 0 }] }""", "portals[0].group: is 0")]
    [InlineData("""{ "targets": [], "limits": { "windowFloor": 0 } }""", "limits.windowFloor: is 0")]
    [InlineData("""{ "targets": [], "limits": { "firstBurstLength": 5000 } }""", "limits.firstBurstLength: is 5000 bytes")]
    [InlineData("""{ "targets": [], "limits": { "loginTimeout": "soon" } }""", "limits.loginTimeout: is \"soon\"")]
    [InlineData("""{ "targets": [{ "name": "iqn.2026-11.net.example:a", "asymmetricAccess": { "groups": [{ "group": 2 }] } }] }""", "targets[0].asymmetricAccess.groups[0].group: 2 is the group of no portal")]
    [InlineData("""{ "targets": [{ "name": "iqn.2026-11.net.example:a", "asymmetricAccess": { "groups": [{ "group": 1 }, { "group": 1 }] } }] }""", "targets[0].asymmetricAccess.groups[1].group: 1 is there twice")]
    [InlineData("""{ "targets": [{ "name": "iqn.2026-11.net.example:a", "asymmetricAccess": { "groups": [{ "group": 1, "state": "asleep" }] } }] }""", "targets[0].asymmetricAccess.groups[0].state: is 'asleep'")]
    [InlineData("""{ "portals": [{ "listen": "127.0.0.1:0" }, { "listen": "127.0.0.1:0", "group": 2 }], "targets": [{ "name": "iqn.2026-11.net.example:a", "asymmetricAccess": { "groups": [{ "group": 1, "preferred": true }, { "group": 2, "preferred": true }] } }] }""", "targets[0].asymmetricAccess.groups[1].preferred: another group")]
    [InlineData("""{ "targets": [{ "name": "" }] }""", "targets[0].name: is empty")]
    [InlineData("""{ "targets": [{ "name": "iqn.2026-11.net.example:a", "allow": ["x"] }] }""", "targets[0].allow[0]: 'x' is not an iSCSI name")]
    [InlineData("""{ "targets": [{ "name": "iqn.2026-11.net.example:a", "chap": [{ "user": "alice" }] }] }""", "targets[0].chap[0].secretFile: is missing")]
    [InlineData("""{ "targets": [{ "name": "iqn.2026-11.net.example:a", "chap": [{ "user": "alice", "secretFile": "none" }] }] }""", "targets[0].chap[0].secretFile: ")]
    [InlineData("""{ "targets": [{ "name": "iqn.2026-11.net.example:a", "chap": [{ "user": "alice", "secret": "x" , "secretFile": "s" }] }] }""", "targets[0].chap[0].secret: is not known")]
    [InlineData("""{ "targets": [{ "name": "iqn.2026-11.net.example:a", "mutualChap": { "user": "disk", "secretFile": "s" } }] }""", "targets[0].mutualChap: needs chap")]
    [InlineData("""{ "targets": [{ "name": "iqn.2026-11.net.example:a", "chap": [{ "user": "alice", "secretFile": "s" }], "mutualChap": { "user": "disk", "secretFile": "s" } }] }""", "targets[0].mutualChap: has the secret of an initiator")]
    [InlineData("""{ "targets": [{ "name": "iqn.2026-11.net.example:a", "chap": [{ "user": "alice", "secretFile": "s" }, { "user": "alice", "secretFile": "s" }] }] }""", "targets[0].chap[1]: the user alice is there twice")]
    [InlineData("""{ "targets": [{ "name": "iqn.2026-11.net.example:a", "luns": [{ "kind": "tape", "lun": 0, "path": "s" }] }] }""", "targets[0].luns[0].kind: is 'tape'")]
    [InlineData("""{ "targets": [{ "name": "iqn.2026-11.net.example:a", "luns": [{ "lun": 0 }] }] }""", "targets[0].luns[0].path: is missing")]
    [InlineData("""{ "targets": [{ "name": "iqn.2026-11.net.example:a", "luns": [{ "lun": 0, "path": "s", "readOnly": 1 }] }] }""", "targets[0].luns[0].readOnly: is a number")]
    [InlineData("""{ "targets": [{ "name": "iqn.2026-11.net.example:a", "luns": [{ "lun": 0, "path": "s", "blockSize": 1024 }] }] }""", "targets[0].luns[0].blockSize: is 1024")]
    [InlineData("""{ "targets": [{ "name": "iqn.2026-11.net.example:a", "luns": [{ "lun": 0, "path": "s", "size": 1000 }] }] }""", "targets[0].luns[0].size: 1000 bytes are no multiple")]
    [InlineData("""{ "targets": [{ "name": "iqn.2026-11.net.example:a", "luns": [{ "lun": 0, "path": "none/s", "size": 1024 }] }] }""", "targets[0].luns[0].path: ")]
    [InlineData("""{ "targets": [{ "name": "iqn.2026-11.net.example:a", "luns": [{ "lun": 0, "path": "s", "serialNumber": "123456789012345678901" }] }] }""", "targets[0].luns[0].serialNumber: ")]
    public void A_mistake_is_one_problem_at_its_place(string json, string expected)
    {
        _files.Secret("s", "correct-horse-battery");
        var problem = Assert.Single(Problems(json));
        Assert.StartsWith(expected, problem, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_with_mistakes_is_a_usage_error_that_lists_them()
    {
        _files.Write("""{ "targets": [], "a": 1, "b": 2 }""");
        var exception = Assert.Throws<UserException>(() => ConfigurationReader.Read(_files.Path));
        Assert.Equal(ExitCodes.Usage, exception.ExitCode);
        Assert.Contains("has 2 mistakes:\n  a: is not known", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void No_secret_is_in_what_a_configuration_says_of_itself()
    {
        _files.Secret("s", "correct-horse-battery");
        var configuration = Read("""{ "targets": [{ "name": "iqn.2026-11.net.example:a", "chap": [{ "user": "alice", "secretFile": "s" }] }] }""");
        Assert.DoesNotContain("correct-horse-battery", $"{configuration} {configuration.Targets[0]} {configuration.Targets[0].Rules}", StringComparison.Ordinal);
    }

    [Fact]
    public void Every_key_is_documented()
    {
        var directory = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(directory, "IscsiNet.sln"))) directory = Path.GetDirectoryName(directory)!;
        var text = File.ReadAllText(Path.Combine(directory, "docs", "configuration.md"));
        string[] keys =
        [
            "memory", "limits", "portals", "targets", "listen", "announce", "group", "name", "alias", "allow", "chap", "mutualChap", "user", "secretFile",
            "asymmetricAccess", "explicit", "stateFile", "groups", "state", "preferred", "luns", "lun", "kind", "path", "size", "blockSize", "readOnly", "removable", "writeThrough", "direct", "thick", "lowSpace", "serialNumber", .. LimitKeys.Names,
        ];
        Assert.All(keys, key => Assert.Contains($"`{key}`", text, StringComparison.Ordinal));
    }

    public void Dispose() => _files.Dispose();

    private ServerConfiguration Read(string json)
    {
        _files.Write(json);
        return ConfigurationReader.Read(_files.Path);
    }

    private List<string> Problems(string json)
    {
        var problems = new List<string>();
        ConfigurationReader.Parse(json, _files.Path, problems);
        return problems;
    }
}

using Iscsi.Initiator;
using Iscsi.Storage;
using Iscsi.Target;
using IscsiNet.Cli.Configuration;
using IscsiNet.Cli.Serving;

namespace IscsiNet.Cli.Tests.Configuration;

/// <summary>A configuration that changes while it is served, as SIGHUP has it.</summary>
public sealed class ServedConfigurationTests : IAsyncDisposable
{
    private const string A = "iqn.2026-11.net.example:a";
    private const string B = "iqn.2026-11.net.example:b";

    private readonly ConfigurationFiles _files = new();
    private ServedConfiguration? _served;

    [Fact]
    public async Task LUNs_and_targets_come_and_go()
    {
        _files.Disk("0.img");
        _files.Disk("1.img");
        _files.Disk("2.img");
        await StartAsync(Target(A, Lun(0, "0.img"), Lun(1, "1.img")));
        await ChangeAsync(4, Target(A, Lun(0, "0.img"), Lun(5, "2.img")), Target(B, """{ "lun": 0, "kind": "memory", "size": "1MiB" }"""));
        Assert.Equal([(A, 0), (A, 5), (B, 0)], Luns());
        // The file that is no longer served is free.
        await using (await FileBlockDevice.OpenAsync(_files.At("1.img")))
        {
        }
        await ChangeAsync(1, Target(A, Lun(0, "0.img"), Lun(5, "2.img")));
        Assert.Equal([(A, 0), (A, 5)], Luns());
        Assert.Null(_served!.Server.FindTarget(B));
    }

    [Fact]
    public async Task The_same_configuration_again_changes_nothing()
    {
        _files.Disk("0.img");
        await StartAsync(Target(A, Lun(0, "0.img")));
        var before = _served!.Disks.Single().Device;
        await ChangeAsync(0, Target(A, Lun(0, "0.img")));
        Assert.Same(before, _served.Disks.Single().Device);
    }

    [Fact]
    public async Task A_file_that_moves_to_another_LUN_is_served_there()
    {
        _files.Disk("0.img");
        _files.Disk("1.img");
        await StartAsync(Target(A, Lun(0, "0.img"), Lun(1, "1.img")));
        await ChangeAsync(2, Target(A, Lun(0, "1.img"), Lun(1, "0.img")));
        Assert.Equal([_files.At("1.img"), _files.At("0.img")], _served!.Disks.Select(disk => ((FileBlockDevice)disk.Device).Path));
        await ChangeAsync(3, Target(A, Lun(0, "1.img")), Target(B, Lun(3, "0.img")));
        Assert.Equal([(A, 0), (B, 3)], Luns());
    }

    [Fact]
    public async Task A_LUN_becomes_read_only_and_writable_again_with_its_data()
    {
        await StartAsync(Target(A, """{ "lun": 0, "kind": "memory", "size": "1MiB" }"""));
        await using var session = await ConnectAsync();
        await using (var disk = await session.OpenDiskAsync(0)) await disk.WriteAsync(0, Filled(7), BlockWriteFlags.None, TestContext.Current.CancellationToken);
        await ChangeAsync(1, Target(A, """{ "lun": 0, "kind": "memory", "size": "1MiB", "readOnly": true }"""));
        await using (var disk = await session.OpenDiskAsync(0))
        {
            Assert.True(disk.Info.IsReadOnly);
            var block = new byte[512];
            await disk.ReadAsync(0, block, TestContext.Current.CancellationToken);
            Assert.Equal(Filled(7), block);
        }
        await ChangeAsync(1, Target(A, """{ "lun": 0, "kind": "memory", "size": "1MiB" }"""));
        await using (var disk = await session.OpenDiskAsync(0)) Assert.False(disk.Info.IsReadOnly);
    }

    [Fact]
    public async Task A_file_that_was_opened_read_only_is_opened_again_to_become_writable()
    {
        _files.Disk("0.img");
        await StartAsync(Target(A, """{ "lun": 0, "path": "0.img", "readOnly": true }"""));
        Assert.True(_served!.Disks.Single().Device.Info.IsReadOnly);
        await ChangeAsync(1, Target(A, Lun(0, "0.img")));
        Assert.False(_served.Disks.Single().Device.Info.IsReadOnly);
    }

    [Fact]
    public async Task A_file_that_has_grown_and_one_whose_size_is_raised_are_larger()
    {
        _files.Disk("0.img");
        _files.Disk("1.img");
        await StartAsync(Target(A, Lun(0, "0.img"), """{ "lun": 1, "path": "1.img", "size": "1MiB" }"""));
        // Not by .NET, which would ask for the lock that the server holds.
        using (var truncate = System.Diagnostics.Process.Start("truncate", ["-s", "2M", _files.At("0.img")])) await truncate.WaitForExitAsync(TestContext.Current.CancellationToken);
        await ChangeAsync(2, Target(A, Lun(0, "0.img"), """{ "lun": 1, "path": "1.img", "size": "4MiB" }"""));
        Assert.Equal([2L << 20, 4L << 20], _served!.Disks.Select(disk => disk.Device.Info.LengthBytes));
        Assert.Equal(4L << 20, new FileInfo(_files.At("1.img")).Length);
    }

    [Theory]
    [InlineData("""{ "lun": 0, "path": "0.img", "size": "512KiB" }""", "targets[0].luns[0].size: the file has")]
    [InlineData("""{ "lun": 0, "path": "0.img" }, { "lun": 1, "path": "odd.img" }""", "targets[0].luns[1].path: ")]
    [InlineData("""{ "lun": 0, "path": "0.img", "blockSize": 4096 }, { "lun": 1, "path": "odd.img" }""", "targets[0].luns[1].path: ")]
    [InlineData("""{ "lun": 0, "path": "locked.img" }""", "targets[0].luns[0].path: ")]
    public async Task What_cannot_be_done_changes_nothing(string luns, string expected)
    {
        _files.Disk("0.img");
        _files.Disk("odd.img", 1000);
        await using var other = await FileBlockDevice.OpenAsync(_files.Disk("locked.img"));
        await StartAsync(Target(A, Lun(0, "0.img")));
        _files.Write(Json(Target(A, luns), Target(B)));
        var outcome = await _served!.ChangeAsync(ConfigurationReader.Read(_files.Path));
        Assert.True(outcome.IsRefused);
        Assert.StartsWith(expected, Assert.Single(outcome.Problems), StringComparison.Ordinal);
        Assert.Equal([(A, 0)], Luns());
        Assert.Null(_served.Server.FindTarget(B));
        Assert.Equal(512, _served.Disks.Single().Device.Info.BlockSize);
    }

    [Fact]
    public async Task A_LUN_whose_state_file_is_damaged_is_refused_and_what_was_added_before_it_is_taken_back()
    {
        _files.Disk("0.img");
        _files.Disk("1.img");
        _files.Disk("2.img");
        await File.WriteAllTextAsync(_files.At("2.img.reservations"), "garbage", TestContext.Current.CancellationToken);
        await StartAsync(Target(A, Lun(0, "0.img")));
        _files.Write(Json(Target(A, Lun(0, "0.img"), Lun(1, "1.img"), Lun(2, "2.img")), Target(B)));
        var outcome = await _served!.ChangeAsync(ConfigurationReader.Read(_files.Path));
        Assert.True(outcome.IsRefused);
        Assert.StartsWith("targets[0].luns[2]: ", Assert.Single(outcome.Problems), StringComparison.Ordinal);
        Assert.Equal([(A, 0)], Luns());
        Assert.Null(_served.Server.FindTarget(B));
        await ChangeAsync(2, Target(A, Lun(0, "0.img"), Lun(1, "1.img")), Target(B));
    }

    [Theory]
    [InlineData("\"memory\": \"8MiB\"", "memory: is 4 MiB and can't be changed")]
    [InlineData("\"memory\": \"4MiB\", \"limits\": { \"windowFloor\": 4 }", "limits: can't be changed")]
    [InlineData("\"memory\": \"4MiB\", \"portals\": [{ \"listen\": \"127.0.0.2:0\" }]", "portals: can't be changed")]
    public async Task What_is_fixed_at_start_is_refused_and_said(string head, string expected)
    {
        await StartAsync(Target(A));
        if (!head.Contains("portals", StringComparison.Ordinal)) head += ", \"portals\": [{ \"listen\": \"127.0.0.1:0\" }]";
        _files.Write($$"""{ {{head}}, "targets": [] }""");
        var outcome = await _served!.ChangeAsync(ConfigurationReader.Read(_files.Path));
        Assert.StartsWith(expected, Assert.Single(outcome.Problems), StringComparison.Ordinal);
        Assert.NotNull(_served.Server.FindTarget(A));
    }

    [Fact]
    public async Task Access_rules_change_for_later_logins()
    {
        _files.Secret("alice", "correct-horse-battery");
        _files.Secret("disk", "another-horse-battery");
        await StartAsync(Target(A, """{ "lun": 0, "kind": "memory", "size": "1MiB" }"""));
        await using var open = await ConnectAsync();
        const string luns = """ "luns": [{ "lun": 0, "kind": "memory", "size": "1MiB" }] """;

        await ChangeAsync(1, $$"""{ "name": "{{A}}", "allow": ["iqn.2026-11.net.example:other"], {{luns}} }""");
        await Assert.ThrowsAnyAsync<IscsiException>(ConnectAsync);
        await using (await open.OpenDiskAsync(0))
        {
        }

        await ChangeAsync(1, $$"""
            { "name": "{{A}}", "chap": [{ "user": "alice", "secretFile": "alice" }], "mutualChap": { "user": "disk", "secretFile": "disk" }, {{luns}} }
            """);
        await Assert.ThrowsAnyAsync<IscsiException>(ConnectAsync);
        await using var withChap = await IscsiInitiator.ConnectAsync(
            $"iscsi://alice@{_served!.Server.Endpoints[0]}/{A}",
            new() { InitiatorName = "iqn.2026-11.net.example:host", ChapSecret = "correct-horse-battery", MutualChapUser = "disk", MutualChapSecret = "another-horse-battery" },
            TestContext.Current.CancellationToken);
        // A new secret in the same file is a change too.
        _files.Secret("alice", "yet-another-battery");
        await ChangeAsync(1, $$"""
            { "name": "{{A}}", "chap": [{ "user": "alice", "secretFile": "alice" }], "mutualChap": { "user": "disk", "secretFile": "disk" }, {{luns}} }
            """);
    }

    [Fact]
    public async Task Access_states_change_where_the_file_says_something_new()
    {
        static string Json(string states) => $$"""
            { "memory": "8MiB", "portals": [{ "listen": "127.0.0.1:0" }, { "listen": "127.0.0.1:0", "group": 2 }], "targets": [{ "name": "{{A}}", "asymmetricAccess": {{states}} }] }
            """;
        _files.Write(Json("""{ "groups": [{ "group": 2, "state": "standby" }] }"""));
        _served = await ServedConfiguration.OpenAsync(ConfigurationReader.Read(_files.Path), builder => builder);
        var target = _served.Server.FindTarget(A)!;
        Assert.Equal([AsymmetricAccessState.ActiveOptimized, AsymmetricAccessState.Standby], target.PortGroups.Select(group => group.State));

        // What was changed otherwise stays, as long as the file says nothing new about it.
        target.SetAccessState(1, AsymmetricAccessState.ActiveNonOptimized);
        _files.Write(Json("""{ "groups": [{ "group": 2, "state": "active-optimized", "preferred": true }] }"""));
        Assert.Equal(1, (await _served.ChangeAsync(ConfigurationReader.Read(_files.Path))).Changes);
        Assert.Equal(
            [new(1, AsymmetricAccessState.ActiveNonOptimized, false), new(2, AsymmetricAccessState.ActiveOptimized, true)], target.PortGroups);

        _files.Write(Json("""{ "explicit": true }"""));
        var outcome = await _served.ChangeAsync(ConfigurationReader.Read(_files.Path));
        Assert.Contains("targets[0].asymmetricAccess.explicit: can't be changed", Assert.Single(outcome.Problems), StringComparison.Ordinal);
    }

    public async ValueTask DisposeAsync()
    {
        if (_served is not null) await _served.DisposeAsync();
        _files.Dispose();
    }

    private static string Lun(int number, string path) => $$"""{ "lun": {{number}}, "path": "{{path}}" }""";

    private static string Target(string name, params string[] luns) => $$"""{ "name": "{{name}}", "luns": [{{string.Join(", ", luns)}}] }""";

    private static string Json(params string[] targets) =>
        $$"""{ "memory": "4MiB", "portals": [{ "listen": "127.0.0.1:0" }], "targets": [{{string.Join(", ", targets)}}] }""";

    private static byte[] Filled(byte value)
    {
        var block = new byte[512];
        block.AsSpan().Fill(value);
        return block;
    }

    private async Task StartAsync(params string[] targets)
    {
        _files.Write(Json(targets));
        _served = await ServedConfiguration.OpenAsync(ConfigurationReader.Read(_files.Path), builder => builder);
        await _served.Server.StartAsync(TestContext.Current.CancellationToken);
    }

    private async Task ChangeAsync(int changes, params string[] targets)
    {
        _files.Write(Json(targets));
        var outcome = await _served!.ChangeAsync(ConfigurationReader.Read(_files.Path));
        Assert.Empty(outcome.Problems);
        Assert.Equal(changes, outcome.Changes);
    }

    private (string, int)[] Luns() => [.. _served!.Disks.Select(disk => (disk.Target, disk.Lun))];

    private Task<IscsiSession> ConnectAsync() => IscsiInitiator.ConnectAsync(
        $"iscsi://{_served!.Server.Endpoints[0]}/{A}", new() { InitiatorName = "iqn.2026-11.net.example:host" }, TestContext.Current.CancellationToken);
}

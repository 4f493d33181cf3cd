using Iscsi.Initiator;

namespace Iscsi.Interop;

/// <summary>The daemon with a configuration file, which changes under it.</summary>
public sealed class ReloadTests : IDisposable
{
    private const string Target = "iqn.2026-11.net.example:disk";

    private readonly ScratchDirectory _scratch = new();
    private readonly string _path;

    public ReloadTests() => _path = _scratch.File("iscsinet.json");

    [Fact]
    public async Task SIGHUP_changes_what_is_served_under_an_open_session()
    {
        Write(Lun(0, "a.img"));
        await using var daemon = await Daemon.ServeConfigurationAsync(_path, 1);
        await using var session = await IscsiInitiator.ConnectAsync(daemon.Url);
        Write(Lun(0, "a.img", 2 << 20), Lun(1, "b.img"));
        daemon.Hangup();
        await daemon.WaitForLogAsync("was read again: 2 changes");
        await daemon.WaitForLogAsync(daemon.Url[..^1] + "1"); // the ready lines go another way

        await using (var first = await session.OpenDiskAsync(0)) Assert.Equal(2L << 20, first.Info.LengthBytes);
        await using (var second = await session.OpenDiskAsync(1)) Assert.Equal(1L << 20, second.Info.LengthBytes);
        Assert.Equal(daemon.Url[..^1] + "1", daemon.Urls[1]);

        Write(Lun(0, "a.img", 2 << 20));
        daemon.Hangup();
        await daemon.WaitForLogAsync("was read again: 1 changes");
        await Assert.ThrowsAnyAsync<IscsiException>(() => session.OpenDiskAsync(1));
        Assert.Equal(0, await daemon.StopAsync());
    }

    [Fact]
    public async Task A_bad_file_changes_nothing_and_every_mistake_is_in_the_log()
    {
        Write(Lun(0, "a.img"));
        await using var daemon = await Daemon.ServeConfigurationAsync(_path, 1);
        await using var session = await IscsiInitiator.ConnectAsync(daemon.Url);
        Write(Lun(1, "b.img"), """{ "lun": 1, "path": "missing.img", "colour": "blue" }""");
        daemon.Hangup();
        await daemon.WaitForLogAsync("nothing is changed");
        Assert.Contains("targets[0].luns[1].path: ", daemon.Log, StringComparison.Ordinal);
        Assert.Contains("targets[0].luns[1].colour: is not known", daemon.Log, StringComparison.Ordinal);
        await using (var disk = await session.OpenDiskAsync(0)) await disk.FlushAsync();

        // Right again, it is done.
        Write(Lun(0, "a.img"), Lun(1, "b.img"));
        daemon.Hangup();
        await daemon.WaitForLogAsync("was read again: 1 changes");
        await using (await session.OpenDiskAsync(1))
        {
        }
    }

    [Fact]
    public async Task A_bad_file_at_start_is_exit_code_2_with_its_mistakes()
    {
        await File.WriteAllTextAsync(_path, """{ "targets": [{ "name": "disk" }] }""", TestContext.Current.CancellationToken);
        foreach (var arguments in (string[][])[["serve", "--config", _path], ["check-config", _path]])
        {
            var result = await ForeignTool.RunAsync(Daemon.Executable, TimeSpan.FromSeconds(60), arguments);
            Assert.Equal(2, result.ExitCode);
            Assert.Contains("targets[0].name: 'disk' is not an iSCSI name", result.Output, StringComparison.Ordinal);
        }
    }

    public void Dispose() => _scratch.Dispose();

    private string Lun(int number, string file, long bytes = 1 << 20)
    {
        var path = _scratch.File(file);
        if (!File.Exists(path)) _scratch.SparseFile(file, bytes);
        return $$"""{ "lun": {{number}}, "path": "{{file}}", "size": {{bytes}} }""";
    }

    private void Write(params string[] luns) => File.WriteAllText(
        _path, $$"""{ "memory": "8MiB", "portals": [{ "listen": "127.0.0.1:0" }], "targets": [{ "name": "{{Target}}", "luns": [{{string.Join(", ", luns)}}] }] }""");
}

using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Iscsi.Protocol;
using Iscsi.Storage;

namespace Iscsi.Initiator.Tests;

/// <summary>Against tgt, a target that others wrote, on loopback.</summary>
[Trait("Category", "Foreign")]
public sealed class TgtTests : IAsyncLifetime
{
    private const string TargetName = "iqn.2026-11.net.example:tgt";
    private const string ChapTargetName = "iqn.2026-11.net.example:chap";
    private const int DiskBytes = 32 << 20;

    private readonly string _directory = Directory.CreateTempSubdirectory("iscsinet-tgt").FullName;
    private Process? _daemon;
    private int _port;
    private int _control;

    private string Url => $"iscsi://127.0.0.1:{_port}/{TargetName}/1";

    public async ValueTask InitializeAsync()
    {
        if (!IsInstalled) return;
        _port = FreePort();
        _control = _port;
        var disk = Path.Combine(_directory, "disk.img");
        await using (var file = File.Create(disk)) file.SetLength(DiskBytes);
        _daemon = Process.Start(new ProcessStartInfo("tgtd", $"-f -C {_control} --iscsi portal=127.0.0.1:{_port}")
        {
            UseShellExecute = false, RedirectStandardError = true, RedirectStandardOutput = true,
        })!;
        _daemon.OutputDataReceived += static (_, _) => { };
        _daemon.ErrorDataReceived += static (_, _) => { };
        _daemon.BeginOutputReadLine();
        _daemon.BeginErrorReadLine();
        for (var i = 0; !await TryAdminAsync("--op show --mode sys"); i++)
        {
            if (i == 1200) throw new InvalidOperationException("tgtd does not start");
            await Task.Delay(50);
        }
        await AdminAsync($"--op new --mode target --tid 1 -T {TargetName}");
        await AdminAsync($"--op new --mode logicalunit --tid 1 --lun 1 --bstype rdwr -b {disk}");
        await AdminAsync("--op bind --mode target --tid 1 -I ALL");
        await AdminAsync("--op update --mode target --tid 1 -n HeaderDigest -v CRC32C,None");
        await AdminAsync("--op update --mode target --tid 1 -n DataDigest -v CRC32C,None");
        await AdminAsync($"--op new --mode target --tid 2 -T {ChapTargetName}");
        await AdminAsync($"--op new --mode logicalunit --tid 2 --lun 1 --bstype null -b {disk}");
        await AdminAsync("--op bind --mode target --tid 2 -I ALL");
        await AdminAsync("--op new --mode account --user alice --password secretsecret1");
        await AdminAsync("--op bind --mode account --tid 2 --user alice");
    }

    public async ValueTask DisposeAsync()
    {
        if (_daemon is not null)
        {
            _daemon.Kill();
            await _daemon.WaitForExitAsync();
            _daemon.Dispose();
        }
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public async Task Discovery_lists_the_targets_with_their_addresses()
    {
        SkipUnlessInstalled();
        var targets = await IscsiInitiator.DiscoverAsync($"127.0.0.1:{_port}");
        Assert.Equal([TargetName, ChapTargetName], targets.Select(target => target.TargetName).Order(StringComparer.Ordinal).Reverse());
        Assert.All(targets, target => Assert.Equal(new TargetPortal("127.0.0.1", _port, 1), Assert.Single(target.Portals)));
    }

    [Theory]
    [InlineData(DigestOffer.None)]
    [InlineData(DigestOffer.Crc32C)]
    public async Task What_was_written_is_read_back(DigestOffer digests)
    {
        SkipUnlessInstalled();
        var options = new IscsiInitiatorOptions();
        options = options with { Offer = options.Offer with { HeaderDigest = digests, DataDigest = digests } };
        await using var session = await IscsiInitiator.ConnectAsync(Url, options);
        Assert.Equal(digests == DigestOffer.Crc32C, session.Parameters.DataDigestCrc32C);
        Assert.Contains(1, await session.ReportLunsAsync());
        await using var disk = await session.OpenDiskAsync(1);
        Assert.Equal(DiskBytes, disk.Info.LengthBytes);

        var random = new Random(1);
        var writes = new List<(long Lba, byte[] Data)>();
        var lba = 0L;
        foreach (var length in new[] { 512, 4096, 65536, 70144, 262144, 1 << 20, 9 << 20 })
        {
            var data = new byte[length];
            random.NextBytes(data);
            writes.Add((lba, data));
            lba += length / 512;
        }
        await Task.WhenAll(writes.Select(write => disk.WriteAsync(write.Lba, write.Data, BlockWriteFlags.ForceUnitAccess).AsTask()));
        await disk.FlushAsync();
        await Task.WhenAll(writes.Select(async write =>
        {
            var back = new byte[write.Data.Length];
            await disk.ReadAsync(write.Lba, back);
            Assert.True(back.AsSpan().SequenceEqual(write.Data));
        }));
        await disk.WriteZeroesAsync(new BlockRange(1, 7));
        var zeroed = new byte[4096];
        await disk.ReadAsync(1, zeroed);
        Assert.Equal(new byte[7 * 512], zeroed[..(7 * 512)]);
        Assert.Equal(writes[1].Data[(7 * 512)..], zeroed[(7 * 512)..]);
        Assert.True(await session.PingAsync() > TimeSpan.Zero);
        Assert.Equal(TaskManagementResponse.FunctionComplete, await session.LogicalUnitResetAsync(1));
        await disk.ReadAsync(0, zeroed);
        await session.LogoutAsync();
    }

    [Fact]
    public async Task Sixty_four_calls_at_once_on_a_window_of_tgt_end_right()
    {
        SkipUnlessInstalled();
        await using var session = await IscsiInitiator.ConnectAsync(Url);
        await using var disk = await session.OpenDiskAsync(1);
        await Task.WhenAll(Enumerable.Range(0, 64).Select(async worker =>
        {
            var data = new byte[4096];
            var back = new byte[4096];
            for (var i = 0; i < 50; i++)
            {
                data.AsSpan().Fill((byte)(worker + i));
                await disk.WriteAsync(worker * 8, data);
                await disk.ReadAsync(worker * 8, back);
                Assert.Equal(data, back);
            }
        }));
    }

    [Fact]
    public async Task Chap_lets_the_right_secret_in_and_no_other()
    {
        SkipUnlessInstalled();
        var url = $"iscsi://alice@127.0.0.1:{_port}/{ChapTargetName}/1";
        await using (var session = await IscsiInitiator.ConnectAsync(url, new() { ChapSecret = "secretsecret1", ChapAlgorithms = [ChapAlgorithm.Md5] })) await session.PingAsync();
        var refused = await Assert.ThrowsAsync<IscsiLoginException>(() => IscsiInitiator.ConnectAsync(url, new() { ChapSecret = "secretsecret2", ChapAlgorithms = [ChapAlgorithm.Md5] }));
        Assert.Equal(LoginStatus.AuthenticationFailure, refused.Status);
        await Assert.ThrowsAsync<IscsiLoginException>(() => IscsiInitiator.ConnectAsync($"iscsi://127.0.0.1:{_port}/{ChapTargetName}/1"));
    }

    [Fact]
    public async Task An_unknown_target_is_refused_with_advice()
    {
        SkipUnlessInstalled();
        var refused = await Assert.ThrowsAsync<IscsiLoginException>(() => IscsiInitiator.ConnectAsync($"iscsi://127.0.0.1:{_port}/iqn.2026-11.net.example:no"));
        Assert.Equal(LoginStatus.NotFound, refused.Status);
        Assert.Contains("discovery", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_killed_target_fails_every_pending_call_with_one_reason()
    {
        SkipUnlessInstalled();
        await using var session = await IscsiInitiator.ConnectAsync(Url);
        await using var disk = await session.OpenDiskAsync(1);
        _daemon!.Kill();
        var exception = await Assert.ThrowsAsync<BlockDeviceException>(async () =>
        {
            var data = new byte[4096];
            while (true) await disk.ReadAsync(0, data);
        });
        Assert.Equal(BlockDeviceError.Unavailable, exception.Error);
        Assert.IsType<IscsiException>(exception.InnerException);
    }

    // Below those that the system gives to other tests' connections and listeners: none of them takes it before tgtd does.
    private static int FreePort()
    {
        for (var port = 30_000 + (Environment.ProcessId % 1000); ; port++)
        {
            using var probe = new TcpListener(IPAddress.Loopback, port);
            try
            {
                probe.Start();
                return port;
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressAlreadyInUse)
            {
                // Somebody else's.
            }
        }
    }

    private static bool IsInstalled => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Append("/usr/sbin")
        .Any(static directory => File.Exists(Path.Combine(directory, "tgtd")));

    private static void SkipUnlessInstalled()
    {
        if (IsInstalled) return;
        Assert.False(string.Equals(Environment.GetEnvironmentVariable("CI"), "true", StringComparison.OrdinalIgnoreCase), "tgtd is not installed (package tgt)");
        Assert.Skip("tgtd is not installed (package tgt)");
    }

    private async Task AdminAsync(string arguments)
    {
        if (!await TryAdminAsync(arguments)) throw new InvalidOperationException($"tgtadm {arguments} failed");
    }

    private async Task<bool> TryAdminAsync(string arguments)
    {
        using var admin = Process.Start(new ProcessStartInfo("tgtadm", $"-C {_control} --lld iscsi {arguments}")
        {
            UseShellExecute = false, RedirectStandardError = true, RedirectStandardOutput = true,
        })!;
        await admin.StandardOutput.ReadToEndAsync();
        await admin.StandardError.ReadToEndAsync();
        await admin.WaitForExitAsync();
        return admin.ExitCode == 0;
    }
}

using System.Globalization;
using System.Text.RegularExpressions;

namespace Iscsi.Interop;

/// <summary>libiscsi's small tools, as a person uses them to look at a target.</summary>
[Trait("Category", "Foreign")]
public sealed partial class LibiscsiToolTests
{
    private const string Target = "iqn.2026-11.net.iscsinet:disk";
    private const string User = "alice";
    private const string Secret = "correct-horse-battery";
    private const string TargetUser = "disk";
    private const string TargetSecret = "staple-of-another-kind";

    [Fact]
    public async Task Iscsi_ls_lists_the_target_and_the_size_of_every_lun()
    {
        ForeignTool.IscsiLs.Require();
        using var scratch = new ScratchDirectory();
        await using var daemon = await Daemon.ServeAsync(scratch.SparseFile("disk.img", 1L << 30), "memory,size=64MiB");

        var listing = (await ForeignTool.IscsiLs.RunAsync("-s", daemon.PortalUrl)).Succeeded();

        Assert.Contains("Target:" + Target, listing.Output, StringComparison.Ordinal);
        Assert.Matches(@"Lun:0 +Type:DIRECT_ACCESS \(Size:102[34]M\)", listing.Output);
        Assert.Matches(@"Lun:1 +Type:DIRECT_ACCESS \(Size:6[34]M\)", listing.Output);
    }

    [Fact]
    public async Task Iscsi_ls_lists_an_announced_address_instead_of_the_bound_one()
    {
        ForeignTool.IscsiLs.Require();
        await using var daemon = await Daemon.ServeAsync(["--listen", "127.0.0.1:0,announce=192.0.2.7:13260"], ["memory,size=1MiB"]);

        var listing = (await ForeignTool.IscsiLs.RunAsync(daemon.PortalUrl)).Succeeded();

        Assert.Contains("Portal:192.0.2.7:13260,1", listing.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Iscsi_inq_shows_a_disk()
    {
        ForeignTool.IscsiInq.Require();
        await using var daemon = await Daemon.ServeAsync("memory,size=64MiB");

        var inquiry = (await ForeignTool.IscsiInq.RunAsync(daemon.Url)).Succeeded();

        Assert.Contains("Peripheral Qualifier:CONNECTED", inquiry.Output, StringComparison.Ordinal);
        Assert.Contains("Peripheral Device Type:DIRECT_ACCESS", inquiry.Output, StringComparison.Ordinal);
        Assert.Contains("CmdQue:1", inquiry.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0x00)]
    [InlineData(0x80)]
    [InlineData(0x83)]
    [InlineData(0xb0)]
    [InlineData(0xb1)]
    [InlineData(0xb2)]
    public async Task Iscsi_inq_reads_the_vital_product_data_page(int page)
    {
        ForeignTool.IscsiInq.Require();
        await using var daemon = await Daemon.ServeAsync("memory,size=64MiB");

        var inquiry = (await ForeignTool.IscsiInq.RunAsync("-e", "1", "-c", page.ToString(CultureInfo.InvariantCulture), daemon.Url)).Succeeded();

        Assert.DoesNotContain("failed", inquiry.Output, StringComparison.OrdinalIgnoreCase);
    }

    [Theory]
    [InlineData(512, 131072)]
    [InlineData(4096, 16384)]
    public async Task Iscsi_readcapacity16_shows_block_size_and_last_block(int blockSize, long blockCount)
    {
        ForeignTool.IscsiReadCapacity16.Require();
        await using var daemon = await Daemon.ServeAsync($"memory,size=64MiB,block-size={blockSize}");

        var capacity = (await ForeignTool.IscsiReadCapacity16.RunAsync(daemon.Url)).Succeeded();

        Assert.Contains($"RETURNED LOGICAL BLOCK ADDRESS:{blockCount - 1}\n", capacity.Output, StringComparison.Ordinal);
        Assert.Contains($"LOGICAL BLOCK LENGTH IN BYTES:{blockSize}\n", capacity.Output, StringComparison.Ordinal);
        Assert.Contains("Total size:67108864\n", capacity.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_login_with_the_right_chap_secret_succeeds()
    {
        ForeignTool.IscsiInq.Require();
        await using var daemon = await ServeWithChapAsync();
        (await ForeignTool.IscsiInq.RunAsync(WithCredentials(daemon, User, Secret))).Succeeded();
    }

    [Fact]
    public async Task A_login_with_header_digests_succeeds()
    {
        ForeignTool.IscsiReadCapacity16.Require();
        await using var daemon = await Daemon.ServeAsync("memory,size=64MiB");
        (await ForeignTool.IscsiReadCapacity16.RunAsync(daemon.Url + "?header_digest=crc32c")).Succeeded();
    }

    [Fact]
    public async Task A_login_with_mutual_chap_succeeds()
    {
        ForeignTool.IscsiInq.Require();
        await using var daemon = await ServeWithChapAsync(mutual: true);
        var url = $"{WithCredentials(daemon, User, Secret)}?target_user={TargetUser}&target_password={TargetSecret}";
        (await ForeignTool.IscsiInq.RunAsync(url)).Succeeded();
    }

    [Fact]
    public async Task A_login_with_a_wrong_chap_secret_is_refused()
    {
        ForeignTool.IscsiInq.Require();
        await using var daemon = await ServeWithChapAsync();
        (await ForeignTool.IscsiInq.RunAsync(WithCredentials(daemon, User, "incorrect-horse"))).Failed();
    }

    [Fact]
    public async Task A_login_without_credentials_is_refused_where_chap_is_required()
    {
        ForeignTool.IscsiInq.Require();
        await using var daemon = await ServeWithChapAsync();
        (await ForeignTool.IscsiInq.RunAsync(daemon.Url)).Failed();
    }

    [Fact]
    public async Task Only_an_allowed_initiator_may_log_in()
    {
        const string allowed = "iqn.2026-11.net.iscsinet:host-1";
        ForeignTool.IscsiInq.Require();
        await using var daemon = await Daemon.ServeAsync(["--allow", allowed], ["memory,size=64MiB"]);

        (await ForeignTool.IscsiInq.RunAsync("-i", allowed, daemon.Url)).Succeeded();
        (await ForeignTool.IscsiInq.RunAsync("-i", "iqn.2026-11.net.iscsinet:host-2", daemon.Url)).Failed();
    }

    [Fact]
    public async Task Iscsi_perf_runs_with_64_requests_outstanding()
    {
        ForeignTool.IscsiPerf.Require();
        using var scratch = new ScratchDirectory();
        await using var daemon = await Daemon.ServeAsync(scratch.RandomFile("disk.img", 64 << 20, seed: 1));

        var run = (await ForeignTool.IscsiPerf.RunAsync("-m", "64", "-b", "8", "-t", "3", "-r", daemon.Url)).Succeeded();

        var iops = IopsPattern().Matches(run.Output).Select(m => long.Parse(m.Groups["value"].Value, CultureInfo.InvariantCulture)).LastOrDefault();
        Assert.True(iops > 0, run.ToString());
        Assert.False(daemon.HasExited, daemon.Log);
    }

    private static Task<Daemon> ServeWithChapAsync(bool mutual = false) => Daemon.ServeAsync(
        mutual ? ["--chap-user", User, "--mutual-chap-user", TargetUser] : ["--chap-user", User],
        ["memory,size=64MiB"],
        ("ISCSINET_CHAP_SECRET", Secret),
        ("ISCSINET_MUTUAL_CHAP_SECRET", TargetSecret));

    private static string WithCredentials(Daemon daemon, string user, string secret) =>
        daemon.Url.Replace("iscsi://", $"iscsi://{user}%{secret}@", StringComparison.Ordinal);

    [GeneratedRegex(@"iops (average )?(?<value>\d+)", RegexOptions.ExplicitCapture)]
    private static partial Regex IopsPattern();
}

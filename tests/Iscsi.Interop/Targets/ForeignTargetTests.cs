using Iscsi.Initiator;
using Iscsi.Interop.Guests;
using Iscsi.Protocol;
using Iscsi.Storage;

namespace Iscsi.Interop.Targets;

/// <summary>What our initiator does with every target that others wrote; the target is a derived class.</summary>
public abstract class ForeignTargetTests
{
    private const int Steps = 150;

    /// <summary>The commands that a target can do beside reading and writing.</summary>
    protected abstract string[] Abilities { get; }

    protected virtual IReadOnlyList<ChapAlgorithm> ChapAlgorithms => [ChapAlgorithm.Md5];

    private protected abstract Task RunAsync(Func<ForeignTarget, Task> scenario);

    [Fact]
    public Task Discovery_finds_it() => RunAsync(async target =>
    {
        var found = await IscsiInitiator.DiscoverAsync($"127.0.0.1:{target.Port}");

        Assert.Contains(found, each => string.Equals(each.TargetName, target.Name, StringComparison.Ordinal));
    });

    /// <summary>As a user works with it: the executable's own tools.</summary>
    [Fact]
    public Task The_command_line_copies_an_image_to_it() => RunAsync(async target =>
    {
        using var scratch = new ScratchDirectory();
        var image = scratch.RandomFile("image.raw", 8 << 20, seed: 7143);
        Assert.Contains(target.Name, (await ToolAsync("discover", $"127.0.0.1:{target.Port}")).Output, StringComparison.Ordinal);
        await ToolAsync("inquiry", target.Url);
        Assert.Contains("of 512 bytes", (await ToolAsync("capacity", target.Url)).Output, StringComparison.Ordinal);

        // It reads both back and compares them.
        await ToolAsync("copy", image, target.Url, "--verify");

        static async Task<ToolResult> ToolAsync(params string[] arguments) =>
            (await ForeignTool.RunAsync(Daemon.Executable, TimeSpan.FromSeconds(180), arguments)).Succeeded();
    });

    [Theory]
    [InlineData(DigestOffer.None, DigestOffer.None)]
    [InlineData(DigestOffer.Crc32C, DigestOffer.Crc32C)]
    [InlineData(DigestOffer.None, DigestOffer.Crc32C)]
    public Task A_random_workload_ends_as_its_model(DigestOffer header, DigestOffer data) => RunAsync(async target =>
    {
        var options = new IscsiInitiatorOptions();
        options = options with { Offer = options.Offer with { HeaderDigest = header, DataDigest = data } };
        await using var session = await IscsiInitiator.ConnectAsync(target.Url, options);
        Assert.Equal(header == DigestOffer.Crc32C, session.Parameters.HeaderDigestCrc32C);
        Assert.Equal(data == DigestOffer.Crc32C, session.Parameters.DataDigestCrc32C);
        await using var disk = await session.OpenDiskAsync(target.Lun);

        var done = await RandomWorkload.RunAsync(disk, Random.Shared.Next(), Steps);

        Assert.Equal([], Abilities.Except(done.Keys, StringComparer.Ordinal));
        await session.LogoutAsync();
    });

    [Fact]
    public Task CHAP_lets_the_right_secret_in_and_no_other() => RunAsync(async target =>
    {
        await target.RequireChapAsync("alice", "secretsecret1");
        var url = target.ChapUrl.Replace("iscsi://", "iscsi://alice@", StringComparison.Ordinal);
        foreach (var algorithm in ChapAlgorithms)
        {
            await using var session = await IscsiInitiator.ConnectAsync(url, new() { ChapSecret = "secretsecret1", ChapAlgorithms = [algorithm] });
            await session.PingAsync();
            await session.LogoutAsync();
        }

        var refused = await Assert.ThrowsAsync<IscsiLoginException>(
            () => IscsiInitiator.ConnectAsync(url, new() { ChapSecret = "secretsecret2", ChapAlgorithms = [ChapAlgorithms[0]] }));
        Assert.Equal(LoginStatus.AuthenticationFailure, refused.Status);
        // LIO closes the connection on one who offers no CHAP at all.
        await Assert.ThrowsAnyAsync<IscsiException>(() => IscsiInitiator.ConnectAsync(target.ChapUrl));
    });

    [Fact]
    public Task A_cut_cable_fails_every_call_with_one_clear_reason() => RunAsync(async target =>
    {
        await using var relay = new TcpRelay(target.Port);
        await using var session = await IscsiInitiator.ConnectAsync(target.UrlOf(relay.Port));
        await using var disk = await session.OpenDiskAsync(target.Lun);
        var calls = Enumerable.Range(0, 16).Select(async worker =>
        {
            var data = new byte[64 << 10];
            while (true) await disk.WriteAsync(worker * (data.Length / disk.Info.BlockSize), data);
        }).ToArray();
        while (relay.RelayedBytes < 4 << 20) await Task.Delay(20);

        relay.Cut();

        foreach (var call in calls)
        {
            var exception = await Assert.ThrowsAsync<BlockDeviceException>(() => call.WaitAsync(TimeSpan.FromSeconds(60)));
            Assert.Equal(BlockDeviceError.Unavailable, exception.Error);
            Assert.IsType<IscsiException>(exception.InnerException);
        }

        Assert.NotEqual(ConnectionEndReason.None, session.EndReason);
    });
}

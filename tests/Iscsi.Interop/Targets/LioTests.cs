using Iscsi.Initiator;
using Iscsi.Interop.Guests;
using Iscsi.Protocol;

namespace Iscsi.Interop.Targets;

/// <summary>Our initiator and LIO, the target in the guest's kernel.</summary>
[Collection(LinuxGuestCollection.Name)]
[Trait("Category", "Foreign")]
public sealed class LioTests(LinuxGuestFixture guests) : ForeignTargetTests
{
    protected override string[] Abilities => ["read", "write", "write same", "write zeroes", "unmap", "compare and write", "miscompare"];

    protected override IReadOnlyList<ChapAlgorithm> ChapAlgorithms => [ChapAlgorithm.Sha256, ChapAlgorithm.Sha1, ChapAlgorithm.Md5];

    [Fact]
    public Task Both_sides_prove_themselves_by_CHAP() => RunAsync(async target =>
    {
        await target.RequireChapAsync("alice", "secretsecret1");
        await ((Lio)target).ProveItselfAsync("lio", "secretsecret2");
        var url = target.Url.Replace("iscsi://", "iscsi://alice@", StringComparison.Ordinal);
        var options = new IscsiInitiatorOptions { ChapSecret = "secretsecret1", MutualChapUser = "lio", MutualChapSecret = "secretsecret2" };

        await using (var session = await IscsiInitiator.ConnectAsync(url, options)) Assert.True(session.IsTargetAuthenticated);

        await Assert.ThrowsAsync<IscsiLoginException>(() => IscsiInitiator.ConnectAsync(url, options with { MutualChapSecret = "secretsecret3" }));
    });

    /// <summary>Discovery names the guest's own address. The login goes where the URL says and nowhere else, or it would not succeed.</summary>
    [Fact]
    public Task The_login_goes_to_the_address_that_was_asked_for() => RunAsync(async target =>
    {
        var found = Assert.Single(await IscsiInitiator.DiscoverAsync($"127.0.0.1:{target.Port}"));
        Assert.DoesNotContain(found.Portals, portal => string.Equals(portal.Host, "127.0.0.1", StringComparison.Ordinal));

        await using var session = await IscsiInitiator.ConnectAsync(target.Url);
        await session.PingAsync();
    });

    [Fact]
    public Task A_target_that_is_taken_away_ends_the_session() => RunAsync(async target =>
    {
        await using var session = await IscsiInitiator.ConnectAsync(target.Url);

        await ((Lio)target).DisableAsync();

        var ended = await Assert.ThrowsAsync<IscsiException>(async () =>
        {
            while (true) await session.PingAsync();
        });
        Assert.Contains(target.Name, ended.Message, StringComparison.Ordinal);
        await Assert.ThrowsAnyAsync<IscsiException>(() => IscsiInitiator.ConnectAsync(target.Url));
    });

    private protected override Task RunAsync(Func<ForeignTarget, Task> scenario) => guests.RunAsync(async guest =>
    {
        var target = new Lio(guest);
        (await guest.RunAsync("start_lio")).Succeeded();
        await scenario(target);
        (await guest.RunAsync("stop_lio")).Succeeded();
    }, "CHAP", "Login negotiation failed", "Security negotiation failed", "Unable to load target_core", "db_root: cannot open");

    private sealed class Lio(LinuxGuest guest) : ForeignTarget
    {
        public override int Port => guest.ForwardedPort;

        public override string Name => "iqn.2026-11.net.example:lio";

        public override int Lun => 0;

        public override async Task RequireChapAsync(string user, string secret) =>
            (await guest.RunAsync($"lio_set auth/userid {user}; lio_set auth/password {secret}; lio_set attrib/authentication 1")).Succeeded();

        public async Task ProveItselfAsync(string user, string secret) =>
            (await guest.RunAsync($"lio_set auth/userid_mutual {user}; lio_set auth/password_mutual {secret}")).Succeeded();

        public async Task DisableAsync() => (await guest.RunAsync("lio_set enable 0")).Succeeded();
    }
}

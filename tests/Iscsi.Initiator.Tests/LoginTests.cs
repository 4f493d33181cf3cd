using Iscsi.Protocol;
using Microsoft.Extensions.Time.Testing;

namespace Iscsi.Initiator.Tests;

public sealed class LoginTests
{
    private const int Limit = 60_000;

    [Fact(Timeout = Limit)]
    public async Task A_session_knows_what_the_login_agreed_on()
    {
        await using var target = new ScriptedTarget { Offer = new() { MaxBurstLength = 98304, FirstBurstLength = 4096, MaxRecvDataSegmentLength = 12288 } };
        var session = await target.ConnectAsync();
        Assert.Equal(98304, session.Parameters.MaxBurstLength);
        Assert.Equal(4096, session.Parameters.FirstBurstLength);
        Assert.Equal(12288, session.Parameters.PeerMaxRecvDataSegmentLength);
        Assert.Equal(ScriptedTarget.Name, session.TargetName);
        Assert.Equal("a script", session.TargetAlias);
        Assert.Equal((ushort)7, session.TargetPortalGroupTag);
        await CloseAsync(target, session);
    }

    [Fact(Timeout = Limit)]
    public async Task Mutual_chap_proves_both_sides()
    {
        await using var target = new ScriptedTarget { Decide = _ => LoginDecision.Accept(1, new(), Requirement("initiator1", "target-secret")) };
        var url = ScriptedTarget.Url with { User = "alice", Secret = "alice-secret" };
        var session = await target.ConnectAsync(new() { MutualChapUser = "initiator1", MutualChapSecret = "target-secret" }, url);
        Assert.True(session.IsTargetAuthenticated);
        await CloseAsync(target, session);
    }

    [Fact(Timeout = Limit)]
    public async Task A_target_that_cannot_prove_itself_is_left()
    {
        await using var target = new ScriptedTarget { Decide = _ => LoginDecision.Accept(1, new(), Requirement("initiator1", "another-secret")) };
        var options = target.Options with
        {
            ChapUser = "alice", ChapSecret = "alice-secret", MutualChapUser = "initiator1", MutualChapSecret = "target-secret",
        };
        var connecting = IscsiInitiator.ConnectAsync(ScriptedTarget.Url, options);
        await target.AcceptAsync();
        var exception = await Assert.ThrowsAsync<IscsiLoginException>(() => connecting);
        Assert.Equal(LoginFault.AuthenticationFailed, exception.Fault);
        Assert.DoesNotContain("target-secret", exception.ToString(), StringComparison.Ordinal);
    }

    [Fact(Timeout = Limit)]
    public async Task A_refusal_says_what_to_do()
    {
        await using var target = new ScriptedTarget { Decide = _ => LoginDecision.Refuse(LoginStatus.OutOfResources) };
        var connecting = IscsiInitiator.ConnectAsync(ScriptedTarget.Url, target.Options);
        Assert.False(await target.AcceptAsync());
        var exception = await Assert.ThrowsAsync<IscsiLoginException>(() => connecting);
        Assert.Equal(LoginStatus.OutOfResources, exception.Status);
        Assert.Contains("no room for another session", exception.Message, StringComparison.Ordinal);
    }

    [Fact(Timeout = Limit)]
    public async Task A_redirection_is_followed()
    {
        var logins = 0;
        await using var target = new ScriptedTarget
        {
            Decide = _ => logins++ == 0 ? LoginDecision.Redirect("elsewhere:3261,1") : LoginDecision.Accept(1, new()),
        };
        var connecting = IscsiInitiator.ConnectAsync(ScriptedTarget.Url, target.Options);
        Assert.False(await target.AcceptAsync());
        Assert.True(await target.AcceptAsync());
        await CloseAsync(target, await connecting);
    }

    [Fact(Timeout = Limit)]
    public async Task A_circle_of_redirections_ends()
    {
        await using var target = new ScriptedTarget { Decide = _ => LoginDecision.Redirect("scripted") };
        var connecting = IscsiInitiator.ConnectAsync(ScriptedTarget.Url, target.Options with { MaxRedirects = 3 });
        for (var i = 0; i < 4; i++) Assert.False(await target.AcceptAsync());
        Assert.Contains("circle", (await Assert.ThrowsAsync<IscsiException>(() => connecting)).Message, StringComparison.Ordinal);
    }

    [Fact(Timeout = Limit)]
    public async Task A_target_that_never_answers_is_given_up_in_time()
    {
        var clock = new FakeTimeProvider();
        await using var target = new ScriptedTarget();
        var connecting = IscsiInitiator.ConnectAsync(ScriptedTarget.Url, target.Options with { Clock = clock });
        await using var silent = await target.Listener.AcceptAsync();
        clock.Advance(TimeSpan.FromSeconds(16));
        var exception = await Assert.ThrowsAsync<IscsiException>(() => connecting);
        Assert.Equal(ConnectionEndReason.LoginTimeout, exception.EndReason);
        Assert.Contains("15 s", exception.Message, StringComparison.Ordinal);
    }

    [Fact(Timeout = Limit)]
    public async Task A_target_that_closes_during_the_login_is_an_error_that_says_so()
    {
        await using var target = new ScriptedTarget();
        var connecting = IscsiInitiator.ConnectAsync(ScriptedTarget.Url, target.Options);
        await (await target.Listener.AcceptAsync())!.DisposeAsync();
        var exception = await Assert.ThrowsAsync<IscsiException>(() => connecting);
        Assert.Contains("during the login", exception.Message, StringComparison.Ordinal);
    }

    [Fact(Timeout = Limit)]
    public async Task A_cancelled_connect_is_cancelled()
    {
        using var cancellation = new CancellationTokenSource();
        await using var target = new ScriptedTarget();
        var connecting = IscsiInitiator.ConnectAsync(ScriptedTarget.Url, target.Options, cancellation.Token);
        await using var silent = await target.Listener.AcceptAsync();
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => connecting);
    }

    [Fact]
    public async Task A_url_without_a_target_or_a_name_without_a_secret_is_refused_before_connecting()
    {
        await Assert.ThrowsAsync<ArgumentException>(() => IscsiInitiator.ConnectAsync("iscsi://127.0.0.1:1"));
        await Assert.ThrowsAsync<FormatException>(() => IscsiInitiator.ConnectAsync("127.0.0.1:1"));
        await using var target = new ScriptedTarget();
        await Assert.ThrowsAsync<ArgumentException>(() => IscsiInitiator.ConnectAsync(ScriptedTarget.Url, target.Options with { ChapUser = "alice" }));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(
            () => IscsiInitiator.ConnectAsync(ScriptedTarget.Url, target.Options with { MaxOutstandingCommands = 0 }));
    }

    [Fact]
    public void Options_and_urls_as_text_hold_no_secret()
    {
        Assert.DoesNotContain("hidden", new IscsiInitiatorOptions { ChapSecret = "hidden", MutualChapSecret = "hidden" }.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("hidden", (ScriptedTarget.Url with { User = "alice", Secret = "hidden" }).ToString(), StringComparison.Ordinal);
    }

    private static ChapRequirement Requirement(string targetUser, string targetSecret) =>
        new([Credentials("alice", "alice-secret")], Credentials(targetUser, targetSecret));

    private static ChapCredentials Credentials(string name, string secret) => new(name, System.Text.Encoding.UTF8.GetBytes(secret));

    internal static async Task CloseAsync(ScriptedTarget target, IscsiSession session)
    {
        var closing = session.DisposeAsync().AsTask();
        await target.SendLogoutResponseAsync(await target.ReceiveAsync(Opcode.LogoutRequest));
        await closing;
    }
}

using System.Text;
using Iscsi.Protocol;

namespace Iscsi.Target.Tests.Raw;

/// <summary>Logins that must fail: with which status, for which reason, and when.</summary>
public sealed class LoginRefusalTests
{
    [Fact]
    public async Task An_unknown_target_is_not_found()
    {
        await RefusedAsync(new RawLogin { Target = "iqn.2026-11.net.example:other" }, LoginStatus.NotFound);
    }

    [Fact]
    public async Task An_initiator_that_is_not_allowed_is_refused()
    {
        await RefusedAsync(
            new RawLogin(),
            LoginStatus.AuthorizationFailure,
            target => target.AllowInitiators("iqn.2026-11.net.example:witness", "iqn.2026-11.net.example:else"));
    }

    [Fact]
    public async Task A_version_that_is_not_supported_is_refused()
    {
        await RefusedAsync(new RawLogin { VersionMin = 1 }, LoginStatus.UnsupportedVersion);
    }

    [Fact]
    public async Task A_session_that_does_not_exist_can_not_be_joined()
    {
        await RefusedAsync(new RawLogin { Tsih = 0x7777 }, LoginStatus.SessionDoesNotExist);
    }

    [Fact]
    public async Task A_discovery_session_can_not_be_joined()
    {
        await RefusedAsync(new RawLogin { Tsih = 0x7777, SessionType = "Discovery", Target = null }, LoginStatus.SessionDoesNotExist);
    }

    [Fact]
    public async Task A_normal_session_without_a_target_misses_a_parameter()
    {
        await RefusedAsync(new RawLogin { Target = null }, LoginStatus.MissingParameter);
    }

    [Fact]
    public async Task A_session_type_that_does_not_exist_is_refused()
    {
        await RefusedAsync(new RawLogin { SessionType = "Nonsense" }, LoginStatus.SessionTypeNotSupported);
    }

    [Fact]
    public async Task A_second_connection_of_a_session_is_one_too_many_and_the_first_lives()
    {
        await using var target = await RawTarget.StartAsync();
        var first = await target.LoginAsync();
        var second = await target.ConnectAsync();
        var response = await second.TryLoginAsync(new RawLogin { Tsih = first.Tsih, Cid = 2 });
        Assert.Equal(LoginStatus.TooManyConnections, response.LoginStatus);
        await second.ExpectCloseAsync();
        await target.ExpectRefusalAsync(second, LoginStatus.TooManyConnections);
        await first.ExpectAliveAsync();
    }

    [Theory]
    [InlineData("CHAP_N=user\0CHAP_R=0x00112233445566778899aabbccddeeff\0", LoginStatus.AuthenticationFailure)]
    [InlineData("CHAP_N=nobody\0CHAP_R=0x00112233445566778899aabbccddeeff\0", LoginStatus.AuthenticationFailure)]
    [InlineData("CHAP_N=user\0CHAP_R=0x00\0", LoginStatus.AuthenticationFailure)]
    [InlineData("CHAP_N=user\0CHAP_R=nonsense\0", LoginStatus.InitiatorError)]
    public async Task A_wrong_CHAP_answer_is_an_authentication_failure(string answer, LoginStatus status)
    {
        await using var target = await RawTarget.StartAsync(witness: false, configure: t => t.RequireChap("user", "a secret of enough bytes"));
        var client = await target.ConnectAsync();
        var login = new RawLogin();
        var names = $"InitiatorName={login.Initiator}\0TargetName={login.Target}\0SessionType=Normal\0AuthMethod=CHAP,None\0";
        var response = await client.LoginStepAsync(login, names, transit: false, LoginStage.SecurityNegotiation);
        Assert.Contains("AuthMethod=CHAP\0", Encoding.UTF8.GetString(response.Data), StringComparison.Ordinal);
        response = await client.LoginStepAsync(login, "CHAP_A=5\0", transit: false, LoginStage.SecurityNegotiation);
        Assert.Contains("CHAP_C=", Encoding.UTF8.GetString(response.Data), StringComparison.Ordinal);
        response = await client.LoginStepAsync(
            login, answer, transit: true, LoginStage.SecurityNegotiation, LoginStage.LoginOperationalNegotiation);
        Assert.Equal(status, response.LoginStatus);
        await client.ExpectCloseAsync();
        await target.ExpectRefusalAsync(client, status);
    }

    [Fact]
    public async Task A_login_that_skips_the_security_stage_where_it_is_required_is_an_authentication_failure()
    {
        await using var target = await RawTarget.StartAsync(witness: false, configure: t => t.RequireChap("user", "a secret of enough bytes"));
        var client = await target.ConnectAsync();
        Assert.Equal(LoginStatus.AuthenticationFailure, (await client.TryLoginAsync(new RawLogin())).LoginStatus);
        await client.ExpectCloseAsync();
        await target.ExpectRefusalAsync(client, LoginStatus.AuthenticationFailure);
    }

    [Fact]
    public async Task A_megabyte_of_login_text_is_refused_after_16_KiB_of_it()
    {
        await using var target = await RawTarget.StartAsync();
        var client = await target.ConnectAsync();
        var login = new RawLogin();
        var sent = 0;
        RawPdu response;
        do
        {
            var text = sent == 0 ? $"InitiatorName={login.Initiator}\0X-key=".PadRight(4096, 'x') : new string('y', 4096);
            response = await client.LoginStepAsync(login, text, transit: false, LoginStage.LoginOperationalNegotiation, continued: true);
            sent += text.Length;
        }
        while (response.LoginStatus == LoginStatus.Success && sent < 1 << 20);
        Assert.Equal(LoginStatus.InitiatorError, response.LoginStatus);
        Assert.Equal(LoginLimits.MaxRequestTextBytes + 4096, sent);
        await client.ExpectCloseAsync();
        await target.ExpectRefusalAsync(client, LoginStatus.InitiatorError);
    }

    [Fact]
    public async Task A_megabyte_of_login_text_that_waits_for_no_answer_ends_only_its_connection()
    {
        await using var target = await RawTarget.StartAsync();
        var client = await target.ConnectAsync();
        var login = new RawLogin();
        var text = Encoding.UTF8.GetBytes($"InitiatorName={login.Initiator}\0X-key=".PadRight(8192, 'x'));
        var pdu = client.Frame(client.LoginRequest(login, text.Length, transit: false, continued: true), text);
        for (var i = 0; i < 128; i++)
            if (!await client.SendAsync(pdu)) break;
        await client.ReceiveToEndAsync();
        await target.ExpectRefusalAsync(client, LoginStatus.InitiatorError);
    }

    [Fact]
    public async Task A_login_of_ever_new_requests_without_progress_is_refused()
    {
        await using var target = await RawTarget.StartAsync();
        var client = await target.ConnectAsync();
        var login = new RawLogin();
        var response = await client.LoginStepAsync(
            login, Encoding.UTF8.GetString(login.Text()), transit: false, LoginStage.LoginOperationalNegotiation);
        var count = 1;
        for (; response.LoginStatus == LoginStatus.Success; count++)
            response = await client.LoginStepAsync(login, "", transit: false, LoginStage.LoginOperationalNegotiation);
        Assert.Equal(LoginLimits.MaxPdus + 1, count);
        Assert.Equal(LoginStatus.InitiatorError, response.LoginStatus);
        await client.ExpectCloseAsync();
        await target.ExpectRefusalAsync(client, LoginStatus.InitiatorError);
    }

    [Fact]
    public async Task A_connection_that_sends_nothing_is_ended_after_5_seconds()
    {
        await using var target = await RawTarget.StartAsync();
        var client = await target.ConnectAsync();
        await ExpectAcceptedAsync(target);
        var waited = await target.AdvanceUntilAsync(() => target.Log.EndOf(client.LocalEndPoint) is not null, TimeSpan.FromSeconds(12));
        Assert.True(waited >= TimeSpan.FromSeconds(5), $"after {waited}");
        await client.ExpectCloseAsync();
        await target.ExpectEndAsync(client, ConnectionEndReason.LoginTimeout);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(47)]
    [InlineData(48)]
    [InlineData(100)]
    public async Task A_first_login_PDU_that_is_never_complete_is_given_5_seconds_too(int bytes)
    {
        await using var target = await RawTarget.StartAsync(witness: false);
        var client = await target.ConnectAsync();
        var text = new RawLogin().Text();
        await client.SendAsync(client.Frame(client.LoginRequest(new RawLogin(), text.Length), text).AsMemory(0, bytes));
        await ExpectAcceptedAsync(target);
        var waited = await target.AdvanceUntilAsync(() => target.Log.EndOf(client.LocalEndPoint) is not null, TimeSpan.FromSeconds(12));
        Assert.True(waited >= TimeSpan.FromSeconds(5), $"after {waited}");
        await client.ExpectCloseAsync();
        await target.ExpectEndAsync(client, ConnectionEndReason.LoginTimeout);
    }

    [Fact]
    public async Task A_login_that_trickles_is_ended_after_15_seconds_although_something_always_comes()
    {
        await using var target = await RawTarget.StartAsync();
        var client = await target.ConnectAsync();
        var login = new RawLogin();
        await client.LoginStepAsync(login, Encoding.UTF8.GetString(login.Text()), transit: false, LoginStage.LoginOperationalNegotiation);
        var next = client.LoginRequest(login, 0);
        var at = 0;
        var waited = TimeSpan.Zero;
        while (waited < TimeSpan.FromSeconds(15))
        {
            Assert.True(target.Log.EndOf(client.LocalEndPoint) is null, $"after {waited}");
            await client.SendAsync(next.AsMemory(at++, 1));
            await target.AdvanceAsync(TimeSpan.FromMilliseconds(500));
            waited += TimeSpan.FromMilliseconds(500);
        }
        await client.ExpectCloseAsync();
        await target.ExpectEndAsync(client, ConnectionEndReason.LoginTimeout);
    }

    [Fact]
    public async Task A_first_PDU_that_is_no_login_request_closes_without_an_answer()
    {
        await using var target = await RawTarget.StartAsync();
        var client = await target.ConnectAsync();
        await client.SendPduAsync(client.NopOut());
        await client.ExpectCloseAsync();
        await target.ExpectEndAsync(client, ConnectionEndReason.UnexpectedPdu);
    }

    [Fact]
    public async Task A_PDU_other_than_a_login_request_during_the_login_closes_without_an_answer()
    {
        await using var target = await RawTarget.StartAsync();
        var client = await target.ConnectAsync();
        var login = new RawLogin();
        await client.LoginStepAsync(login, Encoding.UTF8.GetString(login.Text()), transit: false, LoginStage.LoginOperationalNegotiation);
        await client.SendPduAsync(client.NopOut());
        await client.ExpectCloseAsync();
        await target.ExpectEndAsync(client, ConnectionEndReason.UnexpectedPdu);
    }

    [Fact]
    public async Task The_oldest_of_16_connections_of_an_address_that_have_idled_for_a_second_leaves_for_a_newer_one()
    {
        await using var target = await RawTarget.StartAsync();
        var waiting = new List<RawClient>();
        for (var i = 0; i < 16; i++) waiting.Add(await target.ConnectAsync());
        Assert.DoesNotContain(waiting, w => target.Log.EndOf(w.LocalEndPoint) is not null);
        await Poll.UntilAsync(() => target.Server.Core.WaitingLogins == 16, () => "Not all were accepted.");
        await target.AdvanceAsync(TimeSpan.FromSeconds(1));
        var newest = await target.ConnectAsync();
        await waiting[0].ExpectCloseAsync();
        await target.ExpectEndAsync(waiting[0], ConnectionEndReason.LoginEvicted);
        await newest.LoginAsync();
        foreach (var other in waiting.Skip(1)) Assert.Null(target.Log.EndOf(other.LocalEndPoint));
        await waiting[1].LoginAsync(new RawLogin { Isid = 0x8000_0002_0000 });
    }

    [Fact]
    public async Task One_session_more_than_promised_is_refused_and_comes_in_when_another_has_logged_out()
    {
        await using var target = await RawTarget.StartAsync(witness: false, memoryBytes: 4L << 20);
        var sessions = new List<RawClient>();
        for (var i = 0; i < target.Server.Budget.MaxSessions; i++)
            sessions.Add(await target.LoginAsync(new RawLogin { Isid = 0x8000_0001_0000 + (ulong)i }));
        var last = new RawLogin { Isid = 0x8000_0002_0000 };
        var refused = await target.ConnectAsync();
        Assert.Equal(LoginStatus.OutOfResources, (await refused.TryLoginAsync(last)).LoginStatus);
        await refused.ExpectCloseAsync();
        await target.ExpectRefusalAsync(refused, LoginStatus.OutOfResources);
        foreach (var session in sessions) await session.ExpectAliveAsync();

        var gone = target.SessionOf(sessions[0]);
        await sessions[0].SendPduAsync(sessions[0].Logout(LogoutReason.CloseSession));
        await sessions[0].ReceiveAsync(Opcode.LogoutResponse);
        await sessions[0].ExpectCloseAsync();
        await target.ExpectEndAsync(sessions[0], ConnectionEndReason.LoggedOut);
        await target.ExpectGoneAsync(gone);
        var admitted = await target.LoginAsync(last);
        await admitted.WriteGoodAsync(0, RawClient.Pattern(1, 65536));
    }

    // Its time runs from the accept, not from the connect.
    private static Task ExpectAcceptedAsync(RawTarget target) =>
        Poll.UntilAsync(() => target.Server.Core.WaitingLogins == 1, () => "The connection was not accepted.");

    private static async Task RefusedAsync(RawLogin login, LoginStatus status, Action<TargetDefinitionBuilder>? configure = null)
    {
        await using var target = await RawTarget.StartAsync(configure: configure);
        var client = await target.ConnectAsync();
        var response = await client.TryLoginAsync(login);
        Assert.Equal(status, response.LoginStatus);
        Assert.Equal(0, response.Tsih == login.Tsih ? 0 : response.Tsih);
        await client.ExpectCloseAsync();
        await target.ExpectRefusalAsync(client, status);
    }
}

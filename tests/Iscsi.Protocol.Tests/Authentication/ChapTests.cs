using System.Security.Cryptography;
using Iscsi.Protocol.Tests.Login;

namespace Iscsi.Protocol.Tests.Authentication;

public class ChapTests
{
    private static readonly ChapCredentials Alice = new("alice", "alices long secret"u8.ToArray());
    private static readonly ChapCredentials Bob = new("bob", "bobs even longer secret"u8.ToArray());
    private static readonly ChapCredentials Disk = new("disk", "the secret of the disk"u8.ToArray());

    public static TheoryData<ChapAlgorithm, bool, BinaryTextEncoding, BinaryTextEncoding> Combinations()
    {
        var data = new TheoryData<ChapAlgorithm, bool, BinaryTextEncoding, BinaryTextEncoding>();
        foreach (var algorithm in ChapOptions.SupportedAlgorithms)
        {
            foreach (var isMutual in new[] { false, true })
            {
                foreach (var initiator in Enum.GetValues<BinaryTextEncoding>())
                {
                    foreach (var target in Enum.GetValues<BinaryTextEncoding>()) data.Add(algorithm, isMutual, initiator, target);
                }
            }
        }
        return data;
    }

    [Theory]
    [MemberData(nameof(Combinations))]
    public void Both_sides_agree_with_every_algorithm_direction_and_encoding(
        ChapAlgorithm algorithm, bool isMutual, BinaryTextEncoding initiatorEncoding, BinaryTextEncoding targetEncoding)
    {
        var pair = Pair(
            LoginPair.Options() with
            {
                Chap = Alice, MutualChap = isMutual ? Disk : null, ChapOptions = new() { Algorithms = [algorithm], Encoding = initiatorEncoding },
            },
            new ChapRequirement([Bob, Alice], Disk, new() { Encoding = targetEncoding }));
        Assert.Equal(InitiatorLoginAction.Complete, pair.Run().Action);
        Assert.Equal(("alice", false, true, isMutual),
            (pair.Target.AuthenticatedName, pair.Target.UsedShortSecret, pair.Initiator.IsAuthenticated, pair.Initiator.IsTargetAuthenticated));
        var prefix = targetEncoding == BinaryTextEncoding.Hex ? "CHAP_C=0x" : "CHAP_C=0b";
        Assert.Contains($"CHAP_A={(int)algorithm}\0", pair.Exchanges[1].ResponseText);
        Assert.Contains(prefix, pair.Exchanges[1].ResponseText);
        Assert.DoesNotContain(pair.Exchanges, exchange =>
            (exchange.RequestText + exchange.ResponseText).Contains("secret", StringComparison.Ordinal));
    }

    [Fact]
    public void CHAP_runs_over_PDUs_of_any_size()
    {
        foreach (var size in new[] { 16, 33, 64, 300 })
        {
            var pair = Pair(LoginPair.Options() with { Chap = Alice, MutualChap = Disk }, new ChapRequirement([Alice], Disk));
            Assert.Equal(InitiatorLoginAction.Complete, pair.Run(size, size).Action);
            Assert.True(pair.Initiator.IsTargetAuthenticated);
        }
    }

    [Theory]
    [InlineData(ChapAlgorithm.Md5)]
    [InlineData(ChapAlgorithm.Sha1)]
    [InlineData(ChapAlgorithm.Sha256)]
    public void The_response_is_the_hash_of_identifier_secret_and_challenge(ChapAlgorithm algorithm)
    {
        var challenge = Enumerable.Range(0, 1024).Select(i => (byte)i).ToArray();
        byte[] input = [0x5A, .. Alice.Secret.Span, .. challenge];
        var expected = algorithm switch
        {
            ChapAlgorithm.Md5 => MD5.HashData(input),
            ChapAlgorithm.Sha1 => SHA1.HashData(input),
            _ => SHA256.HashData(input),
        };
        var response = new byte[32];
        var length = ChapHash.Compute(algorithm, 0x5A, Alice.Secret.Span, challenge, response);
        Assert.Equal(expected, response.AsSpan(0, length).ToArray());
        Assert.Equal(length, ChapHash.SizeBytes(algorithm));
    }

    [Fact]
    public void A_known_exchange_has_known_bytes()
    {
        // MD5 of 01h, "secret", 00h..0Fh, computed with another program.
        var response = new byte[32];
        var length = ChapHash.Compute(ChapAlgorithm.Md5, 1, "secret"u8, Convert.FromHexString("000102030405060708090A0B0C0D0E0F"), response);
        Assert.Equal("740E86463BDA3A4D7017D6E0FBA0699D", Convert.ToHexString(response.AsSpan(0, length)));
    }

    [Fact]
    public void A_wrong_secret_is_an_authentication_failure()
    {
        var pair = Pair(LoginPair.Options() with { Chap = new("alice", "not alices secret"u8.ToArray()) }, new ChapRequirement([Alice]));
        Assert.Equal(InitiatorLoginAction.Refused, pair.Run().Action);
        Assert.Equal((LoginStatus.AuthenticationFailure, LoginFault.AuthenticationFailed), (pair.Initiator.Status, pair.LastTargetStep.Fault));
        Assert.Null(pair.Target.AuthenticatedName);
        Assert.Empty(pair.Policy.Admitted);
    }

    [Theory]
    [InlineData("bob")]
    [InlineData("Alice")]
    [InlineData("mallory")]
    public void A_right_secret_with_another_name_is_an_authentication_failure(string name)
    {
        var pair = Pair(LoginPair.Options() with { Chap = new(name, Alice.Secret) }, new ChapRequirement([Bob, Alice]));
        pair.Run();
        Assert.Equal(LoginStatus.AuthenticationFailure, pair.Initiator.Status);
    }

    [Fact]
    public void A_target_with_a_wrong_secret_or_name_is_not_believed()
    {
        foreach (var expected in new[] { new ChapCredentials("disk", "some other secret"u8.ToArray()), new ChapCredentials("disc", Disk.Secret) })
        {
            var pair = Pair(LoginPair.Options() with { Chap = Alice, MutualChap = expected }, new ChapRequirement([Alice], Disk));
            var step = pair.Run();
            Assert.Equal((InitiatorLoginAction.Failed, LoginFault.AuthenticationFailed), (step.Action, step.Fault));
            Assert.False(pair.Initiator.IsTargetAuthenticated);
        }
    }

    [Fact]
    public void A_target_without_a_secret_refuses_to_be_authenticated()
    {
        var pair = Pair(LoginPair.Options() with { Chap = Alice, MutualChap = Disk }, new ChapRequirement([Alice]));
        Assert.Equal(InitiatorLoginAction.Refused, pair.Run().Action);
        Assert.Equal((LoginStatus.AuthenticationFailure, LoginFault.MutualAuthenticationUnavailable), (pair.Initiator.Status, pair.LastTargetStep.Fault));
    }

    [Fact]
    public void An_initiator_without_credentials_is_refused_where_they_are_needed()
    {
        foreach (var skip in new[] { false, true })
        {
            var pair = Pair(LoginPair.Options() with { SkipSecurityStage = skip }, new ChapRequirement([Alice]));
            pair.Run();
            Assert.Equal((LoginStatus.AuthenticationFailure, LoginFault.AuthenticationRequired), (pair.Initiator.Status, pair.LastTargetStep.Fault));
        }
    }

    [Theory]
    [InlineData(true, InitiatorLoginAction.Complete)]
    [InlineData(false, InitiatorLoginAction.Refused)]
    public void A_target_that_asks_for_nothing_is_accepted_when_None_is_offered(bool allowNone, InitiatorLoginAction expected)
    {
        var pair = Pair(LoginPair.Options() with { Chap = Alice, AllowNoAuthentication = allowNone }, null);
        Assert.Equal(expected, pair.Run().Action);
        Assert.False(pair.Initiator.IsAuthenticated);
    }

    [Fact]
    public void A_target_that_must_show_who_it_is_cannot_choose_None()
    {
        var pair = Pair(LoginPair.Options() with { Chap = Alice, MutualChap = Disk }, null);
        Assert.Equal(InitiatorLoginAction.Refused, pair.Run().Action);
        Assert.DoesNotContain("None", pair.Exchanges[0].RequestText);
    }

    [Theory]
    [InlineData("7,5", false, "7")]
    [InlineData("5,7", false, "5")]
    [InlineData("5,7", true, "7")]
    [InlineData("99,junk,6", false, "6")]
    [InlineData("0x05", false, "5")]
    public void The_first_algorithm_that_is_allowed_is_chosen_or_the_targets_own_favourite(string list, bool preferOwn, string chosen)
    {
        var raw = Raw(new ChapRequirement([Alice], null, new() { PreferOwnOrder = preferOwn }));
        raw.Send(LoginStage.SecurityNegotiation, null, $"CHAP_A={list}");
        Assert.Equal(chosen, raw.Answer("CHAP_A"));
    }

    [Fact]
    public void No_common_algorithm_is_an_authentication_failure_with_CHAP_A_rejected()
    {
        var raw = Raw(new ChapRequirement([Alice], null, new() { Algorithms = [ChapAlgorithm.Sha256] }));
        raw.Send(LoginStage.SecurityNegotiation, null, "CHAP_A=5");
        Assert.Equal((LoginFault.AuthenticationAlgorithm, LoginStatus.AuthenticationFailure, "Reject"), (raw.Last.Fault, raw.LastStatus, raw.Answer("CHAP_A")));
    }

    [Theory]
    [InlineData("CHAP_N=alice|CHAP_R=0x00")]
    [InlineData("CHAP_A=5|CHAP_N=alice")]
    [InlineData("CHAP_I=1|CHAP_C=0x00")]
    [InlineData("CHAP_A=5|CHAP_I=1|CHAP_C=0x00")]
    [InlineData("SRP_U=alice")]
    [InlineData("KRB_AP_REQ=0x00")]
    public void Keys_out_of_order_are_an_initiator_error(string keys)
    {
        var raw = Raw(new ChapRequirement([Alice]));
        raw.Send(LoginStage.SecurityNegotiation, null, keys);
        Assert.Equal((LoginFault.AuthenticationSequence, LoginStatus.InitiatorError), (raw.Last.Fault, raw.LastStatus));
    }

    [Theory]
    [InlineData("CHAP_N=alice", LoginFault.AuthenticationSequence)]
    [InlineData("CHAP_R=0x00", LoginFault.AuthenticationSequence)]
    [InlineData("CHAP_A=5", LoginFault.AuthenticationSequence)]
    [InlineData("CHAP_N=alice|CHAP_R=0x00|CHAP_I=1", LoginFault.AuthenticationSequence)]
    [InlineData("CHAP_N=alice|CHAP_R=0x00|CHAP_C=0x01", LoginFault.AuthenticationSequence)]
    [InlineData("CHAP_N=alice|CHAP_R=junk", LoginFault.BadValue)]
    [InlineData("CHAP_N=alice|CHAP_R=0x00", LoginFault.AuthenticationFailed)]
    [InlineData("CHAP_N=alice|CHAP_R=0x000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0f00", LoginFault.AuthenticationFailed)]
    public void A_second_step_has_name_and_response(string keys, LoginFault fault)
    {
        var raw = Raw(new ChapRequirement([Alice], Disk));
        raw.Send(LoginStage.SecurityNegotiation, null, "CHAP_A=5");
        raw.Send(LoginStage.SecurityNegotiation, LoginStage.LoginOperationalNegotiation, keys);
        Assert.Equal((LoginAction.RespondAndClose, fault), (raw.Last.Action, raw.Last.Fault));
    }

    [Fact]
    public void The_stage_does_not_end_before_the_initiator_has_shown_who_it_is()
    {
        var raw = Raw(new ChapRequirement([Alice]), LoginStage.LoginOperationalNegotiation);
        Assert.Equal((LoginAction.Respond, false), (raw.Last.Action, raw.Last.Response.IsTransit));
        raw.Send(LoginStage.SecurityNegotiation, LoginStage.FullFeaturePhase, "CHAP_A=5");
        Assert.Equal((LoginAction.Respond, false), (raw.Last.Action, raw.Last.Response.IsTransit));
        raw.Send(LoginStage.SecurityNegotiation, LoginStage.FullFeaturePhase, "");
        Assert.Equal((LoginAction.Respond, false), (raw.Last.Action, raw.Last.Response.IsTransit));
        Assert.Empty(raw.Policy.Admitted);
    }

    [Fact]
    public void A_challenge_is_as_long_as_the_hash_and_never_the_same()
    {
        var seen = new HashSet<string>();
        foreach (var (number, bytes) in new[] { (5, 16), (6, 20), (7, 32) })
        {
            for (var i = 0; i < 20; i++)
            {
                var raw = Raw(new ChapRequirement([Alice]));
                raw.Send(LoginStage.SecurityNegotiation, null, $"CHAP_A={number}");
                var challenge = raw.Answer("CHAP_C")!;
                Assert.Equal(2 + (bytes * 2), challenge.Length);
                Assert.True(seen.Add(challenge));
                Assert.InRange(int.Parse(raw.Answer("CHAP_I")!), 0, 255);
            }
        }
    }

    [Theory]
    [InlineData(1, LoginFault.None)]
    [InlineData(1024, LoginFault.None)]
    [InlineData(1025, LoginFault.BadValue)]
    public void A_challenge_of_the_initiator_has_up_to_1024_bytes(int bytes, LoginFault fault)
    {
        var (raw, response) = Respond(new ChapRequirement([Alice], Disk));
        var challenge = Convert.ToHexString(Enumerable.Range(0, bytes).Select(i => (byte)(i * 7)).ToArray());
        raw.Send(LoginStage.SecurityNegotiation, LoginStage.LoginOperationalNegotiation, $"{response}|CHAP_I=9|CHAP_C=0x{challenge}");
        Assert.Equal(fault, raw.Last.Fault);
        if (fault == LoginFault.None) Assert.Equal("disk", raw.Answer("CHAP_N"));
    }

    [Theory]
    [InlineData("256")]
    [InlineData("-1")]
    [InlineData("x")]
    public void An_identifier_is_0_to_255(string identifier)
    {
        var (raw, response) = Respond(new ChapRequirement([Alice], Disk));
        raw.Send(LoginStage.SecurityNegotiation, LoginStage.LoginOperationalNegotiation, $"{response}|CHAP_I={identifier}|CHAP_C=0x01");
        Assert.Equal(LoginFault.BadValue, raw.Last.Fault);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_reflected_challenge_is_refused(bool inBase64)
    {
        var (raw, response) = Respond(new ChapRequirement([Alice], Disk), out var challenge);
        var text = inBase64 ? "0b" + Convert.ToBase64String(challenge) : "0x" + Convert.ToHexString(challenge);
        raw.Send(LoginStage.SecurityNegotiation, LoginStage.LoginOperationalNegotiation, $"{response}|CHAP_I=9|CHAP_C={text}");
        Assert.Equal((LoginFault.ChallengeReflected, LoginStatus.AuthenticationFailure), (raw.Last.Fault, raw.LastStatus));
        Assert.Null(raw.Answer("CHAP_R"));
    }

    [Fact]
    public void A_challenge_reflected_on_another_connection_is_refused()
    {
        var options = new ChapOptions { Registry = new ChapChallengeRegistry() };
        Respond(new ChapRequirement([Alice], Disk, options), out var challenge);
        var (raw, response) = Respond(new ChapRequirement([Alice], Disk, options));
        raw.Send(LoginStage.SecurityNegotiation, LoginStage.LoginOperationalNegotiation, $"{response}|CHAP_I=9|CHAP_C=0x{Convert.ToHexString(challenge)}");
        Assert.Equal(LoginFault.ChallengeReflected, raw.Last.Fault);
    }

    [Fact]
    public void An_initiator_does_not_answer_its_own_challenge_either()
    {
        var registry = new ChapChallengeRegistry();
        var challenge = new byte[32];
        registry.Remember(challenge);
        var options = LoginPair.Options() with { Chap = Alice, ChapOptions = new() { Registry = registry } };
        var pair = Pair(options, new ChapRequirement([Alice], null, new() { Random = destination => destination.Clear(), Algorithms = [ChapAlgorithm.Sha256] }));
        var step = pair.Run();
        Assert.Equal((InitiatorLoginAction.Failed, LoginFault.ChallengeReflected), (step.Action, step.Fault));
    }

    [Fact]
    public void The_registry_forgets_the_oldest_first()
    {
        var registry = new ChapChallengeRegistry(capacity: 3);
        for (byte i = 0; i < 5; i++) registry.Remember([i, i, i]);
        Assert.Equal([false, false, true, true, true], Enumerable.Range(0, 5).Select(i => registry.IsOurs([(byte)i, (byte)i, (byte)i])));
    }

    [Fact]
    public void One_secret_for_both_directions_is_refused_when_it_is_configured() =>
        Assert.Throws<ArgumentException>(() => new ChapRequirement([Alice], new ChapCredentials("disk", Alice.Secret.ToArray())));

    [Fact]
    public void A_secret_never_shows_and_a_short_one_is_told()
    {
        Assert.Equal("alice", Alice.ToString());
        Assert.False(Alice.IsShort);
        var pair = Pair(LoginPair.Options() with { Chap = new("a", "short"u8.ToArray()) }, new ChapRequirement([new("a", "short"u8.ToArray())]));
        pair.Run();
        Assert.True(pair.Target.UsedShortSecret);
        var options = (LoginPair.Options() with { Chap = Alice }).ToString();
        Assert.DoesNotContain("long secret", options);
        Assert.DoesNotContain(Convert.ToHexString(Alice.Secret.Span), options);
    }

    [Theory]
    [InlineData("", 12)]
    [InlineData("a", 0)]
    [InlineData("a", 256)]
    [InlineData("a\0b", 12)]
    public void Names_and_secrets_are_bounded(string name, int secretBytes) =>
        Assert.ThrowsAny<ArgumentException>(() => new ChapCredentials(name, new byte[secretBytes]));

    [Theory]
    [InlineData("AuthMethod=CHAP|TargetPortalGroupTag=1", "CHAP_A=5|CHAP_I=1", LoginFault.AuthenticationSequence)]
    [InlineData("AuthMethod=CHAP", "CHAP_A=5|CHAP_I=256|CHAP_C=0x0102", LoginFault.BadValue)]
    [InlineData("AuthMethod=CHAP", "CHAP_A=5|CHAP_I=1|CHAP_C=12", LoginFault.BadValue)]
    [InlineData("AuthMethod=CHAP", "CHAP_A=99|CHAP_I=1|CHAP_C=0x0102", LoginFault.AuthenticationAlgorithm)]
    [InlineData("AuthMethod=CHAP", "CHAP_A=Reject", LoginFault.AuthenticationAlgorithm)]
    [InlineData("AuthMethod=CHAP", "CHAP_N=disk|CHAP_R=0x00", LoginFault.AuthenticationSequence)]
    [InlineData("AuthMethod=SRP", "", LoginFault.BadAnswer)]
    [InlineData("AuthMethod=CHAP|CHAP_A=5|CHAP_I=1|CHAP_C=0x01", "", LoginFault.AuthenticationSequence)]
    public void A_target_that_breaks_the_order_is_left(string first, string second, LoginFault fault)
    {
        var machine = new InitiatorLoginMachine(LoginPair.Options() with { Chap = Alice }, new byte[LoginLimits.TextBufferBytes]);
        var buffer = new byte[8192];
        var response = new LoginResponseFields { Isid = LoginPair.Options().Isid };
        machine.Start(buffer);
        var step = machine.Receive(response, RawInitiator.Text(first), buffer);
        if (step.Action == InitiatorLoginAction.Send) step = machine.Receive(response, RawInitiator.Text(second), buffer);
        Assert.Equal((InitiatorLoginAction.Failed, fault), (step.Action, step.Fault));
    }

    [Fact]
    public void A_target_that_skips_its_own_proof_is_left()
    {
        var machine = new InitiatorLoginMachine(LoginPair.Options() with { Chap = Alice, MutualChap = Disk }, new byte[LoginLimits.TextBufferBytes]);
        var buffer = new byte[8192];
        var response = new LoginResponseFields { Isid = LoginPair.Options().Isid };
        machine.Start(buffer);
        machine.Receive(response, RawInitiator.Text("AuthMethod=CHAP"), buffer);
        var step = machine.Receive(response, RawInitiator.Text("CHAP_A=7|CHAP_I=1|CHAP_C=0x0102"), buffer);
        Assert.True(step.Request.IsTransit);
        step = machine.Receive(response with { IsTransit = true, NextStage = LoginStage.LoginOperationalNegotiation }, [], buffer);
        Assert.Equal((InitiatorLoginAction.Failed, LoginFault.AuthenticationRequired), (step.Action, step.Fault));
    }

    private static LoginPair Pair(InitiatorLoginOptions options, ChapRequirement? requirement) =>
        new(options, new TestPolicy { Decision = LoginDecision.Accept(1, new(), requirement) });

    private static RawInitiator Raw(ChapRequirement requirement, LoginStage? next = null)
    {
        var raw = new RawInitiator(new TestPolicy { Decision = LoginDecision.Accept(1, new(), requirement) });
        raw.Send(LoginStage.SecurityNegotiation, next, RawInitiator.Names + "|AuthMethod=CHAP,None");
        Assert.Equal("CHAP", raw.Answer("AuthMethod"));
        return raw;
    }

    private static (RawInitiator Raw, string Response) Respond(ChapRequirement requirement) => Respond(requirement, out _);

    private static (RawInitiator Raw, string Response) Respond(ChapRequirement requirement, out byte[] challenge)
    {
        var raw = Raw(requirement);
        raw.Send(LoginStage.SecurityNegotiation, null, "CHAP_A=5");
        challenge = Convert.FromHexString(raw.Answer("CHAP_C")![2..]);
        byte[] input = [byte.Parse(raw.Answer("CHAP_I")!), .. Alice.Secret.Span, .. challenge];
        return (raw, $"CHAP_N=alice|CHAP_R=0x{Convert.ToHexString(MD5.HashData(input))}");
    }
}

namespace Iscsi.Protocol.Tests.Login;

/// <summary>Both machines against each other.</summary>
public class LoginPairTests
{
    public static TheoryData<bool, bool, bool> Stages() => new()
    {
        { false, false, false }, { false, false, true }, { false, true, false }, { false, true, true },
        { true, false, false }, { true, false, true }, { true, true, false }, { true, true, true },
    };

    [Theory]
    [MemberData(nameof(Stages))]
    public void Every_combination_of_stages_ends_in_full_feature_phase(bool skipSecurity, bool skipOperational, bool isDiscovery)
    {
        var pair = new LoginPair(LoginPair.Options() with
        {
            SkipSecurityStage = skipSecurity,
            SkipOperationalStage = skipOperational,
            TargetName = isDiscovery ? null : LoginPair.TargetName,
        });
        // Silence in the operational stage makes the target offer its bounds first, so one more exchange may follow.
        Assert.Equal(InitiatorLoginAction.Complete, pair.Run().Action);
        Assert.Equal((LoginStage.FullFeaturePhase, LoginStage.FullFeaturePhase), (pair.Initiator.Stage, pair.Target.Stage));
        Assert.Equal(0x1234, pair.Initiator.Tsih);
        Assert.Equal(isDiscovery ? null : (ushort)1, pair.Initiator.TargetPortalGroupTag);
        var identity = Assert.Single(pair.Policy.Identified);
        Assert.Equal(isDiscovery ? SessionType.Discovery : SessionType.Normal, identity.SessionType);
        Assert.Equal((LoginPair.InitiatorName, isDiscovery ? null : LoginPair.TargetName, 0x00023D000001ul),
            (identity.InitiatorName, identity.TargetName, identity.Isid));
        Assert.Same(pair.Target.Parameters, Assert.Single(pair.Policy.Admitted));
        Assert.Equal(pair.Target.Parameters!.FirstBurstLength, pair.Initiator.Parameters!.FirstBurstLength);
    }

    [Fact]
    public void From_security_to_full_feature_phase_the_defaults_of_the_standard_hold()
    {
        var pair = new LoginPair(LoginPair.Options() with { SkipOperationalStage = true });
        pair.Run();
        Assert.Equal(NegotiatedParameters.Default, pair.Target.Parameters);
        Assert.Equal(NegotiatedParameters.Default, pair.Initiator.Parameters);
        Assert.Equal(8192, pair.Policy.Admitted[0].OwnMaxRecvDataSegmentLength);
        Assert.Single(pair.Exchanges);
    }

    [Fact]
    public void A_demanded_digest_is_not_lost_where_operational_negotiation_is_skipped()
    {
        var demand = new OperationalOffer { DataDigest = DigestOffer.Crc32C };
        var pair = new LoginPair(
            LoginPair.Options() with { SkipOperationalStage = true }, new TestPolicy { Decision = LoginDecision.Accept(1, demand) });
        Assert.Equal(InitiatorLoginAction.Refused, pair.Run().Action);
        Assert.Equal((LoginFault.UnansweredOffer, "DataDigest"), (pair.LastTargetStep.Fault, pair.Target.FaultDetail));
        Assert.Empty(pair.Policy.Admitted);

        pair = new LoginPair(LoginPair.Options() with { SkipOperationalStage = true, Offer = demand });
        var step = pair.Run();
        Assert.Equal((InitiatorLoginAction.Failed, LoginFault.UnansweredOffer), (step.Action, step.Fault));
    }

    [Fact]
    public void A_target_originates_FirstBurstLength_where_the_initiator_is_silent()
    {
        var pair = new LoginPair(LoginPair.Options() with { SkipSecurityStage = true, SkipOperationalStage = true });
        pair.Run();
        Assert.Contains("FirstBurstLength=8192", pair.Exchanges[0].ResponseText);
        Assert.False(pair.Exchanges[0].Response.IsTransit);
        Assert.Contains("FirstBurstLength=8192", pair.Exchanges[1].RequestText);
        Assert.Equal((8192, 8192), (pair.Target.Parameters!.FirstBurstLength, pair.Initiator.Parameters!.FirstBurstLength));
    }

    [Fact]
    public void A_usual_login_takes_two_exchanges()
    {
        var pair = new LoginPair(LoginPair.Options());
        pair.Run();
        Assert.Equal(2, pair.Exchanges.Count);
        Assert.All(pair.Exchanges, exchange => Assert.True(exchange.Request.IsTransit && exchange.Response.IsTransit));
        Assert.Equal((0, 0x1234), (pair.Exchanges[0].Response.Tsih, pair.Exchanges[1].Response.Tsih));
    }

    [Theory]
    [InlineData(7)]
    [InlineData(16)]
    [InlineData(31)]
    [InlineData(64)]
    [InlineData(100)]
    [InlineData(512)]
    [InlineData(8192)]
    public void Text_may_be_cut_into_PDUs_of_any_size_in_both_directions(int size)
    {
        foreach (var (requestBytes, responseBytes) in new[] { (size, 8192), (8192, size), (size, size) })
        {
            var policy = new TestPolicy { Decision = LoginDecision.Accept(7, new OperationalOffer { FirstBurstLength = 4096 }, targetAlias: "a disk") };
            var pair = new LoginPair(LoginPair.Options() with { InitiatorAlias = "a host" }, policy);
            var step = pair.Run(requestBytes, responseBytes);
            Assert.Equal((InitiatorLoginAction.Complete, LoginFault.None), (step.Action, step.Fault));
            Assert.Equal((4096, "a disk", (ushort?)7), (pair.Initiator.Parameters!.FirstBurstLength, pair.Initiator.TargetAlias, pair.Initiator.TargetPortalGroupTag));
            Assert.Equal("a host", pair.Policy.Identified[0].InitiatorAlias);
            foreach (var exchange in pair.Exchanges)
            {
                Assert.False(exchange.Request.IsTransit && exchange.Request.IsContinued);
                Assert.False(exchange.Response.IsTransit && exchange.Response.IsContinued);
                if (exchange.Request.IsContinued) Assert.Empty(exchange.ResponseText);
            }
        }
    }

    [Fact]
    public void A_small_declared_MaxRecvDataSegmentLength_cuts_the_answers_to_it()
    {
        var policy = new TestPolicy { Decision = LoginDecision.Accept(1, new OperationalOffer(), targetAlias: new string('a', 255)) };
        var pair = new LoginPair(
            LoginPair.Options() with { SkipSecurityStage = true, Offer = new OperationalOffer { MaxRecvDataSegmentLength = 512 } }, policy);
        Assert.Equal(InitiatorLoginAction.Complete, pair.Run().Action);
        Assert.Contains(pair.Exchanges, exchange => exchange.Response.IsContinued);
        Assert.All(pair.Exchanges, exchange => Assert.InRange(exchange.Response.DataSegmentLength, 0, 512));
    }

    [Theory]
    [InlineData(false, LoginStatus.TargetMovedTemporarily)]
    [InlineData(true, LoginStatus.TargetMovedPermanently)]
    public void A_redirection_carries_its_address(bool permanently, LoginStatus status)
    {
        var pair = new LoginPair(LoginPair.Options(), new TestPolicy { Decision = LoginDecision.Redirect("[2001:db8::7]:3261,2", permanently) });
        Assert.Equal(InitiatorLoginAction.Redirected, pair.Run().Action);
        Assert.Equal((status, "[2001:db8::7]:3261,2"), (pair.Initiator.Status, pair.Initiator.RedirectAddress));
        Assert.Equal((LoginAction.RespondAndClose, LoginFault.Redirected), (pair.LastTargetStep.Action, pair.LastTargetStep.Fault));
    }

    public static TheoryData<LoginStatus> Refusals() =>
        new(Enum.GetValues<LoginStatus>().Where(status => status.StatusClass() is 2 or 3));

    [Theory]
    [MemberData(nameof(Refusals))]
    public void Every_status_the_policy_refuses_with_reaches_the_initiator(LoginStatus status)
    {
        var pair = new LoginPair(LoginPair.Options(), new TestPolicy { Decision = LoginDecision.Refuse(status) });
        Assert.Equal(InitiatorLoginAction.Refused, pair.Run().Action);
        Assert.Equal((status, status), (pair.Initiator.Status, pair.Target.Status));
        Assert.Single(pair.Exchanges);
        Assert.Empty(pair.Policy.Admitted);
    }

    [Theory]
    [MemberData(nameof(Refusals))]
    public void Every_status_of_the_admission_reaches_the_initiator_in_the_last_response(LoginStatus status)
    {
        var pair = new LoginPair(LoginPair.Options(), new TestPolicy { Admission = status });
        Assert.Equal(InitiatorLoginAction.Refused, pair.Run().Action);
        Assert.Equal(status, pair.Initiator.Status);
        Assert.Equal((2, 0), (pair.Exchanges.Count, pair.Exchanges[1].Response.DataSegmentLength));
        Assert.False(pair.Exchanges[1].Response.IsTransit);
        Assert.Null(pair.Target.Parameters);
    }

    [Fact]
    public void A_login_that_joins_a_session_gets_its_handle_back()
    {
        var pair = new LoginPair(LoginPair.Options() with { Tsih = 0x77, Cid = 2 }, new TestPolicy { Tsih = 0x77 });
        Assert.Equal(InitiatorLoginAction.Complete, pair.Run().Action);
        Assert.Equal((0x77, 0x77, 2), (pair.Initiator.Tsih, pair.Policy.Identified[0].Tsih, pair.Policy.Identified[0].Cid));
        Assert.All(pair.Exchanges, exchange => Assert.Equal(0x77, exchange.Response.Tsih));
    }

    [Fact]
    public void Every_status_has_its_words_and_its_bytes()
    {
        foreach (var status in Enum.GetValues<LoginStatus>())
        {
            Assert.Equal(status, LoginStatusExtensions.FromBytes(status.StatusClass(), status.StatusDetail()));
            Assert.DoesNotContain("unknown", status.ToText());
            Assert.Equal(status.StatusClass() == 3, status.MayBeRetried());
        }
        Assert.Equal("initiator error, unknown detail 0Ch", ((LoginStatus)0x020C).ToText());
    }
}

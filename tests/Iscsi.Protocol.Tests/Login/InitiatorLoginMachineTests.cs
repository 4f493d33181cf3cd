using System.Text;

namespace Iscsi.Protocol.Tests.Login;

/// <summary>An initiator against targets that are written out by hand.</summary>
public class InitiatorLoginMachineTests
{
    private readonly byte[] _requestText = new byte[8192];

    [Fact]
    public void The_first_request_introduces_the_initiator()
    {
        var machine = Machine(LoginPair.Options() with { InitiatorAlias = "me" });
        var step = machine.Start(_requestText);
        Assert.Equal(
            $"InitiatorName={LoginPair.InitiatorName}|InitiatorAlias=me|TargetName={LoginPair.TargetName}|SessionType=Normal|AuthMethod=None|",
            Text(step));
        Assert.Equal((true, LoginStage.SecurityNegotiation, LoginStage.LoginOperationalNegotiation, 0x00023D000001ul),
            (step.Request.IsTransit, step.Request.CurrentStage, step.Request.NextStage, step.Request.Isid));
    }

    [Fact]
    public void Only_keys_that_matter_are_offered_in_discovery()
    {
        var machine = Machine(LoginPair.Options() with { TargetName = null, SkipSecurityStage = true });
        Assert.Equal(
            $"InitiatorName={LoginPair.InitiatorName}|SessionType=Discovery|HeaderDigest=None,CRC32C|DataDigest=None,CRC32C|" +
            "DefaultTime2Wait=2|DefaultTime2Retain=20|ErrorRecoveryLevel=0|MaxRecvDataSegmentLength=65536|",
            Text(machine.Start(_requestText)));
    }

    [Theory]
    [InlineData("MaxBurstLength=262145", LoginFault.BadAnswer)]
    [InlineData("MaxBurstLength=511", LoginFault.BadAnswer)]
    [InlineData("MaxBurstLength=x", LoginFault.BadValue)]
    [InlineData("MaxBurstLength=512|MaxBurstLength=512", LoginFault.DuplicateKey)]
    [InlineData("MaxConnections=2", LoginFault.BadAnswer)]
    [InlineData("InitialR2T=No", LoginFault.BadAnswer)]
    [InlineData("DefaultTime2Wait=1", LoginFault.BadAnswer)]
    [InlineData("HeaderDigest=CRC64", LoginFault.BadAnswer)]
    [InlineData("HeaderDigest=None,CRC32C", LoginFault.BadAnswer)]
    [InlineData("FirstBurstLength=Reject", LoginFault.NoAcceptableValue)]
    [InlineData("MaxRecvDataSegmentLength=1", LoginFault.BadValue)]
    [InlineData("CHAP_A=5", LoginFault.KeyNotAllowed)]
    [InlineData("AuthMethod=None", LoginFault.KeyNotAllowed)]
    [InlineData("junk", LoginFault.Text)]
    public void An_answer_the_rule_does_not_allow_fails_the_login(string text, LoginFault fault)
    {
        var step = Operational(text);
        Assert.Equal((InitiatorLoginAction.Failed, fault), (step.Action, step.Fault));
    }

    [Theory]
    [InlineData("MaxBurstLength=65536", 65536, 8192)]
    [InlineData("MaxBurstLength=4096|FirstBurstLength=4096", 4096, 4096)]
    [InlineData("MaxBurstLength=Irrelevant", 262144, 8192)]
    [InlineData("", 262144, 8192)]
    [InlineData("X-vendor=1|TargetAlias=t|TargetPortalGroupTag=3|IFMarker=NotUnderstood", 262144, 8192)]
    public void Answers_and_silence_settle_the_offers(string text, int maxBurst, int firstBurst)
    {
        Assert.Equal(InitiatorLoginAction.Complete, Operational(text, out var machine).Action);
        Assert.Equal((maxBurst, firstBurst), (machine.Parameters!.MaxBurstLength, machine.Parameters.FirstBurstLength));
    }

    [Fact]
    public void Offers_of_the_target_are_answered()
    {
        var machine = Machine(LoginPair.Options() with { SkipSecurityStage = true });
        machine.Start(_requestText);
        var step = machine.Receive(Response() with { IsTransit = false }, RawInitiator.Text("TaskReporting=FastAbort,RFC3720|X-vendor=1"), _requestText);
        Assert.Equal((InitiatorLoginAction.Send, "X-vendor=NotUnderstood|TaskReporting=RFC3720|", true), (step.Action, Text(step), step.Request.IsTransit));
    }

    [Fact]
    public void A_response_that_is_no_answer_to_the_request_fails_the_login()
    {
        foreach (var (change, fault) in new (Func<LoginResponseFields, LoginResponseFields>, LoginFault)[]
        {
            (r => r with { InitiatorTaskTag = 1 }, LoginFault.HeaderChanged),
            (r => r with { Isid = 1 }, LoginFault.HeaderChanged),
            (r => r with { VersionActive = 1 }, LoginFault.Version),
            (r => r with { CurrentStage = LoginStage.SecurityNegotiation }, LoginFault.BadStage),
            (r => r with { NextStage = LoginStage.LoginOperationalNegotiation }, LoginFault.BadStage),
            (r => r with { NextStage = (LoginStage)2 }, LoginFault.BadStage),
            (r => r with { IsContinued = true }, LoginFault.TransitWithContinue),
            (r => r with { Tsih = 0 }, LoginFault.BadResponse),
        })
        {
            var machine = Machine(LoginPair.Options() with { SkipSecurityStage = true });
            machine.Start(_requestText);
            var step = machine.Receive(change(Response()), [], _requestText);
            Assert.Equal((InitiatorLoginAction.Failed, fault), (step.Action, step.Fault));
        }
    }

    [Fact]
    public void T_without_having_been_asked_for_fails_the_login()
    {
        var machine = Machine(LoginPair.Options() with { Chap = new("u", "a long secret"u8.ToArray()) });
        Assert.False(machine.Start(_requestText).Request.IsTransit);
        var step = machine.Receive(
            Response() with { CurrentStage = LoginStage.SecurityNegotiation, NextStage = LoginStage.LoginOperationalNegotiation }, [], _requestText);
        Assert.Equal((InitiatorLoginAction.Failed, LoginFault.BadStage), (step.Action, step.Fault));
    }

    [Fact]
    public void A_redirection_without_an_address_fails_the_login()
    {
        var machine = Machine(LoginPair.Options());
        machine.Start(_requestText);
        var step = machine.Receive(Response() with { StatusClass = 1, StatusDetail = 1 }, [], _requestText);
        Assert.Equal((InitiatorLoginAction.Failed, LoginFault.BadResponse), (step.Action, step.Fault));
    }

    [Fact]
    public void A_status_that_is_not_known_refuses_by_its_class()
    {
        var machine = Machine(LoginPair.Options());
        machine.Start(_requestText);
        var step = machine.Receive(Response() with { StatusClass = 3, StatusDetail = 0x55 }, [], _requestText);
        Assert.Equal((InitiatorLoginAction.Refused, true), (step.Action, machine.Status.MayBeRetried()));
    }

    [Fact]
    public void A_target_that_never_ends_the_stage_is_left()
    {
        var machine = Machine(LoginPair.Options() with { SkipSecurityStage = true });
        var step = machine.Start(_requestText);
        var count = 0;
        for (; step.Action == InitiatorLoginAction.Send; count++) step = machine.Receive(Response() with { IsTransit = false }, [], _requestText);
        Assert.Equal((LoginFault.TooManyPdus, LoginLimits.MaxPdus + 1), (step.Fault, count));
    }

    [Fact]
    public void A_target_that_never_ends_its_text_is_left()
    {
        var machine = Machine(LoginPair.Options() with { SkipSecurityStage = true });
        var step = machine.Start(_requestText);
        var text = new byte[8192];
        text.AsSpan().Fill((byte)'a');
        for (var i = 0; i < 3 && step.Action == InitiatorLoginAction.Send; i++)
            step = machine.Receive(Response() with { IsTransit = false, IsContinued = true }, text, _requestText);
        Assert.Equal((InitiatorLoginAction.Failed, LoginFault.TooMuchText), (step.Action, step.Fault));
    }

    [Fact]
    public void Options_that_contradict_are_faults_of_the_caller()
    {
        var secret = new ChapCredentials("a", "0123456789ab"u8.ToArray());
        foreach (var options in new[]
        {
            LoginPair.Options() with { InitiatorName = "" },
            LoginPair.Options() with { InitiatorName = new string('x', 224) },
            LoginPair.Options() with { TargetName = "a\0b" },
            LoginPair.Options() with { Isid = 1UL << 48 },
            LoginPair.Options() with { MutualChap = secret },
            LoginPair.Options() with { Chap = secret, MutualChap = new("b", secret.Secret) },
            LoginPair.Options() with { Chap = secret, ChapOptions = new() { Algorithms = [] } },
            LoginPair.Options() with { Offer = new() { MaxBurstLength = 511 } },
        })
        {
            Assert.ThrowsAny<ArgumentException>(() => Machine(options));
        }
    }

    private static InitiatorLoginMachine Machine(InitiatorLoginOptions options) => new(options, new byte[LoginLimits.TextBufferBytes]);

    private static LoginResponseFields Response() => new()
    {
        IsTransit = true, CurrentStage = LoginStage.LoginOperationalNegotiation, NextStage = LoginStage.FullFeaturePhase,
        Isid = 0x00023D000001, Tsih = 5,
    };

    private InitiatorLoginStep Operational(string text) => Operational(text, out _);

    private InitiatorLoginStep Operational(string text, out InitiatorLoginMachine machine)
    {
        machine = Machine(LoginPair.Options() with { SkipSecurityStage = true });
        machine.Start(_requestText);
        return machine.Receive(Response(), RawInitiator.Text(text), _requestText);
    }

    private string Text(InitiatorLoginStep step) => Encoding.UTF8.GetString(_requestText, 0, step.Request.DataSegmentLength).Replace('\0', '|');
}

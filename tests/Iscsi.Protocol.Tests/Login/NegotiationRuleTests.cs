namespace Iscsi.Protocol.Tests.Login;

/// <summary>Each key's rule against a naive reference, both ways round.</summary>
public class NegotiationRuleTests
{
    private static readonly int[] Lengths = [512, 8192, 65536, 262144, 16777215];

    public static TheoryData<string, int[], Func<OperationalOffer, int, OperationalOffer>, Func<NegotiatedParameters, int>, Func<int, int, int>> Numbers() => new()
    {
        { "MaxConnections", [1, 2, 7, 65535], (o, v) => o with { MaxConnections = v }, p => p.MaxConnections, Math.Min },
        { "MaxBurstLength", Lengths, (o, v) => o with { MaxBurstLength = v, FirstBurstLength = 512 }, p => p.MaxBurstLength, Math.Min },
        { "FirstBurstLength", Lengths, (o, v) => o with { FirstBurstLength = v, MaxBurstLength = 16777215 }, p => p.FirstBurstLength, Math.Min },
        { "DefaultTime2Wait", [0, 2, 20, 3600], (o, v) => o with { DefaultTime2WaitSeconds = v }, p => p.DefaultTime2WaitSeconds, Math.Max },
        { "DefaultTime2Retain", [0, 2, 20, 3600], (o, v) => o with { DefaultTime2RetainSeconds = v }, p => p.DefaultTime2RetainSeconds, Math.Min },
        { "MaxOutstandingR2T", [1, 8, 65535], (o, v) => o with { MaxOutstandingR2T = v }, p => p.MaxOutstandingR2T, Math.Min },
        { "ErrorRecoveryLevel", [0, 1, 2], (o, v) => o with { ErrorRecoveryLevel = v }, p => p.ErrorRecoveryLevel, Math.Min },
        { "iSCSIProtocolLevel", [0, 1, 2, 31], (o, v) => o with { IscsiProtocolLevel = v }, p => p.IscsiProtocolLevel, Math.Min },
    };

    [Theory]
    [MemberData(nameof(Numbers))]
    public void Both_sides_of_a_number_agree_on_what_the_rule_says(
        string key, int[] values, Func<OperationalOffer, int, OperationalOffer> set, Func<NegotiatedParameters, int> get, Func<int, int, int> rule)
    {
        foreach (var initiator in values)
        {
            foreach (var target in values)
            {
                var (initiatorResult, targetResult) = Negotiate(set(new(), initiator), set(new(), target));
                // Level 1 is the default and is not offered: the target's limit below it does not come into play.
                var expected = key == "iSCSIProtocolLevel" && initiator == 1 ? 1 : rule(initiator, target);
                Assert.Equal((key, expected, expected), (key, get(initiatorResult), get(targetResult)));
            }
        }
    }

    [Theory]
    [InlineData("InitialR2T", true)]
    [InlineData("ImmediateData", false)]
    [InlineData("DataPDUInOrder", true)]
    [InlineData("DataSequenceInOrder", true)]
    public void Both_sides_of_a_boolean_agree_on_what_the_rule_says(string key, bool isOr)
    {
        foreach (var initiator in new[] { false, true })
        {
            foreach (var target in new[] { false, true })
            {
                var (initiatorResult, targetResult) = Negotiate(Set(key, initiator), Set(key, target));
                var expected = isOr ? initiator || target : initiator && target;
                Assert.Equal((expected, expected), (Get(key, initiatorResult), Get(key, targetResult)));
            }
        }

        static OperationalOffer Set(string key, bool value) => key switch
        {
            "InitialR2T" => new() { InitialR2T = value },
            "ImmediateData" => new() { ImmediateData = value },
            "DataPDUInOrder" => new() { DataPduInOrder = value },
            _ => new() { DataSequenceInOrder = value },
        };
        static bool Get(string key, NegotiatedParameters result) => key switch
        {
            "InitialR2T" => result.InitialR2T,
            "ImmediateData" => result.ImmediateData,
            "DataPDUInOrder" => result.DataPduInOrder,
            _ => result.DataSequenceInOrder,
        };
    }

    [Fact]
    public void A_digest_is_the_first_of_the_initiators_list_that_the_target_allows()
    {
        foreach (var initiator in Enum.GetValues<DigestOffer>())
        {
            foreach (var target in Enum.GetValues<DigestOffer>())
            {
                var expected = List(initiator).Cast<bool?>().FirstOrDefault(choice => List(target).Contains(choice!.Value));
                var pair = Pair(new() { HeaderDigest = initiator }, new() { HeaderDigest = target });
                var step = pair.Run();
                if (expected is null)
                {
                    Assert.Equal(InitiatorLoginAction.Refused, step.Action);
                    Assert.Equal(LoginStatus.InitiatorError, pair.Initiator.Status);
                    Assert.Equal((LoginFault.NoAcceptableValue, "HeaderDigest"), (pair.LastTargetStep.Fault, pair.Target.FaultDetail));
                    Assert.Equal("HeaderDigest=Reject\0", pair.Exchanges[^1].ResponseText);
                    continue;
                }
                Assert.Equal((expected, expected), (pair.Initiator.Parameters!.HeaderDigestCrc32C, pair.Target.Parameters!.HeaderDigestCrc32C));
                Assert.False(pair.Target.Parameters.DataDigestCrc32C);
            }
        }

        static bool[] List(DigestOffer offer) => offer switch
        {
            DigestOffer.None => [false],
            DigestOffer.NoneThenCrc32C => [false, true],
            DigestOffer.Crc32CThenNone => [true, false],
            _ => [true],
        };
    }

    [Fact]
    public void MaxRecvDataSegmentLength_is_declared_by_each_side_and_not_negotiated()
    {
        var (initiator, target) = Negotiate(new() { MaxRecvDataSegmentLength = 262144 }, new() { MaxRecvDataSegmentLength = 512 });
        Assert.Equal((262144, 512), (initiator.OwnMaxRecvDataSegmentLength, initiator.PeerMaxRecvDataSegmentLength));
        Assert.Equal((512, 262144), (target.OwnMaxRecvDataSegmentLength, target.PeerMaxRecvDataSegmentLength));
    }

    [Fact]
    public void FirstBurstLength_never_exceeds_MaxBurstLength()
    {
        var (initiator, target) = Negotiate(
            new() { FirstBurstLength = 65536, MaxBurstLength = 65536 }, new() { FirstBurstLength = 32768, MaxBurstLength = 16384 });
        Assert.Equal((16384, 16384), (initiator.FirstBurstLength, target.FirstBurstLength));
    }

    [Theory]
    [InlineData("MaxConnections=65536", "MaxConnections", "1")]
    [InlineData("MaxBurstLength=16777216", "MaxBurstLength", "262144")]
    [InlineData("MaxBurstLength=0x20000", "MaxBurstLength", "131072")]
    [InlineData("DefaultTime2Retain=3601", "DefaultTime2Retain", "20")]
    [InlineData("HeaderDigest=X-new,None", "HeaderDigest", "None")]
    [InlineData("IFMarker=No", "IFMarker", "No")]
    [InlineData("IFMarker=Yes", "IFMarker", "No")]
    [InlineData("OFMarkInt=2048~65535", "OFMarkInt", "Reject")]
    [InlineData("SendTargets=All", "SendTargets", "Reject")]
    [InlineData("X-com.example.thing=5", "X-com.example.thing", "NotUnderstood")]
    [InlineData("RDMAExtensions=Yes", "RDMAExtensions", "NotUnderstood")]
    [InlineData("TaskReporting=FastAbort,RFC3720", "TaskReporting", "RFC3720")]
    [InlineData("iSCSIProtocolLevel=2", "iSCSIProtocolLevel", "1")]
    [InlineData("MaxRecvDataSegmentLength=4096", "MaxRecvDataSegmentLength", "65536")]
    [InlineData("InitiatorAlias=x", "InitiatorAlias", null)]
    [InlineData("X-com.example.thing=NotUnderstood", "X-com.example.thing", null)]
    [InlineData("TargetAlias=NotUnderstood", "TargetAlias", null)]
    [InlineData("X-NodeArchitecture=linux", "X-NodeArchitecture", null)]
    public void An_offer_has_the_answer_of_section_6_2(string offer, string key, string? answer)
    {
        var raw = new RawInitiator();
        raw.Send(LoginStage.LoginOperationalNegotiation, null, RawInitiator.Names + "|" + offer);
        Assert.Equal(LoginAction.Respond, raw.Last.Action);
        Assert.Equal(answer, raw.Answer(key));
    }

    [Theory]
    [InlineData("MaxBurstLength=511", LoginFault.NoAcceptableValue)]
    [InlineData("MaxConnections=0", LoginFault.NoAcceptableValue)]
    [InlineData("DefaultTime2Wait=3601", LoginFault.NoAcceptableValue)]
    [InlineData("HeaderDigest=CRC64", LoginFault.NoAcceptableValue)]
    [InlineData("HeaderDigest=", LoginFault.BadValue)]
    [InlineData("MaxBurstLength=big", LoginFault.BadValue)]
    [InlineData("InitialR2T=maybe", LoginFault.BadValue)]
    [InlineData("MaxRecvDataSegmentLength=511", LoginFault.BadValue)]
    [InlineData("MaxBurstLength=512|MaxBurstLength=512", LoginFault.DuplicateKey)]
    [InlineData("MaxRecvDataSegmentLength=512|MaxRecvDataSegmentLength=512", LoginFault.DuplicateKey)]
    [InlineData("InitiatorAlias=a|InitiatorAlias=b", LoginFault.DuplicateKey)]
    [InlineData("SessionType=Normal", LoginFault.DuplicateKey)]
    [InlineData("TargetAddress=1.2.3.4", LoginFault.KeyNotAllowed)]
    [InlineData("TargetPortalGroupTag=1", LoginFault.KeyNotAllowed)]
    [InlineData("AuthMethod=None", LoginFault.KeyNotAllowed)]
    [InlineData("CHAP_A=5", LoginFault.KeyNotAllowed)]
    [InlineData("nonsense", LoginFault.Text)]
    public void What_cannot_be_negotiated_ends_the_login_with_initiator_error(string text, LoginFault fault)
    {
        var raw = new RawInitiator();
        raw.Send(LoginStage.LoginOperationalNegotiation, LoginStage.FullFeaturePhase, RawInitiator.Names + "|" + text);
        Assert.Equal((LoginAction.RespondAndClose, fault, LoginStatus.InitiatorError), (raw.Last.Action, raw.Last.Fault, raw.LastStatus));
        Assert.NotNull(raw.Target.FaultDetail);
        Assert.Empty(raw.Policy.Admitted);
    }

    [Theory]
    [InlineData("MaxConnections=8")]
    [InlineData("InitialR2T=No")]
    [InlineData("ImmediateData=No")]
    [InlineData("MaxBurstLength=junk")]
    [InlineData("FirstBurstLength=1024")]
    [InlineData("MaxOutstandingR2T=3")]
    [InlineData("DataPDUInOrder=No")]
    [InlineData("DataSequenceInOrder=No")]
    [InlineData("TaskReporting=FastAbort")]
    [InlineData("iSCSIProtocolLevel=2")]
    public void Keys_of_normal_sessions_are_irrelevant_in_discovery(string offer)
    {
        var raw = new RawInitiator();
        raw.Send(LoginStage.LoginOperationalNegotiation, LoginStage.FullFeaturePhase, $"InitiatorName={LoginPair.InitiatorName}|SessionType=Discovery|{offer}");
        Assert.Equal(LoginAction.RespondAndComplete, raw.Last.Action);
        Assert.Equal("Irrelevant", raw.Answer(offer[..offer.IndexOf('=')]));
        Assert.Equal(
            NegotiatedParameters.Default with { SessionType = SessionType.Discovery, OwnMaxRecvDataSegmentLength = 65536 }, raw.Target.Parameters);
    }

    [Fact]
    public void Leading_only_keys_are_irrelevant_on_a_connection_that_joins_a_session_and_its_parameters_stay()
    {
        var session = NegotiatedParameters.Default with { MaxBurstLength = 1048576, InitialR2T = false, MaxConnections = 4 };
        var policy = new TestPolicy { Decision = LoginDecision.Accept(1, new(), sessionParameters: session), Tsih = 9 };
        var raw = new RawInitiator(policy);
        raw.Fields = raw.Fields with { Tsih = 9 };
        raw.Send(LoginStage.LoginOperationalNegotiation, LoginStage.FullFeaturePhase, RawInitiator.Names + "|MaxBurstLength=512|HeaderDigest=CRC32C");
        Assert.Equal(("Irrelevant", "CRC32C"), (raw.Answer("MaxBurstLength"), raw.Answer("HeaderDigest")));
        Assert.Equal((1048576, false, 4, true), (raw.Target.Parameters!.MaxBurstLength, raw.Target.Parameters.InitialR2T,
            raw.Target.Parameters.MaxConnections, raw.Target.Parameters.HeaderDigestCrc32C));
    }

    private static (NegotiatedParameters Initiator, NegotiatedParameters Target) Negotiate(OperationalOffer initiator, OperationalOffer target)
    {
        var pair = Pair(initiator, target);
        Assert.Equal(InitiatorLoginAction.Complete, pair.Run().Action);
        var mirrored = pair.Target.Parameters! with
        {
            OwnMaxRecvDataSegmentLength = pair.Target.Parameters.PeerMaxRecvDataSegmentLength,
            PeerMaxRecvDataSegmentLength = pair.Target.Parameters.OwnMaxRecvDataSegmentLength,
        };
        Assert.Equal(mirrored, pair.Initiator.Parameters);
        return (pair.Initiator.Parameters!, pair.Target.Parameters!);
    }

    private static LoginPair Pair(OperationalOffer initiator, OperationalOffer target) =>
        new(LoginPair.Options() with { Offer = initiator }, new TestPolicy { Decision = LoginDecision.Accept(1, target) });
}

namespace Iscsi.Protocol.Tests.Login;

public class TargetLoginMachineTests
{
    private const LoginStage Security = LoginStage.SecurityNegotiation;
    private const LoginStage Operational = LoginStage.LoginOperationalNegotiation;
    private const LoginStage FullFeature = LoginStage.FullFeaturePhase;

    [Theory]
    [InlineData("", LoginFault.MissingInitiatorName, LoginStatus.MissingParameter)]
    [InlineData("TargetName=iqn.x:y", LoginFault.MissingInitiatorName, LoginStatus.MissingParameter)]
    [InlineData("InitiatorName=iqn.x:i", LoginFault.MissingTargetName, LoginStatus.MissingParameter)]
    [InlineData("InitiatorName=iqn.x:i|SessionType=Normal", LoginFault.MissingTargetName, LoginStatus.MissingParameter)]
    [InlineData("InitiatorName=|SessionType=Discovery", LoginFault.BadName, LoginStatus.InitiatorError)]
    [InlineData("InitiatorName=a\u0001b|SessionType=Discovery", LoginFault.BadName, LoginStatus.InitiatorError)]
    [InlineData("InitiatorName=iqn.x:i|SessionType=Strange", LoginFault.BadSessionType, LoginStatus.SessionTypeNotSupported)]
    [InlineData("InitiatorName=iqn.x:i|InitiatorName=iqn.x:i|SessionType=Discovery", LoginFault.DuplicateKey, LoginStatus.InitiatorError)]
    public void The_first_request_names_both_sides(string text, LoginFault fault, LoginStatus status)
    {
        var raw = new RawInitiator();
        raw.Send(Security, Operational, text);
        Assert.Equal((LoginAction.RespondAndClose, fault, status), (raw.Last.Action, raw.Last.Fault, raw.LastStatus));
        Assert.Empty(raw.Policy.Identified);
    }

    [Fact]
    public void A_name_of_224_bytes_is_too_long()
    {
        var raw = new RawInitiator();
        raw.Send(Security, Operational, "InitiatorName=" + new string('x', 224) + "|SessionType=Discovery");
        Assert.Equal(LoginFault.BadValue, raw.Last.Fault);
    }

    [Theory]
    [InlineData(0, 0, LoginAction.Respond)]
    [InlineData(5, 0, LoginAction.Respond)]
    [InlineData(1, 1, LoginAction.RespondAndClose)]
    public void Version_0_must_be_in_the_range(byte max, byte min, LoginAction action)
    {
        var raw = new RawInitiator();
        raw.Fields = raw.Fields with { VersionMax = max, VersionMin = min };
        raw.Send(Security, Operational, RawInitiator.Names);
        Assert.Equal(action, raw.Last.Action);
        if (action == LoginAction.RespondAndClose) Assert.Equal(LoginStatus.UnsupportedVersion, raw.LastStatus);
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(0, 2)]
    [InlineData(1, 0)]
    [InlineData(1, 1)]
    [InlineData(1, 2)]
    [InlineData(2, 3)]
    [InlineData(3, 3)]
    public void Stages_go_forward_only(int current, int next)
    {
        var raw = new RawInitiator();
        raw.Send((LoginStage)current, (LoginStage)next, RawInitiator.Names);
        Assert.Equal((LoginFault.BadStage, LoginStatus.InitiatorError), (raw.Last.Fault, raw.LastStatus));
    }

    [Fact]
    public void A_request_of_another_stage_is_refused()
    {
        var raw = new RawInitiator();
        raw.Send(Security, Operational, RawInitiator.Names);
        Assert.True(raw.Last.Response.IsTransit);
        raw.Send(Security, Operational, "");
        Assert.Equal(LoginFault.BadStage, raw.Last.Fault);
    }

    [Fact]
    public void T_and_C_together_are_refused()
    {
        var raw = new RawInitiator();
        raw.SendRaw(raw.Fields with { IsTransit = true, IsContinued = true, NextStage = Operational }, RawInitiator.Text(RawInitiator.Names));
        Assert.Equal(LoginFault.TransitWithContinue, raw.Last.Fault);
    }

    [Fact]
    public void Header_fields_of_a_login_stay_the_same()
    {
        foreach (var change in new Func<LoginRequestFields, LoginRequestFields>[]
        {
            f => f with { Isid = 1 }, f => f with { Tsih = 1 }, f => f with { Cid = 99 }, f => f with { InitiatorTaskTag = 99 },
        })
        {
            var raw = new RawInitiator();
            raw.Send(Security, null, RawInitiator.Names);
            raw.SendRaw(change(raw.Fields), []);
            Assert.Equal((LoginFault.HeaderChanged, LoginStatus.InitiatorError), (raw.Last.Fault, raw.LastStatus));
        }
    }

    [Fact]
    public void A_response_copies_what_identifies_the_login()
    {
        var raw = new RawInitiator();
        var response = raw.Send(Security, Operational, RawInitiator.Names).Response;
        Assert.Equal((raw.Fields.Isid, raw.Fields.InitiatorTaskTag, (ushort)0, Security, Operational),
            (response.Isid, response.InitiatorTaskTag, response.Tsih, response.CurrentStage, response.NextStage));
        Assert.Equal((0, 0), (response.VersionMax, response.VersionActive));
    }

    [Fact]
    public void One_MiB_of_login_text_ends_with_initiator_error()
    {
        var raw = new RawInitiator();
        var sent = 0;
        do
        {
            raw.SendRaw(raw.Fields with { IsContinued = true }, new byte[8192].Select(_ => (byte)'a').ToArray());
            sent += 8192;
        }
        while (raw.Last.Action == LoginAction.Respond && sent < 1 << 20);
        Assert.Equal((LoginFault.TooMuchText, LoginStatus.InitiatorError), (raw.Last.Fault, raw.LastStatus));
        Assert.Equal(LoginLimits.MaxRequestTextBytes + 8192, sent);
    }

    [Fact]
    public void A_data_segment_above_8192_bytes_is_refused()
    {
        var raw = new RawInitiator();
        raw.SendRaw(raw.Fields, new byte[8193]);
        Assert.Equal(LoginFault.DataSegmentTooLong, raw.Last.Fault);
    }

    [Fact]
    public void A_login_that_never_ends_is_ended()
    {
        var raw = new RawInitiator();
        raw.Send(Security, null, RawInitiator.Names);
        var count = 1;
        for (; raw.Last.Action == LoginAction.Respond; count++) raw.Send(Security, null, "");
        Assert.Equal((LoginFault.TooManyPdus, LoginLimits.MaxPdus + 1), (raw.Last.Fault, count));
    }

    [Fact]
    public void Too_many_keys_are_refused_and_as_many_as_allowed_are_answered()
    {
        var raw = new RawInitiator();
        raw.Send(Operational, null, RawInitiator.Names + string.Concat(Enumerable.Range(0, LoginLimits.MaxKeys - 3).Select(i => $"|X-{i:D61}=1")));
        Assert.Equal(LoginAction.Respond, raw.Last.Action);
        raw = new RawInitiator();
        raw.Send(Operational, null, RawInitiator.Names + string.Concat(Enumerable.Range(0, LoginLimits.MaxKeys - 2).Select(i => $"|X-{i}=1")));
        Assert.Equal(LoginFault.TooManyKeys, raw.Last.Fault);
    }

    [Fact]
    public void TargetPortalGroupTag_is_in_the_first_response_of_a_normal_session_only()
    {
        var raw = new RawInitiator(new TestPolicy { Decision = LoginDecision.Accept(42, new()) });
        raw.Send(Security, Operational, RawInitiator.Names);
        Assert.Equal("42", raw.Answer("TargetPortalGroupTag"));
        raw.Send(Operational, FullFeature, "FirstBurstLength=8192");
        Assert.Null(raw.Answer("TargetPortalGroupTag"));

        raw = new RawInitiator();
        raw.Send(Security, Operational, $"InitiatorName={LoginPair.InitiatorName}|SessionType=Discovery");
        Assert.Null(raw.Answer("TargetPortalGroupTag"));
    }

    [Fact]
    public void Operational_keys_do_not_belong_into_the_security_stage()
    {
        var raw = new RawInitiator();
        raw.Send(Security, Operational, RawInitiator.Names + "|MaxBurstLength=262144");
        Assert.Equal((LoginFault.KeyNotAllowed, "MaxBurstLength"), (raw.Last.Fault, raw.Target.FaultDetail));
    }

    [Fact]
    public void Names_come_once()
    {
        var raw = new RawInitiator();
        raw.Send(Security, Operational, RawInitiator.Names);
        raw.Send(Operational, FullFeature, $"InitiatorName={LoginPair.InitiatorName}");
        Assert.Equal(LoginFault.DuplicateKey, raw.Last.Fault);
    }

    [Fact]
    public void A_key_of_an_earlier_request_may_not_be_negotiated_again()
    {
        var raw = new RawInitiator();
        raw.Send(Operational, null, RawInitiator.Names + "|MaxBurstLength=262144");
        raw.Send(Operational, FullFeature, "MaxBurstLength=262144");
        Assert.Equal((LoginFault.DuplicateKey, "MaxBurstLength"), (raw.Last.Fault, raw.Target.FaultDetail));
    }

    [Fact]
    public void While_an_answer_goes_out_in_parts_requests_are_empty()
    {
        var raw = new RawInitiator();
        var small = new byte[10];
        var fields = raw.Fields with { CurrentStage = Security };
        var step = raw.Target.Receive(fields, RawInitiator.Text(RawInitiator.Names), small);
        Assert.True(step.Response.IsContinued);
        step = raw.Target.Receive(fields, "X-a=1\0"u8, small);
        Assert.Equal(LoginFault.TextDuringContinuation, step.Fault);
    }

    [Fact]
    public void An_offer_of_ours_that_stays_open_leaves_the_default_for_the_policy_to_see()
    {
        var raw = new RawInitiator();
        raw.Send(Operational, FullFeature, RawInitiator.Names);
        Assert.Equal((LoginAction.Respond, false, "8192"), (raw.Last.Action, raw.Last.Response.IsTransit, raw.Answer("FirstBurstLength")));
        raw.Send(Operational, FullFeature, "");
        Assert.Equal(LoginAction.RespondAndComplete, raw.Last.Action);
        Assert.Equal(65536, raw.Policy.Admitted[0].FirstBurstLength);
        Assert.Equal(65536, raw.Policy.Admitted[0].MaxUnsolicitedBytes);
    }

    [Theory]
    [InlineData("FirstBurstLength=4096", 4096)]
    [InlineData("FirstBurstLength=Irrelevant", 65536)]
    public void An_offer_of_ours_is_settled_by_its_answer(string answer, int expected)
    {
        var raw = new RawInitiator();
        raw.Send(Operational, FullFeature, RawInitiator.Names);
        raw.Send(Operational, FullFeature, answer);
        Assert.Equal((LoginAction.RespondAndComplete, expected), (raw.Last.Action, raw.Target.Parameters!.FirstBurstLength));
    }

    [Theory]
    [InlineData("FirstBurstLength=8193", LoginFault.BadAnswer)]
    [InlineData("FirstBurstLength=100", LoginFault.BadAnswer)]
    [InlineData("FirstBurstLength=many", LoginFault.BadValue)]
    [InlineData("FirstBurstLength=Reject", LoginFault.NoAcceptableValue)]
    public void An_answer_the_rule_does_not_allow_ends_the_login(string answer, LoginFault fault)
    {
        var raw = new RawInitiator();
        raw.Send(Operational, FullFeature, RawInitiator.Names);
        raw.Send(Operational, FullFeature, answer);
        Assert.Equal((fault, LoginStatus.InitiatorError), (raw.Last.Fault, raw.LastStatus));
    }

    [Fact]
    public void ImmediateData_No_is_originated_too_and_needs_no_answer()
    {
        var raw = new RawInitiator(new TestPolicy { Decision = LoginDecision.Accept(1, new() { ImmediateData = false }) });
        raw.Send(Operational, FullFeature, RawInitiator.Names);
        Assert.Equal("No", raw.Answer("ImmediateData"));
        raw.Send(Operational, FullFeature, "FirstBurstLength=8192");
        Assert.Equal((false, 0), (raw.Target.Parameters!.ImmediateData, raw.Target.Parameters.MaxUnsolicitedBytes));
    }

    [Fact]
    public void A_demanded_digest_that_is_left_open_ends_the_login()
    {
        var raw = new RawInitiator(new TestPolicy { Decision = LoginDecision.Accept(1, new() { HeaderDigest = DigestOffer.Crc32C }) });
        raw.Send(Operational, FullFeature, RawInitiator.Names + "|FirstBurstLength=8192");
        Assert.Equal("CRC32C", raw.Answer("HeaderDigest"));
        raw.Send(Operational, FullFeature, "");
        Assert.Equal((LoginFault.UnansweredOffer, "HeaderDigest"), (raw.Last.Fault, raw.Target.FaultDetail));
    }

    [Fact]
    public void Another_PDU_during_login_is_refused_with_020B()
    {
        var raw = new RawInitiator();
        raw.Send(Security, null, RawInitiator.Names);
        var step = raw.Target.Refuse(LoginStatus.InvalidDuringLogin);
        Assert.Equal((LoginAction.RespondAndClose, 2, 0x0B), (step.Action, step.Response.StatusClass, step.Response.StatusDetail));
        Assert.Equal(LoginAction.Close, raw.Send(Security, null, "").Action);
    }

    [Fact]
    public void Before_any_request_there_is_nothing_to_refuse() =>
        Assert.Equal(LoginAction.Close, new RawInitiator().Target.Refuse(LoginStatus.OutOfResources).Action);

    [Fact]
    public void After_the_end_every_request_closes()
    {
        var raw = new RawInitiator();
        raw.Send(Security, FullFeature, RawInitiator.Names);
        Assert.Equal(LoginAction.RespondAndComplete, raw.Last.Action);
        Assert.Equal((LoginAction.Close, LoginFault.Ended), (raw.Send(Security, FullFeature, "").Action, raw.Last.Fault));
    }

    [Fact]
    public void A_text_buffer_that_is_too_small_is_a_fault_of_the_caller() =>
        Assert.Throws<ArgumentException>(() => new TargetLoginMachine(new TestPolicy(), new byte[LoginLimits.TextBufferBytes - 1]));
}

namespace Iscsi.Protocol.Tests.Login;

/// <summary>Logins as foreign initiators send them, by reading their sources.</summary>
public class TranscriptTests
{
    // What open-iscsi takes in each stage: it ends the login at any other key.
    private static readonly string[] OpenIscsiKeys =
    [
        "TargetAlias", "TargetAddress", "TargetPortalGroupTag", "AuthMethod", "CHAP_A", "CHAP_I", "CHAP_C", "InitialR2T", "ImmediateData",
        "MaxRecvDataSegmentLength", "FirstBurstLength", "MaxBurstLength", "HeaderDigest", "DataDigest", "DefaultTime2Wait",
        "DefaultTime2Retain", "OFMarker", "IFMarker", "DataPDUInOrder", "DataSequenceInOrder", "MaxOutstandingR2T", "MaxConnections",
        "ErrorRecoveryLevel",
    ];

    public static TheoryData<string> Names() => new(Transcripts.All.Keys);

    [Theory]
    [MemberData(nameof(Names))]
    public void A_foreign_initiator_logs_in(string name)
    {
        var raw = Run(name);
        Assert.Equal((LoginAction.RespondAndComplete, 0x1234), (raw.Last.Action, raw.Target.Tsih));
        Assert.Equal(Transcripts.All[name].NeedsChap ? "alice" : null, raw.Target.AuthenticatedName);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_foreign_initiator_gets_no_key_that_it_does_not_know(string name) =>
        Run(name, raw =>
        {
            foreach (var pair in raw.LastText.Split('|', StringSplitOptions.RemoveEmptyEntries))
                Assert.Contains(pair[..pair.IndexOf('=')], OpenIscsiKeys);
        });

    [Fact]
    public void The_unsolicited_data_of_open_iscsi_is_bounded_by_our_FirstBurstLength_and_InitialR2T()
    {
        var parameters = Run("open-iscsi").Target.Parameters!;
        Assert.Equal((8192, true, true, 262144), (parameters.FirstBurstLength, parameters.InitialR2T, parameters.ImmediateData, parameters.MaxBurstLength));
        Assert.Equal((65536, 262144), (parameters.OwnMaxRecvDataSegmentLength, parameters.PeerMaxRecvDataSegmentLength));
        Assert.Equal((2, 0, 8192), (parameters.DefaultTime2WaitSeconds, parameters.DefaultTime2RetainSeconds, parameters.MaxUnsolicitedBytes));
    }

    [Fact]
    public void Windows_gets_one_connection_and_session_recovery()
    {
        var parameters = Run("Windows").Target.Parameters!;
        Assert.Equal((1, 0, 1, 20), (parameters.MaxConnections, parameters.ErrorRecoveryLevel, parameters.MaxOutstandingR2T, parameters.DefaultTime2RetainSeconds));
    }

    [Fact]
    public void An_initiator_without_unsolicited_data_is_not_asked_about_FirstBurstLength()
    {
        var raw = Run("iPXE");
        Assert.Null(raw.Answer("FirstBurstLength"));
        Assert.Equal(0, raw.Target.Parameters!.MaxUnsolicitedBytes);
    }

    [Theory]
    [InlineData("open-iscsi", 6 * 1024)]
    [InlineData("open-iscsi CHAP", 8 * 1024)]
    public void A_login_allocates_little(string name, long boundBytes)
    {
        var (needsChap, steps) = Transcripts.All[name];
        for (var i = 0; i < 5; i++) Run(name);
        var raw = Transcripts.Start(needsChap);
        var response = new byte[8192];
        long allocated = 0;
        foreach (var step in steps)
        {
            var text = RawInitiator.Text(step.Text(raw));
            var fields = raw.Fields with { CurrentStage = step.Stage, IsTransit = step.Next is not null, NextStage = step.Next ?? default };
            var before = GC.GetAllocatedBytesForCurrentThread();
            var result = raw.Target.Receive(fields, text, response);
            allocated += GC.GetAllocatedBytesForCurrentThread() - before;
            raw.Note(result, response);
        }
        Assert.Equal(LoginAction.RespondAndComplete, raw.Last.Action);
        TestContext.Current.TestOutputHelper?.WriteLine($"{name}: {allocated} bytes");
        Assert.InRange(allocated, 0, boundBytes);
    }

    private static RawInitiator Run(string name, Action<RawInitiator>? afterEach = null)
    {
        var (needsChap, steps) = Transcripts.All[name];
        var raw = Transcripts.Start(needsChap);
        foreach (var step in steps)
        {
            raw.Send(step.Stage, step.Next, step.Text(raw));
            Assert.Equal(LoginStatus.Success, raw.LastStatus);
            afterEach?.Invoke(raw);
        }
        return raw;
    }
}

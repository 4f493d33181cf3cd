using System.Security.Cryptography;

namespace Iscsi.Protocol.Tests.Login;

/// <summary>One request of a transcript; the text is made when the answer before it is known (CHAP needs it).</summary>
internal sealed record TranscriptStep(LoginStage Stage, LoginStage? Next, Func<RawInitiator, string> Text);

/// <summary>Logins as foreign initiators send them.</summary>
internal static class Transcripts
{
    public const string Secret = "alices long secret";

    private const LoginStage Security = LoginStage.SecurityNegotiation;
    private const LoginStage Operational = LoginStage.LoginOperationalNegotiation;
    private const LoginStage FullFeature = LoginStage.FullFeaturePhase;

    private const string OpenIscsiOperational =
        "HeaderDigest=None|DataDigest=None|DefaultTime2Wait=2|DefaultTime2Retain=0|IFMarker=No|OFMarker=No|ErrorRecoveryLevel=0|" +
        "InitialR2T=No|ImmediateData=Yes|MaxBurstLength=16776192|FirstBurstLength=262144|MaxOutstandingR2T=1|MaxConnections=1|" +
        "DataPDUInOrder=Yes|DataSequenceInOrder=Yes|MaxRecvDataSegmentLength=262144";

    private const string LibiscsiOperational =
        "HeaderDigest=None,CRC32C|DataDigest=None|InitialR2T=No|ImmediateData=Yes|MaxBurstLength=262144|FirstBurstLength=262144|" +
        "DefaultTime2Wait=2|DefaultTime2Retain=0|IFMarker=No|OFMarker=No|MaxConnections=1|MaxOutstandingR2T=1|ErrorRecoveryLevel=0|" +
        "DataPDUInOrder=Yes|DataSequenceInOrder=Yes|MaxRecvDataSegmentLength=262144";

    public static IReadOnlyDictionary<string, (bool NeedsChap, TranscriptStep[] Steps)> All { get; } =
        new Dictionary<string, (bool, TranscriptStep[])>(StringComparer.Ordinal)
        {
            ["open-iscsi"] = (false,
            [
                new(Security, Operational, _ =>
                    "InitiatorName=iqn.1994-05.com.redhat:host|InitiatorAlias=host|TargetName=iqn.x:d|SessionType=Normal|AuthMethod=None"),
                new(Operational, FullFeature, _ => OpenIscsiOperational),
            ]),
            ["open-iscsi discovery"] = (false,
            [
                new(Security, Operational, _ => "InitiatorName=iqn.1994-05.com.redhat:host|InitiatorAlias=host|SessionType=Discovery|AuthMethod=None"),
                new(Operational, FullFeature, _ =>
                    "HeaderDigest=None|DataDigest=None|DefaultTime2Wait=0|DefaultTime2Retain=0|IFMarker=No|OFMarker=No|ErrorRecoveryLevel=0|" +
                    "MaxRecvDataSegmentLength=32768"),
            ]),
            ["open-iscsi discovery that skips operational negotiation"] = (false,
            [
                new(Security, FullFeature, _ => "InitiatorName=iqn.1994-05.com.redhat:host|SessionType=Discovery|AuthMethod=None"),
            ]),
            ["open-iscsi CHAP"] = (true,
            [
                new(Security, null, _ => "InitiatorName=iqn.1994-05.com.redhat:host|TargetName=iqn.x:d|SessionType=Normal|AuthMethod=CHAP,None"),
                new(Security, null, _ => "CHAP_A=8,7,6,5"),
                new(Security, Operational, ChapResponse),
                new(Operational, FullFeature, _ => OpenIscsiOperational),
            ]),
            ["libiscsi"] = (false,
            [
                new(Operational, FullFeature, _ =>
                    "InitiatorName=iqn.2007-10.com.github:sahlberg:libiscsi:iscsi-test|InitiatorAlias=libiscsi|TargetName=iqn.x:d|SessionType=Normal|"
                    + LibiscsiOperational),
            ]),
            ["libiscsi discovery"] = (false,
            [
                new(Operational, FullFeature, _ =>
                    "InitiatorName=iqn.2007-10.com.github:sahlberg:libiscsi:iscsi-ls|InitiatorAlias=libiscsi|SessionType=Discovery|" + LibiscsiOperational),
            ]),
            ["libiscsi CHAP"] = (true,
            [
                new(Security, Operational, _ =>
                    "InitiatorName=iqn.2007-10.com.github:sahlberg:libiscsi:x|InitiatorAlias=x|TargetName=iqn.x:d|SessionType=Normal|AuthMethod=CHAP,None"),
                new(Security, null, _ => "CHAP_A=5"),
                new(Security, Operational, ChapResponse),
                new(Operational, FullFeature, _ => LibiscsiOperational),
            ]),
            ["Windows"] = (false,
            [
                new(Security, Operational, _ =>
                    "InitiatorName=iqn.1991-05.com.microsoft:host.example|SessionType=Normal|AuthMethod=None|TargetName=iqn.x:d"),
                new(Operational, FullFeature, _ =>
                    "HeaderDigest=None,CRC32C|DataDigest=None,CRC32C|ErrorRecoveryLevel=2|InitialR2T=No|ImmediateData=Yes|" +
                    "MaxRecvDataSegmentLength=65536|MaxBurstLength=262144|FirstBurstLength=65536|MaxConnections=8|DataPDUInOrder=Yes|" +
                    "DataSequenceInOrder=Yes|DefaultTime2Wait=0|DefaultTime2Retain=60|MaxOutstandingR2T=16"),
            ]),
            ["iPXE"] = (false,
            [
                new(Security, Operational, _ => "InitiatorName=iqn.2010-04.org.ipxe:0|TargetName=iqn.x:d|SessionType=Normal|AuthMethod=None"),
                new(Operational, FullFeature, _ =>
                    "HeaderDigest=None|DataDigest=None|MaxConnections=1|InitialR2T=Yes|ImmediateData=No|MaxRecvDataSegmentLength=8192|" +
                    "MaxBurstLength=262144|DefaultTime2Wait=0|DefaultTime2Retain=0|MaxOutstandingR2T=1|DataPDUInOrder=Yes|" +
                    "DataSequenceInOrder=Yes|ErrorRecoveryLevel=0"),
            ]),
        };

    public static RawInitiator Start(bool needsChap) => new(new TestPolicy
    {
        Decision = LoginDecision.Accept(
            1, new(), needsChap ? new ChapRequirement([new("alice", System.Text.Encoding.ASCII.GetBytes(Secret))]) : null, "a disk"),
    });

    private static string ChapResponse(RawInitiator raw)
    {
        if (raw.Answer("CHAP_C") is not { } challenge) return "CHAP_N=alice|CHAP_R=0x00"; // the fuzz has broken the step before
        byte[] input = [byte.Parse(raw.Answer("CHAP_I")!), .. System.Text.Encoding.ASCII.GetBytes(Secret), .. Convert.FromHexString(challenge[2..])];
        var response = raw.Answer("CHAP_A") switch
        {
            "5" => MD5.HashData(input),
            "6" => SHA1.HashData(input),
            "7" => SHA256.HashData(input),
            _ => SHA3_256.HashData(input),
        };
        return $"CHAP_N=alice|CHAP_R=0x{Convert.ToHexStringLower(response)}";
    }
}

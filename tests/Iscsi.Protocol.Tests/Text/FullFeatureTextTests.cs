using System.Text;

namespace Iscsi.Protocol.Tests.Text;

public class FullFeatureTextTests
{
    [Theory]
    [InlineData("SendTargets=All", SessionType.Discovery, SendTargetsScope.All, null, "")]
    [InlineData("SendTargets=All", SessionType.Normal, SendTargetsScope.None, null, "SendTargets=Reject|")]
    [InlineData("SendTargets=", SessionType.Normal, SendTargetsScope.Current, null, "")]
    [InlineData("SendTargets=", SessionType.Discovery, SendTargetsScope.None, null, "SendTargets=Reject|")]
    [InlineData("SendTargets=iqn.x:y", SessionType.Discovery, SendTargetsScope.Named, "iqn.x:y", "")]
    [InlineData("SendTargets=iqn.x:y", SessionType.Normal, SendTargetsScope.Named, "iqn.x:y", "")]
    public void SendTargets_asks_what_its_session_type_allows(
        string text, SessionType type, SendTargetsScope scope, string? name, string answer)
    {
        var (result, written) = Read(text, type);
        Assert.Equal((TextFault.None, scope, name), (result.Fault, result.SendTargets, result.TargetName));
        Assert.Equal(answer, written);
    }

    [Fact]
    public void MaxRecvDataSegmentLength_may_be_declared_anew()
    {
        Assert.Equal(65536, Read("MaxRecvDataSegmentLength=65536").Result.MaxRecvDataSegmentLength);
        Assert.Equal(TextFault.OutOfRange, Read("MaxRecvDataSegmentLength=511").Result.Fault);
    }

    [Theory]
    [InlineData("MaxBurstLength=512", "MaxBurstLength=Reject|")]
    [InlineData("InitiatorName=x", "InitiatorName=Reject|")]
    [InlineData("IFMarker=No", "IFMarker=Reject|")]
    [InlineData("X-foo=1", "X-foo=NotUnderstood|")]
    [InlineData("X-foo=NotUnderstood", "")]
    [InlineData("InitiatorAlias=me", "")]
    public void Other_keys_are_rejected_or_not_understood(string text, string answer) => Assert.Equal(answer, Read(text).Answer);

    [Fact]
    public void A_key_that_comes_twice_is_a_fault() =>
        Assert.Equal(TextFault.DuplicateKey, Read("SendTargets=All|SendTargets=All").Result.Fault);

    private static (FullFeatureTextResult Result, string Answer) Read(string text, SessionType type = SessionType.Normal)
    {
        var builder = new TextBuilder(new byte[1024]);
        var result = FullFeatureText.Read(Encoding.UTF8.GetBytes(text.Replace('|', '\0') + "\0"), type, ref builder);
        return (result, Encoding.UTF8.GetString(builder.Text).Replace('\0', '|'));
    }
}

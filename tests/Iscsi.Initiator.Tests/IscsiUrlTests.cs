using System.Net;

namespace Iscsi.Initiator.Tests;

public sealed class IscsiUrlTests
{
    [Theory]
    [InlineData("iscsi://host/iqn.2026-11.net.example:d/0", "host", 3260, "iqn.2026-11.net.example:d", 0, null, null)]
    [InlineData("iscsi://127.0.0.1:3261/iqn.a/16383", "127.0.0.1", 3261, "iqn.a", 16383, null, null)]
    [InlineData("ISCSI://host/iqn.a", "host", 3260, "iqn.a", null, null, null)]
    [InlineData("iscsi://host/iqn.a/", "host", 3260, "iqn.a", null, null, null)]
    [InlineData("iscsi://host", "host", 3260, null, null, null, null)]
    [InlineData("iscsi://host/", "host", 3260, null, null, null, null)]
    [InlineData("iscsi://[::1]/iqn.a/1", "::1", 3260, "iqn.a", 1, null, null)]
    [InlineData("iscsi://[fe80::1]:1234/eui.02004567A425678D/1", "fe80::1", 1234, "eui.02004567A425678D", 1, null, null)]
    [InlineData("iscsi://alice@host/naa.5000/1", "host", 3260, "naa.5000", 1, "alice", null)]
    [InlineData("iscsi://alice%secret@host/iqn.a/1", "host", 3260, "iqn.a", 1, "alice", "secret")]
    [InlineData("iscsi://alice%deadbeef@host/iqn.a/1", "host", 3260, "iqn.a", 1, "alice", "deadbeef")]
    [InlineData("iscsi://alice%12%34@host/iqn.a/1", "host", 3260, "iqn.a", 1, "alice", "12%34")]
    [InlineData("iscsi://al@ice%x@host/iqn.a/1", "host", 3260, "iqn.a", 1, "al@ice", "x")]
    [InlineData("iscsi://host/iqn.a%3Ab/1", "host", 3260, "iqn.a:b", 1, null, null)]
    public void A_url_is_taken_apart(string text, string host, int port, string? target, int? lun, string? user, string? secret)
    {
        Assert.True(IscsiUrl.TryParse(text, out var url, out var error), error);
        Assert.Equal((host, port, target, lun, user, secret), (url.Host, url.Port, url.TargetName, url.Lun, url.User, url.Secret));
    }

    [Theory]
    [InlineData(null, "begins with iscsi://")]
    [InlineData("", "begins with iscsi://")]
    [InlineData("http://host/iqn.a/0", "begins with iscsi://")]
    [InlineData("iscsi:///iqn.a/0", "host is missing")]
    [InlineData("iscsi://host:0/iqn.a/0", "'0' is no port")]
    [InlineData("iscsi://host:65536/iqn.a/0", "'65536' is no port")]
    [InlineData("iscsi://host:/iqn.a/0", "'' is no port")]
    [InlineData("iscsi://::1/iqn.a/0", "stands in brackets: [::1]")]
    [InlineData("iscsi://[::1/iqn.a/0", "not closed")]
    [InlineData("iscsi://[host]/iqn.a/0", "no IPv6 address")]
    [InlineData("iscsi://[::1]x/iqn.a/0", "no port")]
    [InlineData("iscsi://host/disk/0", "'disk' is no target name")]
    [InlineData("iscsi://host/iqn.a/x", "'x' is no LUN")]
    [InlineData("iscsi://host/iqn.a/-1", "'-1' is no LUN")]
    [InlineData("iscsi://host/iqn.a/16384", "'16384' is no LUN")]
    [InlineData("iscsi://host/iqn.a/0/1", "'0/1' is no LUN")]
    [InlineData("iscsi://host/iqn.a%4/0", "begins no escape")]
    [InlineData("iscsi://@host/iqn.a/0", "user before '@' is empty")]
    [InlineData("iscsi://alice%@host/iqn.a/0", "secret after '%' is empty")]
    public void What_is_wrong_is_said(string? text, string message)
    {
        Assert.False(IscsiUrl.TryParse(text, out _, out var error));
        Assert.Contains(message, error, StringComparison.Ordinal);
        if (text is not null) Assert.Equal(error, Assert.Throws<FormatException>(() => IscsiUrl.Parse(text)).Message);
    }

    [Fact]
    public void An_error_never_shows_the_secret()
    {
        Assert.False(IscsiUrl.TryParse("iscsi://alice%topsecret@host:x/iqn.a/y", out _, out var error));
        Assert.DoesNotContain("topsecret", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("iscsi://host/iqn.a/0")]
    [InlineData("iscsi://[::1]:3261/iqn.a/5")]
    [InlineData("iscsi://alice@host/iqn.a")]
    public void A_url_without_a_secret_is_written_as_it_was_read(string text) => Assert.Equal(text, IscsiUrl.Parse(text).ToString());

    [Fact]
    public void The_text_of_a_url_leaves_the_secret_out() =>
        Assert.Equal("iscsi://alice@host/iqn.a/0", IscsiUrl.Parse("iscsi://alice%secret@host/iqn.a/0").ToString());

    [Fact]
    public void An_address_and_a_name_are_different_end_points()
    {
        Assert.Equal(new IPEndPoint(IPAddress.IPv6Loopback, 3260), IscsiUrl.Parse("iscsi://[::1]").EndPoint);
        Assert.Equal(new DnsEndPoint("host", 7), IscsiUrl.Parse("iscsi://host:7").EndPoint);
    }

    [Theory]
    [InlineData("10.0.0.1:3260,1", "10.0.0.1", 3260, 1)]
    [InlineData("[::1]:3261,65535", "::1", 3261, 65535)]
    [InlineData("host", "host", 3260, null)]
    public void A_target_address_is_taken_apart(string text, string host, int port, int? tag)
    {
        Assert.True(TargetPortal.TryParse(text, out var portal));
        Assert.Equal(new TargetPortal(host, port, (ushort?)tag), portal);
        Assert.Equal(text.Contains(',', StringComparison.Ordinal) ? text : "host:3260", portal.ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("host,")]
    [InlineData("host,65536")]
    [InlineData("host:x,1")]
    [InlineData("::1,1")]
    public void A_malformed_target_address_is_none(string text) => Assert.False(TargetPortal.TryParse(text, out _));
}

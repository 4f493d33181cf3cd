using IscsiNet.Cli.Parsing;

namespace IscsiNet.Cli.Tests;

public sealed class ListenSpecTests
{
    [Theory]
    [InlineData("127.0.0.1:3261", "127.0.0.1:3261")]
    [InlineData("127.0.0.1", "127.0.0.1:3260")]
    [InlineData("0.0.0.0:0", "0.0.0.0:0")]
    [InlineData("localhost:1", "127.0.0.1:1")]
    [InlineData("[::1]:3260", "[::1]:3260")]
    [InlineData("[::]", "[::]:3260")]
    [InlineData("127.0.0.1:65535", "127.0.0.1:65535")]
    public void An_address_with_or_without_a_port_is_an_endpoint(string text, string endpoint)
    {
        Assert.True(ListenSpec.TryParse(text, out var spec, out _));
        Assert.Equal(endpoint, spec.Endpoint.ToString());
        Assert.Null(spec.Announce);
    }

    [Theory]
    [InlineData("127.0.0.1", 1)]
    [InlineData("127.0.0.1,group=2", 2)]
    [InlineData("127.0.0.1,group=65535,announce=192.0.2.7", 65535)]
    public void A_portal_may_name_its_group(string text, int group)
    {
        Assert.True(ListenSpec.TryParse(text, out var spec, out _));
        Assert.Equal(group, spec.Group);
    }

    [Theory]
    [InlineData("0.0.0.0,announce=192.0.2.7:13260", "192.0.2.7:13260")]
    [InlineData("[::]:3260,announce=[2001:db8::7]", "[2001:db8::7]:3260")]
    public void An_announced_address_is_kept_apart_from_the_bound_one(string text, string announce)
    {
        Assert.True(ListenSpec.TryParse(text, out var spec, out _));
        Assert.Equal(announce, spec.Announce?.ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData(":3260")]
    [InlineData("3260")]
    [InlineData("1")]
    [InlineData("127.1:3260")]
    [InlineData("example.com:3260")]
    [InlineData("::1")]
    [InlineData("::1:3260")]
    [InlineData("[::1")]
    [InlineData("[::1]3260")]
    [InlineData("[::1]:")]
    [InlineData("127.0.0.1:")]
    [InlineData("127.0.0.1:65536")]
    [InlineData("127.0.0.1:-1")]
    [InlineData("127.0.0.1:+1")]
    [InlineData("127.0.0.1: 1")]
    [InlineData("127.0.0.1,")]
    [InlineData("127.0.0.1,announce")]
    [InlineData("127.0.0.1,announce=")]
    [InlineData("127.0.0.1,announce=192.0.2.7:0")]
    [InlineData("127.0.0.1,announce=0.0.0.0:3260")]
    [InlineData("127.0.0.1,announce=[::]:3260")]
    [InlineData("127.0.0.1,announce=192.0.2.7,announce=192.0.2.8")]
    [InlineData("127.0.0.1,group=0")]
    [InlineData("127.0.0.1,group=65536")]
    [InlineData("127.0.0.1,group=")]
    [InlineData("127.0.0.1,group=1,group=2")]
    [InlineData("127.0.0.1,port=3260")]
    public void Anything_else_is_refused_with_a_reason(string text)
    {
        Assert.False(ListenSpec.TryParse(text, out var spec, out var error));
        Assert.Null(spec);
        Assert.NotEmpty(error);
    }
}

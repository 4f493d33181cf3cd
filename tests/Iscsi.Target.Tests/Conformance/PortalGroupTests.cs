using System.Net;
using System.Text;
using Iscsi.Protocol;
using Iscsi.Storage;
using Iscsi.Target.Tests.Raw;

namespace Iscsi.Target.Tests.Conformance;

/// <summary>Several portal groups (RFC 7143, 4.4): each is a target port of its own, and a session lives within one.</summary>
public sealed class PortalGroupTests : IAsyncDisposable
{
    private readonly MemoryBlockDevice _disk = new(64 * 512);
    private readonly List<RawClient> _clients = [];
    private readonly IscsiTargetServer _server;

    public PortalGroupTests() => _server = new IscsiTargetBuilder()
        .Listen(new IPEndPoint(IPAddress.Loopback, 0))
        .Listen(new IPEndPoint(IPAddress.Loopback, 0), portalGroupTag: 7)
        .Listen(new IPEndPoint(IPAddress.Loopback, 0), portalGroupTag: 7)
        .UseMemory(8 << 20)
        .AddTarget(RawTarget.TargetName, target => target.AddLun(0, _disk).AddLun(1, new NullBlockDevice(512)))
        .Build();

    [Fact]
    public async Task The_login_says_the_tag_of_the_group_that_was_reached()
    {
        await _server.StartAsync(TestContext.Current.CancellationToken);
        foreach (var (portal, tag) in ((int, int)[])[(0, 1), (1, 7), (2, 7)])
        {
            var client = await RawClient.ConnectAsync(_server.Endpoints[portal]);
            _clients.Add(client);
            var response = await client.TryLoginAsync(new RawLogin { Isid = 0x8000_0001_0000 + (ulong)portal });
            Assert.Contains($"TargetPortalGroupTag={tag}\0", Encoding.UTF8.GetString(response.Data), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task SendTargets_names_every_portal_with_its_group()
    {
        await _server.StartAsync(TestContext.Current.CancellationToken);
        var client = await LoginAsync(1, new RawLogin { SessionType = "Discovery", Target = null });
        var request = Encoding.UTF8.GetBytes("SendTargets=All\0");
        await client.SendPduAsync(client.Text(request.Length), request);
        var answer = Encoding.UTF8.GetString((await client.ReceiveAsync(Opcode.TextResponse)).Data);
        var expected = $"TargetName={RawTarget.TargetName}\0" + string.Concat(_server.Endpoints.Select((endpoint, i) => $"TargetAddress={endpoint},{(i == 0 ? 1 : 7)}\0"));
        Assert.Equal(expected, answer);
    }

    [Fact]
    public async Task The_same_ISID_through_another_group_is_another_session_and_through_the_same_group_replaces_it()
    {
        await _server.StartAsync(TestContext.Current.CancellationToken);
        var first = await LoginAsync(0);
        var second = await LoginAsync(1);
        await first.ExpectAliveAsync();
        Assert.Equal(2, _server.SessionCount);

        var replacing = await LoginAsync(2);
        await second.ExpectCloseAsync();
        await first.ExpectAliveAsync();
        await replacing.ExpectAliveAsync();
        // The connection of the one that was replaced is closed before its session is gone.
        await Poll.UntilAsync(() => _server.SessionCount == 2, () => $"There are {_server.SessionCount} sessions.");
    }

    [Fact]
    public async Task An_access_state_of_the_API_holds_for_the_sessions_of_its_group()
    {
        await _server.StartAsync(TestContext.Current.CancellationToken);
        var first = await LoginAsync(0);
        var second = await LoginAsync(1);
        var target = _server.Targets[0];
        target.SetAccessState(7, AsymmetricAccessState.Standby, isPreferred: false);
        Assert.Equal([new(1, AsymmetricAccessState.ActiveOptimized, false), new(7, AsymmetricAccessState.Standby, false)], target.PortGroups);

        Assert.Equal("6/2A/06", (await first.RunAsync(first.TestUnitReady())).Status.SenseText);
        Assert.Equal("6/2A/06", (await second.RunAsync(second.TestUnitReady())).Status.SenseText);
        Assert.Equal("2/04/0B", (await second.RunAsync(second.TestUnitReady())).Status.SenseText);
        await first.ReadGoodAsync(0, 512);
        Assert.Throws<ArgumentException>(() => target.SetAccessState(2, AsymmetricAccessState.Standby));
        Assert.Throws<ArgumentException>(() => target.SetAccessState(7, (AsymmetricAccessState)4));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(65536)]
    public void A_tag_that_is_no_target_port_is_refused(int tag) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new IscsiTargetBuilder().Listen(new IPEndPoint(IPAddress.Loopback, 0), portalGroupTag: tag));

    public async ValueTask DisposeAsync()
    {
        foreach (var client in _clients) await client.DisposeAsync();
        await _server.DisposeAsync();
        await _disk.DisposeAsync();
    }

    private async Task<RawClient> LoginAsync(int portal, RawLogin? login = null)
    {
        var client = await RawClient.ConnectAsync(_server.Endpoints[portal]);
        _clients.Add(client);
        await client.LoginAsync(login);
        return client;
    }
}

using System.Net;
using System.Text.RegularExpressions;
using Iscsi.Storage;
using Iscsi.Target.Sessions;

namespace Iscsi.Target.Tests.Memory;

/// <summary>A server of one memory disk on loopback sockets, with a clock that leaps and a log that is kept.</summary>
internal sealed partial class MemoryServer : IAsyncDisposable
{
    public const string TargetName = "iqn.2026-11.net.example:memory";
    public const int DiskBytes = 16 << 20;
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private readonly MemoryBlockDevice _disk = new(DiskBytes);
    private readonly IscsiTargetServer _server;

    private MemoryServer(long memoryBytes)
    {
        _server = new IscsiTargetBuilder()
            .Listen(new IPEndPoint(IPAddress.Loopback, 0))
            .UseMemory(memoryBytes)
            .UseTimeProvider(Clock)
            .UseLoggerFactory(Log)
            .AddTarget(TargetName, target => target.AddLun(0, _disk))
            .Build();
    }

    public LeapingClock Clock { get; } = new();

    public LogRecorder Log { get; } = new();

    public MemoryBudget Budget => _server.Budget;

    public IPEndPoint EndPoint => _server.Endpoints[0];

    public string Url => $"iscsi://{EndPoint}/{TargetName}/0";

    public TargetSession[] Sessions => _server.Core.Sessions.Snapshot();

    /// <summary>The memory tree without what only counts up or tells an age.</summary>
    public string Floor => Counts().Replace(_server.Snapshot(), "");

    public static async Task<MemoryServer> StartAsync(long memoryBytes)
    {
        var server = new MemoryServer(memoryBytes);
        await server._server.StartAsync();
        return server;
    }

    /// <summary>The newest session of an initiator: the one it replaced may still be ending.</summary>
    public TargetSession Find(string initiatorName) =>
        Sessions.Where(session => string.Equals(session.InitiatorName, initiatorName, StringComparison.Ordinal)).MaxBy(static session => session.Tsih)!;

    /// <summary>Waits for something the server does by itself.</summary>
    public async Task UntilAsync(Func<bool> condition, string what)
    {
        using var poll = new PeriodicTimer(TimeSpan.FromMilliseconds(2));
        for (var since = TimeProvider.System.GetTimestamp(); !condition();)
        {
            Assert.True(TimeProvider.System.GetElapsedTime(since) < Limit, $"{what} does not happen\n{string.Join('\n', Log.Lines)}\n{_server.Snapshot()}");
            await poll.WaitForNextTickAsync();
        }
    }

    /// <summary>Throws when a grant is open.</summary>
    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        await _disk.DisposeAsync();
        Assert.DoesNotContain(Log.Lines, static line => line.StartsWith("Error", StringComparison.Ordinal) || line.Contains("did not end", StringComparison.Ordinal));
    }

    [GeneratedRegex(@", tries denied \d+|^ *oldest grant .*\n", RegexOptions.Multiline)]
    private static partial Regex Counts();
}

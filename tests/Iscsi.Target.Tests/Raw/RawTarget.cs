using System.Net;
using System.Net.Sockets;
using Iscsi.Protocol;
using Iscsi.Storage;
using Iscsi.Target.Sessions;
using Microsoft.Extensions.Time.Testing;

namespace Iscsi.Target.Tests.Raw;

/// <summary>
/// A target in this process on a loopback port, with a clock that only the test advances. Its end is part of every test: no
/// fault of ours was logged, every session ended, every grant came back.
/// </summary>
internal sealed class RawTarget : IAsyncDisposable
{
    public const string TargetName = "iqn.2026-11.net.example:disk";

    /// <summary>A target of its own, because a target reset affects all sessions of one.</summary>
    public const string WitnessTargetName = "iqn.2026-11.net.example:witness";

    /// <summary>LUNs 0 and 1.</summary>
    public const int UnitCount = 2;

    public const int BlockCount = 4096;

    private readonly List<RawClient> _clients = [];
    private readonly MemoryBlockDevice _secondDevice = new(BlockCount * 512);
    private readonly MemoryBlockDevice _witnessDevice = new(BlockCount * 512);
    private Witness? _witness;

    private RawTarget(TargetLimits limits, long memoryBytes, bool witness, Action<TargetDefinitionBuilder>? configure)
    {
        Gate = new GatedBlockDevice(new MemoryBlockDevice(BlockCount * 512));
        var builder = new IscsiTargetBuilder()
            .Listen(new IPEndPoint(IPAddress.Loopback, 0))
            .UseMemory(memoryBytes)
            .UseLimits(limits)
            .UseLoggerFactory(Log)
            .UseTimeProvider(Clock)
            .AddTarget(TargetName, target =>
            {
                target.AddLun(0, Gate).AddLun(1, _secondDevice);
                configure?.Invoke(target);
            });
        if (witness) builder.AddTarget(WitnessTargetName, target => target.AddLun(1, _witnessDevice));
        Server = builder.Build();
    }

    public FakeTimeProvider Clock { get; } = new();

    public LogCapture Log { get; } = new();

    public IscsiTargetServer Server { get; }

    /// <summary>LUN 0: its requests can be held up.</summary>
    public GatedBlockDevice Gate { get; }

    /// <summary>Starts a target.</summary>
    /// <param name="limits">Its limits.</param>
    /// <param name="witness">Whether another session does verified I/O all the time.</param>
    /// <param name="memoryBytes">Its budget.</param>
    /// <param name="configure">What else the target has.</param>
    public static async Task<RawTarget> StartAsync(
        TargetLimits? limits = null, bool witness = true, long memoryBytes = 8L << 20, Action<TargetDefinitionBuilder>? configure = null)
    {
        var target = new RawTarget(limits ?? new TargetLimits(), memoryBytes, witness, configure);
        await target.Server.StartAsync();
        if (witness) target._witness = await Witness.StartAsync(target);
        return target;
    }

    public async Task<RawClient> ConnectAsync(Action<Socket>? configure = null)
    {
        var count = Log.Count;
        var client = await RawClient.ConnectAsync(Server.Endpoints[0], configure);
        Log.StartAt(client.LocalEndPoint, count);
        _clients.Add(client);
        return client;
    }

    public async Task<RawClient> LoginAsync(RawLogin? login = null, Action<Socket>? configure = null)
    {
        var client = await ConnectAsync(configure);
        await client.LoginAsync(login);
        return client;
    }

    /// <summary>The session of a client.</summary>
    public TargetSession SessionOf(RawClient client) => Array.Find(Server.Core.Sessions.Snapshot(), s => s.Tsih == client.Tsih)!;

    /// <summary>Everything that was posted to the sessions of these clients before has run; without clients, to all sessions.</summary>
    public async Task SettleAsync(params RawClient[] clients)
    {
        var sessions = clients.Length == 0 ? Server.Core.Sessions.Snapshot() : Array.ConvertAll(clients, SessionOf);
        foreach (var session in sessions) await AskAsync(session, static _ => true);
    }

    /// <summary>So many requests wait at the gate, and the sessions of these clients have left them there.</summary>
    public async Task ExpectAtGateAsync(int count, params RawClient[] clients)
    {
        await Poll.UntilAsync(() => Gate.Waiting == count, () => $"{Gate.Waiting} requests are at the device, not {count}.");
        // The device counts a request while the session still hands it over: if the gate opened now, the session would see it end on the spot.
        await SettleAsync(clients);
    }

    /// <summary>
    /// The session has stopped the task of this command. Where another session stops it, an answer of that one proves nothing: it posts
    /// to this one, and a command does even that only when it is executed, which may be on another thread and behind a ping.
    /// </summary>
    public async Task ExpectStoppedAsync(RawClient client, byte[] command)
    {
        var session = SessionOf(client);
        await Poll.UntilAsync(
            () => AskAsync(session, s => s.FindTask(RawClient.IttOf(command)) is { IsAborted: true }), () => $"The task was not stopped: {session.Describe()}");
    }

    /// <summary>The session is gone, and what it held was given back.</summary>
    public async Task ExpectGoneAsync(TargetSession session)
    {
        await Poll.UntilAsync(() => !Server.Core.Sessions.Exists(session.Tsih), () => $"The session is still there: {session.Describe()}");
        // It leaves the list first, and gives back in the same step.
        await AskAsync(session, static _ => true);
    }

    /// <summary>Moves the clock, and every session has looked at it; the witness is between two requests meanwhile.</summary>
    public async Task AdvanceAsync(TimeSpan by)
    {
        using var pause = _witness is null ? null : await _witness.PauseAsync();
        Clock.Advance(by);
        await SettleAsync();
    }

    /// <summary>
    /// Moves the clock in steps of a heartbeat until something happens. At the limit it stands still: what is due by then may take its time.
    /// </summary>
    /// <returns>How far it was moved.</returns>
    public async Task<TimeSpan> AdvanceUntilAsync(Func<bool> isDone, TimeSpan limit)
    {
        var step = TimeSpan.FromMilliseconds(500);
        var moved = TimeSpan.Zero;
        while (!isDone())
        {
            if (moved >= limit)
            {
                await Poll.UntilAsync(isDone, () => $"It did not happen in {limit}: {string.Join('\n', Log.Entries)}");
                break;
            }
            await AdvanceAsync(step);
            moved += step;
            await Task.Delay(2);
        }
        return moved;
    }

    /// <summary>The connection has ended, for this reason.</summary>
    public async Task ExpectEndAsync(RawClient client, ConnectionEndReason reason)
    {
        await Poll.UntilAsync(() => Log.EndOf(client.LocalEndPoint) is not null, () => $"No end of {client.LocalEndPoint}: {string.Join('\n', Log.Entries)}");
        Assert.Equal(reason, Log.EndOf(client.LocalEndPoint));
    }

    /// <summary>The PDU is rejected for this reason, and the connection ended for that one.</summary>
    public async Task ExpectRejectAndEndAsync(RawClient client, byte[] rejected, RejectReason reject, ConnectionEndReason end)
    {
        await client.ExpectRejectAsync(reject, rejected);
        await client.ExpectCloseAsync();
        await ExpectEndAsync(client, end);
    }

    /// <summary>The login was refused with this status.</summary>
    public async Task ExpectRefusalAsync(RawClient client, LoginStatus status)
    {
        await ExpectEndAsync(client, ConnectionEndReason.LoginRefused);
        Assert.Equal(status, Log.RefusalOf(client.LocalEndPoint));
    }

    /// <summary>For the message of a failed test: the sessions that are left, and what keeps them.</summary>
    public string DescribeSessions() => string.Join('\n', Server.Core.Sessions.Snapshot().Select(s => s.Describe()));

    /// <summary>Reads something of a session on its own executor, behind everything that was posted to it before.</summary>
    private static Task<T> AskAsync<T>(TargetSession session, Func<TargetSession, T> read)
    {
        var answer = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        session.Post(() => answer.SetResult(read(session)));
        return answer.Task.WaitAsync(RawClient.Limit);
    }

    public async ValueTask DisposeAsync()
    {
        Gate.Open();
        if (_witness is not null) await _witness.StopAsync();
        foreach (var client in _clients) await client.DisposeAsync();
        var stop = Server.StopAsync();
        // A peer that was told gets two seconds of the clock to close. That is less than the server gives its sessions: however slow this machine
        // is, they are not cut for it.
        for (var step = 0; step < 6 && !stop.IsCompleted; step++)
        {
            Clock.Advance(TimeSpan.FromMilliseconds(500));
            await Task.WhenAny(stop, Task.Delay(5));
        }
        await Task.WhenAny(stop, Task.Delay(RawClient.Limit));
        while (!stop.IsCompleted)
        {
            Clock.Advance(TimeSpan.FromMilliseconds(500));
            await Task.WhenAny(stop, Task.Delay(100));
        }
        await stop;
        Assert.True(Server.Core.Sessions.Snapshot().Length == 0, DescribeSessions());
        await Server.DisposeAsync(); // throws when a grant is open
        Assert.Empty(Log.Faults);
        await Gate.DisposeAsync();
        await _secondDevice.DisposeAsync();
        await _witnessDevice.DisposeAsync();
    }
}

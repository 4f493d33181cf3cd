using System.Diagnostics;
using Iscsi.Initiator;
using Iscsi.Protocol.Scsi;
using Iscsi.Storage;

namespace Iscsi.Target.Tests.Memory;

/// <summary>One session asks for 2 GiB and reads nothing. Nobody else notices, and no memory grows.</summary>
[Collection(MemoryCollection.Name)]
public sealed class HostileReaderTests
{
    private const int Commands = 2048;
    private const int CommandBytes = 1 << 20;
    private const int Rounds = 5;
    private const int MaxRounds = 30;
    private const int ReadsPerRound = 2000;
    private const string Hostile = "iqn.2026-11.net.example:hostile";

    // Below this a comparison says nothing: two cores are shared with whatever else runs, and one time slice of a neighbour is longer.
    private static readonly TimeSpan Noise = TimeSpan.FromMilliseconds(2);

    [Fact]
    public async Task Reads_beyond_the_window_are_ignored_and_cost_neither_memory_nor_the_speed_of_others()
    {
        await using var server = await MemoryServer.StartAsync(32 << 20);
        var floor = server.Floor;
        await using (var session = await IscsiInitiator.ConnectAsync(server.Url, new IscsiInitiatorOptions { InitiatorName = "iqn.2026-11.net.example:friend" }))
        {
            await using var disk = await session.OpenDiskAsync(0);
            var data = new byte[CommandBytes];
            for (var at = 0; at < MemoryServer.DiskBytes; at += data.Length) await disk.WriteAsync(at / 512, data);

            // Once unmeasured: code is compiled and tables grow to their size.
            await MeasureAsync(session);
            await AttackAsync(server, session);

            // What the attack does, it does in every round; what the machine's other work does to one round is not its doing. Where the machine
            // has so much of it that the rounds don't say which it was, more of them do.
            var heap = new List<long>();
            var resident = new List<long>();
            var alone = new List<TimeSpan>();
            var attacked = new List<TimeSpan>();
            while (true)
            {
                for (var round = 0; round < Rounds; round++)
                {
                    alone.Add(await MeasureAsync(session));
                    var cost = await AttackAsync(server, session);
                    attacked.Add(cost.P99);
                    heap.Add(cost.HeapBytes);
                    resident.Add(cost.ResidentBytes);
                }
                var (quiet, busy) = (Median(alone), Median(attacked));
                TestContext.Current.TestOutputHelper?.WriteLine($"p99 of a 4 KiB read: alone {quiet.TotalMicroseconds:F0} us, beside the attack {busy.TotalMicroseconds:F0} us");
                if (busy <= quiet * 2 || busy <= Noise) break;
                Assert.True(alone.Count < MaxRounds, $"p99 {busy.TotalMicroseconds:F0} us, alone {quiet.TotalMicroseconds:F0} us");
            }
            Assert.True(Median(heap) < 1 << 20, $"the heap grew by {string.Join(", ", heap)} bytes");
            Assert.True(Median(resident) < 4 << 20, $"the resident size grew by {string.Join(", ", resident)} bytes");
        }

        await AllFloorsComeBackAsync(server, floor);
    }

    [Fact]
    public async Task A_session_that_reads_nothing_ends_as_peer_not_reading()
    {
        await using var server = await MemoryServer.StartAsync(32 << 20);
        var floor = server.Floor;
        using var client = await RudeClient.LoginAsync(server, Hostile, isid: 1);
        await client.SendReadsAsync(Commands, CommandBytes);
        await server.UntilAsync(() => server.Sessions is [{ } session] && Seen(session) == Commands, "the reads being seen");

        var session = server.Find(Hostile);
        var limit = server.Budget.Limits.TransmitTimeout;
        await server.UntilAsync(
            () =>
            {
                // What the kernel takes after a leap moves the deadline.
                if (server.Clock.GetElapsedTime(session.Channel.LastSendProgress) < limit) server.Clock.Leap(limit);
                return server.Log.Lines.Any(static line => line.Contains(Hostile, StringComparison.Ordinal) && line.Contains("ended: PeerNotReading", StringComparison.Ordinal));
            },
            "the end of the session");
        await AllFloorsComeBackAsync(server, floor);
    }

    // The floor of a lost session is kept for its initiator; then everything is as it was at the start.
    private static async Task AllFloorsComeBackAsync(MemoryServer server, string floor)
    {
        await server.UntilAsync(() => server.Sessions.All(static session => session.OrphanedAt is not null), "the end of all connections");
        server.Clock.Leap(server.Budget.Limits.OrphanTimeout);
        await server.UntilAsync(() => server.Sessions.Length == 0 && string.Equals(server.Floor, floor, StringComparison.Ordinal), "the return of all memory");
    }

    private static async Task<(TimeSpan P99, long HeapBytes, long ResidentBytes)> AttackAsync(MemoryServer server, IscsiSession friend)
    {
        var heap = GC.GetTotalMemory(forceFullCollection: true);
        var resident = Resident();
        using var client = await RudeClient.LoginAsync(server, Hostile, isid: 1);
        var session = server.Find(Hostile);
        await client.SendReadsAsync(Commands, CommandBytes);
        await server.UntilAsync(() => Seen(session) == Commands, "the reads being seen");

        var p99 = await MeasureAsync(friend);

        // It may have read a little more than its window at once: what the kernel has taken is done, and opens as many numbers.
        var accepted = session.Counters.Commands;
        Assert.InRange(accepted, 1, server.Budget.Limits.WindowCeiling);
        Assert.Equal(Commands, accepted + session.Counters.IgnoredCommands);
        var heapGrowth = GC.GetTotalMemory(forceFullCollection: true) - heap;
        var residentGrowth = Resident() - resident;
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"accepted {accepted}, ignored {session.Counters.IgnoredCommands}, heap {heapGrowth >> 10} KiB, resident size {residentGrowth >> 10} KiB, p99 {p99.TotalMicroseconds:F0} us");
        return (p99, heapGrowth, residentGrowth);
    }

    private static long Seen(Sessions.TargetSession session) => session.Counters.Commands + session.Counters.IgnoredCommands;

    // One at a time, as the latency of a read is meant.
    private static async Task<TimeSpan> MeasureAsync(IscsiSession session)
    {
        var data = new byte[4096];
        var cdb = new byte[16];
        cdb[0] = OperationCode.Read16;
        cdb[13] = 8;
        var times = new TimeSpan[ReadsPerRound];
        for (var i = 0; i < times.Length; i++)
        {
            var since = Stopwatch.GetTimestamp();
            var result = await session.ExecuteAsync(0, cdb, dataIn: data);
            times[i] = Stopwatch.GetElapsedTime(since);
            result.ThrowIfFailed("READ(16)");
        }
        Array.Sort(times);
        return times[times.Length * 99 / 100];
    }

    private static T Median<T>(List<T> values) => values.Order().ElementAt(values.Count / 2);

    private static long Resident()
    {
        using var process = Process.GetCurrentProcess();
        return process.WorkingSet64;
    }
}

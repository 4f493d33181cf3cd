using Iscsi.Target.Tasks;

namespace Iscsi.Target.Tests.Memory;

/// <summary>The constants of the memory budget that say what managed objects take, measured.</summary>
[Collection(MemoryCollection.Name)]
public sealed class BudgetMeasurementTests
{
    [Fact]
    public async Task A_task_takes_at_most_its_descriptor_and_not_much_less()
    {
        const int Count = 2000;
        var tasks = new TargetTask[Count];
        _ = new TargetTask();
        // The least of a few rounds: what the runner and the runtime keep beside is not in every one.
        var bytes = long.MaxValue;
        for (var round = 0; round < 3; round++)
        {
            Array.Clear(tasks);
            var before = await SettledHeapAsync();
            for (var i = 0; i < Count; i++) tasks[i] = new TargetTask();
            bytes = Math.Min(bytes, (Heap() - before) / Count);
            GC.KeepAlive(tasks);
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"a task takes {bytes} bytes");
        Assert.InRange(bytes, MemoryBudget.TaskDescriptorBytes / 4, MemoryBudget.TaskDescriptorBytes);
    }

    [Fact]
    public async Task A_session_that_was_sent_nothing_takes_at_most_its_descriptor()
    {
        await using var server = await MemoryServer.StartAsync(64 << 20);
        var clients = new List<RudeClient>();
        try
        {
            clients.Add(await RudeClient.LoginAsync(server, "iqn.2026-11.net.example:warm-up", isid: 1));
            var before = await SettledHeapAsync();
            const int Count = 50;
            for (var i = 0; i < Count; i++) clients.Add(await RudeClient.LoginAsync(server, $"iqn.2026-11.net.example:s{i}", isid: (ulong)i + 2));
            await server.UntilAsync(() => server.Sessions.Length == Count + 1, "the logins");

            var bytes = (int)((Heap() - before) / Count);

            TestContext.Current.TestOutputHelper?.WriteLine($"a session takes {bytes} bytes, a client's socket included");
            Assert.InRange(bytes, MemoryBudget.SessionDescriptorBytes / 4, MemoryBudget.SessionDescriptorBytes);
        }
        finally
        {
            foreach (var client in clients) client.Dispose();
        }
    }

    [Theory]
    [InlineData(32 << 20)]
    [InlineData(64 << 20)]
    public async Task All_promised_sessions_together_take_at_most_what_the_process_bound_counts_for_them(int memoryBytes)
    {
        await using var server = await MemoryServer.StartAsync(memoryBytes);
        var budget = server.Budget;
        var before = await SettledHeapAsync();
        var clients = new List<RudeClient>();
        try
        {
            for (var i = 0; i < budget.MaxSessions; i++)
            {
                clients.Add(await RudeClient.LoginAsync(server, $"iqn.2026-11.net.example:s{i}", isid: (ulong)i + 1));
                // Every table of the session is used: the window is filled, and the answers are built.
                await clients[i].SendReadsAsync(64, 4096);
            }
            await server.UntilAsync(
                () => server.Sessions.Length == budget.MaxSessions && server.Sessions.All(static s => s.Counters.Commands + s.Counters.IgnoredCommands == 64),
                "the reads being seen");

            var bytes = Heap() - before;

            var promised = budget.MaxSessions * (long)MemoryBudget.SessionDescriptorBytes + budget.TaskDescriptors * (long)MemoryBudget.TaskDescriptorBytes;
            TestContext.Current.TestOutputHelper?.WriteLine(
                $"{budget.MaxSessions} sessions, {budget.TaskDescriptors} tasks: {bytes >> 10} KiB of objects, {promised >> 10} KiB counted");
            Assert.InRange(bytes, promised / 4, promised);
        }
        finally
        {
            foreach (var client in clients) client.Dispose();
        }
    }

    // The connections of an earlier test's server may still be closing: what they hold goes a little later.
    private static async Task<long> SettledHeapAsync()
    {
        var bytes = Heap();
        for (var steady = 0; steady < 3;)
        {
            await Task.Delay(50);
            var now = Heap();
            steady = bytes - now < 64 << 10 ? steady + 1 : 0;
            bytes = now;
        }
        return bytes;
    }

    // Without the pinned heap: the slabs of an earlier test's server may leave it at any time.
    private static long Heap()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        var total = GC.GetTotalMemory(forceFullCollection: true);
        var pinned = GC.GetGCMemoryInfo(GCKind.FullBlocking).GenerationInfo[4];
        return total - (pinned.SizeAfterBytes - pinned.FragmentationAfterBytes);
    }
}

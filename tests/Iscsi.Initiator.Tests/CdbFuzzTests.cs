using System.Collections.Concurrent;
using System.Diagnostics;
using Iscsi.Protocol.Scsi;
using Iscsi.Storage;
using Iscsi.Target;
using Iscsi.Transport;
using Microsoft.Extensions.Logging;

namespace Iscsi.Initiator.Tests;

/// <summary>
/// A million random CDBs with random data, from two initiators at once. Nothing faults, nothing hangs, no session is lost, what is
/// answered with GOOD is a command of the table with nothing but its own bits set, and every grant is back at the end.
/// </summary>
public sealed class CdbFuzzTests(ITestOutputHelper output)
{
    private const string Name = "iqn.2026-11.net.example:fuzz";
    private const int CommandCount = 1_000_000;
    private const int WorkersPerSession = 8;
    private const int CommandsBetweenRepairs = 16;

    private static readonly ScsiCommandDescription[] s_commands = [.. ScsiCommandList.All];

    [Fact(Timeout = 300_000)]
    public async Task A_million_random_CDBs_fault_nothing_and_leak_nothing()
    {
        var seed = Environment.TickCount;
        var faults = new FaultLog();
        var watch = Stopwatch.StartNew();
        var counts = new ConcurrentDictionary<string, int>(StringComparer.Ordinal);
        try
        {
            await using var listener = new InMemoryTransportListener();
            await using var small = new MemoryBlockDevice(1 << 20);
            await using var large = new MemoryBlockDevice(4 << 20, blockSize: 4096);
            await using (var server = new IscsiTargetBuilder().Listen(listener).UseMemory(16 << 20).UseLoggerFactory(faults)
                .AddTarget(Name, target => target.AddLun(0, small).AddLun(1, large)).Build())
            {
                await server.StartAsync();
                await using var a = await ConnectAsync(listener, 1);
                await using var b = await ConnectAsync(listener, 2);
                var workers = Enumerable.Range(0, 2 * WorkersPerSession)
                    .Select(i => Task.Run(() => WorkAsync(i < WorkersPerSession ? a : b, new Random(seed + i), counts)));
                await Task.WhenAll(workers);
                Assert.Equal(2, server.SessionCount);
            } // throws when a grant is open
            Assert.Empty(faults.Entries);
        }
        finally
        {
            output.WriteLine($"seed {seed}, {watch.Elapsed.TotalSeconds:0.0} s");
            foreach (var (outcome, count) in counts.OrderByDescending(c => c.Value).Take(40)) output.WriteLine($"{count,8} {outcome}");
        }
        Assert.True(counts["Good"] > CommandCount / 100, "Hardly a command is carried out: the test is too tame.");
    }

#pragma warning disable CA5394 // a seed makes the run repeatable
    private static async Task WorkAsync(IscsiSession session, Random random, ConcurrentDictionary<string, int> counts)
    {
        var cdb = new byte[16];
        var data = new byte[8192];
        for (var i = 0; i < CommandCount / (2 * WorkersPerSession); i++)
        {
            if (i % CommandsBetweenRepairs == 0) await RepairAsync(session, i / CommandsBetweenRepairs % 2);
            var command = Fill(cdb, random);
            var length = random.Next(4) == 0 ? 0 : random.Next(4) == 0 ? 1 << random.Next(3, 14) : random.Next(data.Length + 1);
            var isWrite = command?.Data is { } direction && random.Next(16) != 0 ? direction == "out" : random.Next(2) == 0;
            // Parameter lists of zeroes pass more checks than random ones.
            if (random.Next(4) == 0) random.NextBytes(data);
            else if (random.Next(2) == 0) Array.Clear(data);
            else data[random.Next(64)] = (byte)random.Next(256);
            var lun = random.Next(32) == 0 ? 2 : random.Next(2);
            ScsiResult result;
            try
            {
                result = isWrite
                    ? await session.ExecuteAsync(lun, cdb, dataOut: data.AsMemory(0, length))
                    : await session.ExecuteAsync(lun, cdb, dataIn: data.AsMemory(0, length));
            }
            catch (IscsiException e)
            {
                throw new InvalidOperationException($"CDB {Convert.ToHexString(cdb)}, {(isWrite ? "out" : "in")} {length} bytes", e);
            }
            CheckResult(cdb, command, result);
            counts.AddOrUpdate(result.IsGood ? "Good" : result.Sense is { } sense ? sense.ToString() : result.Status.ToString(), 1, static (_, n) => n + 1);
        }
    }

    // An eighth is noise; the others are commands of the table, with some bits of their usage data and, seldom, one outside.
    private static ScsiCommandDescription? Fill(byte[] cdb, Random random)
    {
        random.NextBytes(cdb);
        if (random.Next(8) == 0) return Array.Find(s_commands, c => c.OperationCode == cdb[0] && (c.ServiceAction is null || c.ServiceAction == (cdb[1] & 0x1F)));
        var command = s_commands[random.Next(s_commands.Length)];
        var density = random.Next(3);
        for (var i = 0; i < cdb.Length; i++)
        {
            var usage = i < command.CdbLength ? command.UsageData[i] : (byte)0;
            cdb[i] = i == 0 ? command.OperationCode
                : density == 0 || (density == 1 && random.Next(3) != 0) ? (byte)0
                : (byte)(cdb[i] & usage);
        }
        if (command.ServiceAction is { } action) cdb[1] = (byte)((cdb[1] & 0xE0) | action);
        // Small addresses and lengths are inside the disk.
        if (random.Next(2) == 0 && command.CdbLength >= 10) cdb[2] = cdb[3] = 0;
        if (random.Next(2) == 0 && command.CdbLength == 16) cdb[4] = cdb[5] = cdb[6] = cdb[7] = 0;
        if (random.Next(64) == 0) cdb[random.Next(1, command.CdbLength)] |= (byte)(1 << random.Next(8));
        return command;
    }

    private static void CheckResult(byte[] cdb, ScsiCommandDescription? command, ScsiResult result)
    {
        Assert.NotEqual(SenseKey.HardwareError, result.Sense?.Key);
        if (!result.IsGood) return;
        Assert.True(command is not null, $"GOOD for an unknown command: {Convert.ToHexString(cdb)}");
        for (var i = 1; i < command.CdbLength; i++)
        {
            var usage = command.UsageData[i] | (i == 1 && command.ServiceAction is not null ? 0x1F : 0);
            Assert.True((cdb[i] & ~usage) == 0, $"GOOD for {command.Name} with a bit outside its usage data: {Convert.ToHexString(cdb)}");
        }
    }
#pragma warning restore CA5394

    // What random commands leave behind: a stopped unit, reservations of either kind.
    private static async Task RepairAsync(IscsiSession session, int lun)
    {
        for (var i = 0; i < 8 && !(await session.ExecuteAsync(lun, [0x1B, 0, 0, 0, 1, 0])).IsGood; i++) { }
        await session.ExecuteAsync(lun, [0x17, 0, 0, 0, 0, 0]);
        var parameters = new byte[24];
        parameters[15] = 1;
        if (!(await session.ExecuteAsync(lun, [0x5F, 6, 0, 0, 0, 0, 0, 0, 24, 0], dataOut: parameters)).IsGood) return;
        parameters[7] = 1;
        await session.ExecuteAsync(lun, [0x5F, 3, 0, 0, 0, 0, 0, 0, 24, 0], dataOut: parameters);
    }

    private static Task<IscsiSession> ConnectAsync(InMemoryTransportListener listener, int host) => IscsiInitiator.ConnectAsync(
        new IscsiUrl { Host = "local", TargetName = Name },
        new()
        {
            Connector = listener, InitiatorName = $"iqn.2026-11.net.example:host{host}", Isid = 0x400000000000UL + (uint)host,
            BusyTimeout = TimeSpan.Zero,
        });

    /// <summary>What the target says about faults of its own.</summary>
    private sealed class FaultLog : ILoggerFactory, ILogger
    {
        public ConcurrentQueue<string> Entries { get; } = new();

        public ILogger CreateLogger(string categoryName) => this;

        public void AddProvider(ILoggerProvider provider) { }

        public void Dispose() { }

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Error;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel)) Entries.Enqueue($"{formatter(state, exception)} {exception}");
        }
    }
}

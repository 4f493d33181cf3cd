using System.Buffers.Binary;
using System.Diagnostics;
using Iscsi.Protocol;

namespace Iscsi.Target.Tests.Raw;

/// <summary>
/// Streams of valid PDUs with mistakes in them: bytes flipped, lengths changed, PDUs dropped, twice, out of order, cut off. Whatever
/// the target makes of them, the witness's data are right, every connection ends for a named reason, and nothing leaks.
/// </summary>
public sealed class FuzzTests(ITestOutputHelper output)
{
    private const int MinReasons = 4;
    private static readonly TimeSpan Budget = TimeSpan.FromSeconds(6);

    [Theory]
    [InlineData(1, false)]
    [InlineData(100_001, false)]
    [InlineData(200_001, true)]
    public async Task Mutated_streams_never_touch_another_session_and_leak_nothing(int firstSeed, bool digests)
    {
        await using var target = await RawTarget.StartAsync();
        var reasons = new SortedDictionary<ConnectionEndReason, int>();
        var watch = Stopwatch.StartNew();
        var seed = firstSeed;
        // A slow machine takes longer than the budget to see the least that is asked for.
        for (; (watch.Elapsed < Budget || reasons.Count < MinReasons) && seed < firstSeed + 2000; seed++)
        {
            try
            {
                var reason = await RunAsync(target, seed, digests);
                reasons[reason] = reasons.GetValueOrDefault(reason) + 1;
                Assert.Contains(reason, BadPduTests.NamedReasons);
                Assert.Empty(target.Log.Faults);
            }
            catch (Exception)
            {
                output.WriteLine($"seed {seed}");
                throw;
            }
        }
        output.WriteLine($"seeds {firstSeed} to {seed - 1}: {string.Join(", ", reasons.Select(r => $"{r.Key} {r.Value}"))}");
        Assert.True(reasons.Count >= MinReasons, "The mutations are too tame.");
    }

#pragma warning disable CA5394 // a seed makes the run repeatable
    private static async Task<ConnectionEndReason> RunAsync(RawTarget target, int seed, bool digests)
    {
        var random = new Random(seed);
        // One of three names, so that reinstatement and orphans are part of it.
        var client = await target.LoginAsync(new RawLogin { Isid = 0x8000_0001_0000 + (ulong)random.Next(3), Digests = digests });
        var pdus = Stream(client, random);
        Mutate(pdus, random);
        // What the target sends is read all the time, so that it always can.
        var reading = Task.Run(async () =>
        {
            while (await client.TryReceiveAnyAsync() is not null) { }
        });
        foreach (var pdu in pdus)
            if (!await client.SendAsync(pdu)) break;
        if (random.Next(2) == 0) client.Reset();
        else TryShutdown(client);
        try
        {
            await reading;
        }
        catch (ObjectDisposedException)
        {
            // It was reset on this side.
        }
        await client.DisposeAsync();
        await Poll.UntilAsync(() => target.Log.EndOf(client.LocalEndPoint) is not null, () => $"Seed {seed}: the connection did not end.");
        return target.Log.EndOf(client.LocalEndPoint)!.Value;
    }

    private static void TryShutdown(RawClient client)
    {
        try
        {
            client.ShutdownSend();
        }
        catch (System.Net.Sockets.SocketException)
        {
            // The target has closed already.
        }
    }

    // What a working initiator could send; the Data-Out guess the transfer tags, which are known after the first R2T.
    private static List<byte[]> Stream(RawClient client, Random random)
    {
        var pdus = new List<byte[]>();
        for (var count = random.Next(1, 24); count > 0; count--)
        {
            var lba = (uint)random.Next(RawTarget.BlockCount - 64);
            var blocks = (ushort)random.Next(0, 64);
            var attribute = (TaskAttribute)random.Next(0, 4);
            switch (random.Next(9))
            {
                case 0:
                    pdus.Add(client.Frame(client.Read(lba, blocks, random.Next(3) == 0 ? (uint)random.Next(100_000) : null, attribute: attribute)));
                    break;
                case 1:
                    var immediate = Math.Min(blocks * 512, random.Next(8193));
                    pdus.Add(client.Frame(client.Write(lba, blocks, attribute: attribute, dataLength: immediate), new byte[immediate]));
                    break;
                case 2:
                    var write = client.Write(lba, 16, final: random.Next(2) == 0, attribute: attribute);
                    pdus.Add(client.Frame(write));
                    pdus.Add(client.Frame(client.DataOut(RawClient.IttOf(write), random.Next(2) == 0 ? TaskTag.Reserved : (uint)random.Next(1 << 18), 0, 8192), new byte[8192]));
                    break;
                case 3:
                    var data = random.Next(9000);
                    pdus.Add(client.Frame(client.NopOut(random.Next(2) == 0, dataLength: data), new byte[data]));
                    break;
                case 4:
                    pdus.Add(client.Frame(client.TaskManagement((TaskManagementFunction)random.Next(1, 9), (uint)(0x100 + random.Next(30)), client.CmdSN - 1, immediate: random.Next(2) == 0)));
                    break;
                case 5:
                    var text = random.Next(2) == 0 ? "SendTargets=\0"u8.ToArray() : "MaxRecvDataSegmentLength=1024\0X-a=b\0"u8.ToArray();
                    pdus.Add(client.Frame(client.Text(text.Length, random.Next(4) != 0, random.Next(4) == 0), text));
                    break;
                case 6:
                    var cdb = new byte[16];
                    random.NextBytes(cdb);
                    pdus.Add(client.Frame(client.Command(cdb, (uint)random.Next(9000), read: random.Next(2) == 0, write: random.Next(2) == 0, lun: 0)));
                    break;
                case 7:
                    pdus.Add(client.Frame(client.TestUnitReady(immediate: random.Next(2) == 0, attribute: attribute)));
                    break;
                default:
                    if (random.Next(8) == 0) pdus.Add(client.Frame(client.Logout((LogoutReason)random.Next(4), cid: 1)));
                    break;
            }
        }
        return pdus;
    }

    private static void Mutate(List<byte[]> pdus, Random random)
    {
        for (var count = random.Next(0, 4); count > 0 && pdus.Count > 0; count--)
        {
            var i = random.Next(pdus.Count);
            switch (random.Next(7))
            {
                case 0:
                    if (pdus[i].Length > 0) pdus[i][random.Next(Math.Min(48, pdus[i].Length))] ^= (byte)(1 << random.Next(8));
                    break;
                case 1:
                    if (pdus[i].Length >= 8) BinaryPrimitives.WriteUInt16BigEndian(pdus[i].AsSpan(6), (ushort)random.Next(0x10000));
                    break;
                case 2:
                    if (pdus[i].Length >= 5) pdus[i][4] = (byte)random.Next(256);
                    break;
                case 3:
                    pdus.RemoveAt(i);
                    break;
                case 4:
                    pdus.Insert(i, (byte[])pdus[i].Clone());
                    break;
                case 5:
                    var other = random.Next(pdus.Count);
                    (pdus[i], pdus[other]) = (pdus[other], pdus[i]);
                    break;
                default:
                    pdus[i] = pdus[i][..random.Next(pdus[i].Length + 1)];
                    break;
            }
            // No write to the witness's disk: that would be its data, rightly changed.
            foreach (var pdu in pdus)
                if (pdu.Length >= 10) pdu[9] &= 0xFE;
        }
    }
#pragma warning restore CA5394
}

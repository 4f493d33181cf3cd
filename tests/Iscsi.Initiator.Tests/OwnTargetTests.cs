using System.Net;
using Iscsi.Protocol;
using Iscsi.Storage;
using Iscsi.Target;
using Iscsi.Transport;

namespace Iscsi.Initiator.Tests;

/// <summary>Both sides of this project against each other, over the in-memory transport and over TCP.</summary>
public sealed class OwnTargetTests
{
    private const int Limit = 300_000;
    private const string Name = "iqn.2026-11.net.example:disk1";

    // As the design has them: what a user copies must compile.
    [Fact(Timeout = Limit)]
    public async Task The_samples_of_the_design_run()
    {
        var path = Path.Combine(Directory.CreateTempSubdirectory("iscsinet").FullName, "disk.img");
        const string secret = "a-secret-of-16-b";
        await using (var disk = await FileBlockDevice.OpenAsync(path, new() { CreateWithLength = 1L << 30 }))
        {
            await using var server = new IscsiTargetBuilder()
                .Listen(new IPEndPoint(IPAddress.Loopback, 0))
                .UseMemory(64 << 20)
                .AddTarget("iqn.2026-11.net.example:disk1", target => target
                    .AddLun(0, disk)
                    .AllowInitiators("iqn.2026-11.net.example:host1")
                    .RequireChap("alice", secret))
                .Build();
            await server.StartAsync();
            await UseAsync(((IPEndPoint)server.Endpoints[0]).Port);
        }
        Directory.Delete(Path.GetDirectoryName(path)!, recursive: true);

        static async Task UseAsync(int port)
        {
            await using var session = await IscsiInitiator.ConnectAsync(
                $"iscsi://alice@127.0.0.1:{port}/iqn.2026-11.net.example:disk1",
                new() { InitiatorName = "iqn.2026-11.net.example:host1", ChapSecret = secret });
            await using var disk = await session.OpenDiskAsync(lun: 0);
            var block = new byte[disk.Info.BlockSize];
            await disk.ReadAsync(lba: 0, block);
            await disk.WriteAsync(lba: 0, block, BlockWriteFlags.ForceUnitAccess);
        }
    }

    [Theory(Timeout = Limit)]
    [InlineData(DigestOffer.None)]
    [InlineData(DigestOffer.Crc32C)]
    public async Task What_was_written_at_once_in_all_sizes_is_read_back(DigestOffer digests)
    {
        await using var listener = new InMemoryTransportListener();
        await using var device = new MemoryBlockDevice(64 << 20);
        await using var server = new IscsiTargetBuilder().Listen(listener).UseMemory(16 << 20).AddTarget(Name, target => target.AddLun(0, device)).Build();
        await server.StartAsync();
        var options = new IscsiInitiatorOptions { Connector = listener };
        options = options with { Offer = options.Offer with { HeaderDigest = digests, DataDigest = digests } };
        await using var session = await IscsiInitiator.ConnectAsync(new IscsiUrl { Host = "local", TargetName = Name }, options);
        await using var disk = await session.OpenDiskAsync(0);
        var seed = Environment.TickCount;
        var random = new Random(seed);
        var pieces = new List<(long Lba, byte[] Data)>();
        for (var lba = 0L; pieces.Count < 60;)
        {
            var data = new byte[512 * random.Next(1, pieces.Count % 10 == 9 ? 4096 : 300)];
            random.NextBytes(data);
            pieces.Add((lba, data));
            lba += data.Length / 512;
        }
        await Task.WhenAll(pieces.Select(piece => disk.WriteAsync(piece.Lba, piece.Data).AsTask()));
        await disk.FlushAsync();
        await Task.WhenAll(pieces.Select(async piece =>
        {
            var back = new byte[piece.Data.Length];
            await disk.ReadAsync(piece.Lba, back);
            Assert.True(back.AsSpan().SequenceEqual(piece.Data), $"seed {seed}, {piece.Data.Length} bytes at {piece.Lba}");
        }));
        await disk.WriteZeroesAsync(new BlockRange(0, 64), BlockWriteFlags.MayUnmap);
        var zeroed = new byte[64 * 512];
        await disk.ReadAsync(0, zeroed);
        Assert.Equal(new byte[64 * 512], zeroed);
    }

    [Theory(Timeout = Limit)]
    [InlineData(1)]
    [InlineData(60)]
    [InlineData(5000)]
    public async Task Bytes_that_arrive_in_any_pieces_change_nothing(int mostBytes)
    {
        var seed = Environment.TickCount;
        await using var listener = new InMemoryTransportListener(
            options: new() { RingBytes = 10_007, Scheduler = new Pieces(seed, mostBytes) });
        await using var device = new MemoryBlockDevice(8 << 20);
        await using var server = new IscsiTargetBuilder().Listen(listener).UseMemory(16 << 20).AddTarget(Name, target => target.AddLun(0, device)).Build();
        await server.StartAsync();
        var options = new IscsiInitiatorOptions { Connector = listener };
        options = options with { Offer = options.Offer with { HeaderDigest = DigestOffer.Crc32C, DataDigest = DigestOffer.Crc32C } };
        await using var session = await IscsiInitiator.ConnectAsync(new IscsiUrl { Host = "local", TargetName = Name }, options);
        await using var disk = await session.OpenDiskAsync(0);
        await Task.WhenAll(Enumerable.Range(0, 4).Select(async worker =>
        {
            var random = new Random(seed + worker);
            var data = new byte[512 * (1 + (17 * worker))];
            var back = new byte[data.Length];
            for (var i = 0; i < 3; i++)
            {
                random.NextBytes(data);
                await disk.WriteAsync(worker * 100, data);
                await disk.ReadAsync(worker * 100, back);
                Assert.True(back.AsSpan().SequenceEqual(data), $"seed {seed}, worker {worker}");
            }
        }));
        await session.LogoutAsync();
    }

    [Fact(Timeout = Limit)]
    public async Task Discovery_finds_the_target()
    {
        await using var device = new MemoryBlockDevice(1 << 20);
        await using var server = new IscsiTargetBuilder().Listen(new IPEndPoint(IPAddress.Loopback, 0)).UseMemory(16 << 20)
            .AddTarget(Name, target => target.AddLun(0, device)).Build();
        await server.StartAsync();
        var found = Assert.Single(await IscsiInitiator.DiscoverAsync(server.Endpoints[0].ToString()!));
        Assert.Equal(Name, found.TargetName);
        Assert.Equal(server.Endpoints[0].ToString(), $"{found.Portals[0].Host}:{found.Portals[0].Port}");
    }

    [Fact(Timeout = Limit)]
    public async Task Discovery_puts_an_answer_of_many_parts_together()
    {
        await using var device = new NullBlockDevice(1 << 20);
        var builder = new IscsiTargetBuilder().Listen(new IPEndPoint(IPAddress.Loopback, 0)).UseMemory(16 << 20);
        var names = Enumerable.Range(0, 300).Select(i => $"iqn.2026-11.net.example:a-rather-long-name-of-disk-{i:d4}").ToArray();
        for (var i = 0; i < names.Length; i++)
        {
            if (i == 0) builder.AddTarget(names[i], target => target.AddLun(0, device));
            else builder.AddTarget(names[i], static _ => { });
        }
        await using var server = builder.Build();
        await server.StartAsync();
        var options = new IscsiInitiatorOptions();
        options = options with { Offer = options.Offer with { HeaderDigest = DigestOffer.Crc32C, DataDigest = DigestOffer.Crc32C } };
        var found = await IscsiInitiator.DiscoverAsync(server.Endpoints[0].ToString()!, options);
        Assert.Equal(names, found.Select(target => target.TargetName).Order(StringComparer.Ordinal));
    }

    [Fact(Timeout = Limit)]
    public async Task Calls_that_are_cancelled_at_any_time_leave_a_session_that_works()
    {
        await using var listener = new InMemoryTransportListener();
        await using var device = new MemoryBlockDevice(8 << 20);
        await using var server = new IscsiTargetBuilder().Listen(listener).UseMemory(16 << 20).AddTarget(Name, target => target.AddLun(0, device)).Build();
        await server.StartAsync();
        await using var session = await IscsiInitiator.ConnectAsync(
            new IscsiUrl { Host = "local", TargetName = Name }, new() { Connector = listener, MaxOutstandingCommands = 8 });
        await using var disk = await session.OpenDiskAsync(0);
        await Task.WhenAll(Enumerable.Range(0, 16).Select(async worker =>
        {
            var data = new byte[128 << 10];
            for (var i = 0; i < 40; i++)
            {
                using var cancellation = new CancellationTokenSource();
                var call = i % 2 == 0 ? disk.WriteAsync(worker * 256, data, cancellationToken: cancellation.Token).AsTask()
                    : disk.ReadAsync(worker * 256, data, cancellation.Token).AsTask();
                if (i % 4 != 0) await Task.Yield();
                await cancellation.CancelAsync();
                try
                {
                    await call;
                }
                catch (OperationCanceledException)
                {
                }
            }
        }));
        var block = new byte[512];
        await disk.ReadAsync(0, block);
        await session.LogoutAsync();
    }

    // Both directions and both ends draw from it, so it is a hash of a counter and no Random.
    private sealed class Pieces(int seed, int mostBytes) : InMemoryTransportScheduler
    {
        private int _count;

        public override int NextReadBytes(InMemoryConnection reader, int availableBytes)
        {
            var hash = (uint)HashCode.Combine(seed, Interlocked.Increment(ref _count));
            return Math.Min(availableBytes, 1 + (int)(hash % (uint)mostBytes));
        }
    }
}

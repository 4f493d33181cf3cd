using System.Net;
using Iscsi.Storage;
using Iscsi.Target;

namespace Iscsi.Interop.Guests;

/// <summary>
/// The scenarios can fail: with a disk that fails or lies, on purpose, fsck and fio notice. The target runs in this process, where
/// faults can be injected.
/// </summary>
[Collection(LinuxGuestCollection.Name)]
[Trait("Category", "Foreign")]
public sealed class FaultTests(LinuxGuestFixture guests)
{
    private const int BlockSize = 512;
    private const long DiskBytes = 64L << 20;

    private static readonly string[] MediumErrors = ["critical medium error", "critical target error", "I/O error", "FAILED Result", "Medium Error", "Hardware Error", "Buffer I/O", "Add. Sense"];

    [Fact]
    public Task Fsck_sees_a_disk_that_lies() => guests.RunAsync(async guest =>
    {
        await using var disk = new LyingDisk(new MemoryBlockDevice(DiskBytes, BlockSize));
        await using var target = await FaultyTarget.StartAsync(disk);
        (await guest.RunAsync(
            $"""
            modprobe ext4
            connect {target.Port}
            mkfs.ext4 -q $(disk 0)
            e2fsck -fn $(disk 0)
            """)).Succeeded();

        // The first blocks hold the superblock and the group descriptors.
        disk.FlipReadsOf(new BlockRange(4, 60));

        var check = await guest.RunAsync("blockdev --flushbufs $(disk 0); e2fsck -fn $(disk 0)");
        Assert.NotEqual(0, check.ExitCode);
        disk.FlipReadsOf(null);
        (await guest.RunAsync("blockdev --flushbufs $(disk 0); e2fsck -fn $(disk 0); logout")).Succeeded();
    });

    [Fact]
    public Task Fsck_sees_a_disk_that_fails() => guests.RunAsync(async guest =>
    {
        await using var disk = new FaultInjectionBlockDevice(new MemoryBlockDevice(DiskBytes, BlockSize), seed: 1);
        await using var target = await FaultyTarget.StartAsync(disk);
        (await guest.RunAsync(
            $"""
            modprobe ext4
            connect {target.Port}
            mkfs.ext4 -q $(disk 0)
            """)).Succeeded();

        disk.Add(new FaultRule { Operations = BlockOperations.Read, Range = new BlockRange(4, 60) });

        (await guest.RunAsync("blockdev --flushbufs $(disk 0); e2fsck -fn $(disk 0)")).Failed();
        Assert.True(disk.FaultCount > 0);
        (await guest.RunAsync("logout")).Succeeded();
    }, MediumErrors);

    [Fact]
    public Task Fio_sees_a_disk_that_lies() => guests.RunAsync(async guest =>
    {
        await using var disk = new LyingDisk(new MemoryBlockDevice(DiskBytes, BlockSize));
        await using var target = await FaultyTarget.StartAsync(disk);
        disk.FlipReadsOf(new BlockRange(100_000, 1));

        var result = (await guest.RunAsync($"connect {target.Port}\ndisk=$(disk 0)\n{LoadTests.Fio} --bs=64k")).Failed();

        Assert.Contains("verify", result.Output, StringComparison.Ordinal);
        (await guest.RunAsync("logout")).Succeeded();
    });

    [Fact]
    public Task Fio_sees_a_disk_that_fails() => guests.RunAsync(async guest =>
    {
        await using var disk = new FaultInjectionBlockDevice(
            new MemoryBlockDevice(DiskBytes, BlockSize), seed: 1, new FaultRule { Operations = BlockOperations.Write, Range = new BlockRange(100_000, 1) });
        await using var target = await FaultyTarget.StartAsync(disk);

        (await guest.RunAsync($"connect {target.Port}\ndisk=$(disk 0)\n{LoadTests.Fio} --bs=64k")).Failed();

        // Linux tries a write that failed again.
        Assert.True(disk.FaultCount > 0);
        (await guest.RunAsync("logout")).Succeeded();
    }, MediumErrors);

    private sealed class FaultyTarget : IAsyncDisposable
    {
        private readonly IscsiTargetServer _server;

        private FaultyTarget(IscsiTargetServer server, int port)
        {
            _server = server;
            Port = port;
        }

        public int Port { get; }

        public static async Task<FaultyTarget> StartAsync(IBlockDevice disk)
        {
            var port = LoopbackPorts.Free();
            var server = new IscsiTargetBuilder()
                .Listen(new IPEndPoint(IPAddress.Loopback, port), new IPEndPoint(IPAddress.Parse(LinuxGuest.HostAddress), port))
                .AddTarget("iqn.2026-11.net.iscsinet:disk", target => target.AddLun(0, disk))
                .Build();
            await server.StartAsync();
            return new FaultyTarget(server, port);
        }

        public ValueTask DisposeAsync() => _server.DisposeAsync();
    }
}

using Iscsi.Initiator;
using Iscsi.Storage;
using Iscsi.Target.Tests.Durability;

namespace Iscsi.Interop.Durability;

/// <summary>The daemon is killed under load, again and again on the same file: what it acknowledged as durable is in the file.</summary>
public sealed class KillTests
{
    private const int Kills = 20;
    private const int Seed = 7143;
    private const int BlockSize = 512;
    private const int Writers = 4;
    private const int BlocksPerWriter = 512;
    private const int BlockCount = Writers * BlocksPerWriter;
    private const int MaxBlocksPerWrite = 200;

    [Fact]
    public async Task A_killed_daemon_leaves_every_flushed_write_in_the_file()
    {
        using var scratch = new ScratchDirectory();
        var path = scratch.SparseFile("disk.img", (long)BlockCount * BlockSize);
        var stamps = new StampedDisk(BlockCount, BlockSize);
        var random = new Random(Seed);
        var flushes = 0;
        for (var kill = 1; kill <= Kills; kill++)
        {
            await using (var daemon = await Daemon.ServeAsync(path))
            {
                await using var session = await IscsiInitiator.ConnectAsync(daemon.Url);
                await using var disk = await session.OpenDiskAsync(0);
                Assert.True(disk.Info.HasVolatileWriteCache, "flushes would not be sent");
                var flushesLeft = random.Next(1, 60);
                flushes += flushesLeft;
                var killNow = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                var writers = Enumerable.Range(0, Writers)
                    .Select(i => new Writer(disk, stamps, i * BlocksPerWriter, random.Next()).RunAsync(() =>
                    {
                        if (Interlocked.Decrement(ref flushesLeft) == 0) killNow.SetResult();
                    }))
                    .ToArray();
                // A writer that ends by itself has failed.
                await Task.WhenAny(killNow.Task, Task.WhenAny(writers));
                Assert.True(killNow.Task.IsCompleted, $"the daemon failed before it was killed:\n{daemon.Log}");
                await daemon.KillAsync();
                await Task.WhenAll(writers);
            }
            var loss = stamps.FindLoss(await File.ReadAllBytesAsync(path));
            Assert.True(loss is null, $"after kill {kill} (seed {Seed}): {loss}");
            stamps.Reopen();
        }
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"seed {Seed}: {Kills} kills, {flushes} flushes, {stamps.DurableBlocks} of {BlockCount} blocks durable, all there");
        Assert.True(stamps.DurableBlocks > BlockCount / 2, $"only {stamps.DurableBlocks} blocks were durable");
    }

    /// <summary>One command after the other, on blocks that nobody else writes, until the session has ended.</summary>
    private sealed class Writer(IBlockDevice disk, StampedDisk stamps, int firstBlock, int seed)
    {
        private readonly Random _random = new(seed);

        public async Task RunAsync(Action onFlushed)
        {
            try
            {
                while (true)
                {
                    if (_random.Next(4) == 0)
                    {
                        await FlushAsync();
                        onFlushed();
                    }
                    else
                    {
                        await WriteAsync(_random.Next(4) == 0 ? BlockWriteFlags.ForceUnitAccess : BlockWriteFlags.None);
                    }
                }
            }
            catch (BlockDeviceException e) when (e.InnerException is IscsiException and not ScsiCommandException)
            {
                // The daemon is gone.
            }
        }

        private async Task WriteAsync(BlockWriteFlags flags)
        {
            var count = _random.Next(1, MaxBlocksPerWrite + 1);
            var lba = firstBlock + _random.Next(BlocksPerWriter - count + 1);
            var data = new byte[count * BlockSize];
            var stamp = stamps.BeginWrite(lba, data);
            await disk.WriteAsync(lba, data, flags);
            stamps.EndWrite(lba, count, stamp, isDurable: flags == BlockWriteFlags.ForceUnitAccess);
        }

        private async Task FlushAsync()
        {
            var responsibleFor = stamps.BeginFlush();
            await disk.FlushAsync();
            stamps.EndFlush(responsibleFor);
        }
    }
}

using System.Buffers.Binary;
using Iscsi.Initiator;
using Iscsi.Protocol.Scsi;
using Iscsi.Storage;
using Iscsi.Target.Tests.Allocation;
using Reservations;

namespace Iscsi.Target.Tests.Durability;

/// <summary>
/// The power of a disk with a volatile cache is cut while several writers are at work through the whole target: what the target has
/// acknowledged as durable must be there.
/// </summary>
public sealed class PowerCutTests
{
    private const int Seeds = 200;
    private const int BlockSize = 512;
    private const int Writers = 4;
    private const int BlocksPerWriter = 64;
    private const int BlockCount = Writers * BlocksPerWriter;

    // More than FirstBurstLength: immediate data alone, and solicited data behind them.
    private const int MaxBlocksPerWrite = 40;
    private const long MemoryBytes = 4 << 20;

    [Fact]
    public async Task Every_flushed_write_and_every_FUA_write_survives_a_power_cut()
    {
        var durableBlocks = 0;
        for (var seed = 1; seed <= Seeds; seed++)
        {
            var (loss, durable) = await CutAsync(seed, static cache => cache);
            Assert.True(loss is null, $"seed {seed}: {loss}");
            durableBlocks += durable;
        }
        TestContext.Current.TestOutputHelper?.WriteLine($"seeds 1 to {Seeds}: {durableBlocks} durable blocks, all there");
        // Else there would have been nothing to lose.
        Assert.True(durableBlocks > Seeds * 32, $"only {durableBlocks} blocks were durable");
    }

    [Theory]
    [InlineData(false, true)]
    [InlineData(true, false)]
    public async Task A_disk_that_only_says_it_flushed_is_found_out(bool flushes, bool heedsForceUnitAccess)
    {
        var found = 0;
        for (var seed = 1; seed <= 20; seed++)
        {
            if ((await CutAsync(seed, cache => new Liar(cache, flushes, heedsForceUnitAccess))).Loss is not null) found++;
        }
        Assert.True(found > 0, "the test above could not fail");
    }

    private static async Task<(string? Loss, int DurableBlocks)> CutAsync(int seed, Func<IBlockDevice, IBlockDevice> wrap)
    {
        var random = new Random(seed);
        await using var platter = new MemoryBlockDevice(BlockCount * BlockSize, BlockSize);
        await using var cache = new VolatileCacheBlockDevice(platter, random.Next(), leaveOpen: true);
        var stamps = new StampedDisk(BlockCount, BlockSize);
        await using (var pair = await TargetPair.StartAsync(wrap(cache), MemoryBytes))
        {
            var commands = random.Next(5, 120);
            var cut = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            var writers = Enumerable.Range(0, Writers)
                .Select(i => new Writer(pair, stamps, i * BlocksPerWriter, random.Next()).RunAsync(() =>
                {
                    if (Interlocked.Decrement(ref commands) == 0) cut.SetResult();
                }))
                .ToArray();
            await cut.Task;
            await cache.CutPowerAsync();
            // Ended by the first command that the disk without power fails.
            await Task.WhenAll(writers);
        }
        var content = new byte[BlockCount * BlockSize];
        await platter.ReadAsync(0, content);
        return (stamps.FindLoss(content), stamps.DurableBlocks);
    }

    /// <summary>One command after the other, on blocks that nobody else writes.</summary>
    private sealed class Writer(TargetPair pair, StampedDisk stamps, int firstBlock, int seed)
    {
        private readonly Random _random = new(seed);

        public async Task RunAsync(Action onCommandEnded)
        {
            try
            {
                while (true)
                {
                    await (_random.Next(8) switch
                    {
                        0 => FlushAsync(isLong: false),
                        1 => FlushAsync(isLong: true),
                        2 => WriteAsync(BlockWriteFlags.ForceUnitAccess),
                        3 => WriteLongAsync(isDurable: true),
                        4 => WriteLongAsync(isDurable: false),
                        _ => WriteAsync(BlockWriteFlags.None),
                    });
                    onCommandEnded();
                }
            }
            catch (Exception e) when (e is BlockDeviceException { Error: not BlockDeviceError.OutOfRange } or ScsiCommandException)
            {
                // The power is off. A failed command promised nothing.
            }
        }

        private async Task WriteAsync(BlockWriteFlags flags)
        {
            var (lba, data, stamp) = Next();
            await pair.Disk.WriteAsync(lba, data, flags);
            stamps.EndWrite(lba, data.Length / BlockSize, stamp, isDurable: flags == BlockWriteFlags.ForceUnitAccess);
        }

        // SBC-3, 5.34: WRITE (16), byte 1 bit 3 is FUA.
        private async Task WriteLongAsync(bool isDurable)
        {
            var (lba, data, stamp) = Next();
            var cdb = new byte[16];
            cdb[0] = OperationCode.Write16;
            cdb[1] = isDurable ? (byte)0x08 : (byte)0;
            BinaryPrimitives.WriteInt64BigEndian(cdb.AsSpan(2), lba);
            BinaryPrimitives.WriteInt32BigEndian(cdb.AsSpan(10), data.Length / BlockSize);
            (await pair.Session.ExecuteAsync(0, cdb, dataOut: data)).ThrowIfFailed("WRITE (16)");
            stamps.EndWrite(lba, data.Length / BlockSize, stamp, isDurable);
        }

        private async Task FlushAsync(bool isLong)
        {
            var responsibleFor = stamps.BeginFlush();
            await SynchronizeCache.RunAsync(pair.Session, isLong);
            stamps.EndFlush(responsibleFor);
        }

        private (int Lba, byte[] Data, long Stamp) Next()
        {
            var count = _random.Next(1, MaxBlocksPerWrite + 1);
            var lba = firstBlock + _random.Next(BlocksPerWriter - count + 1);
            var data = new byte[count * BlockSize];
            return (lba, data, stamps.BeginWrite(lba, data));
        }
    }

    /// <summary>Answers flushes, or writes that must be durable, and leaves the data in the cache.</summary>
    private sealed class Liar(IBlockDevice inner, bool flushes, bool heedsForceUnitAccess) : IBlockDevice
    {
        public event Action<IBlockDevice>? InfoChanged
        {
            add { }
            remove { }
        }

        public BlockDeviceInfo Info => inner.Info;

        public ValueTask ReadAsync(long lba, BlockList destination, CancellationToken cancellationToken = default) =>
            inner.ReadAsync(lba, destination, cancellationToken);

        public ValueTask WriteAsync(long lba, BlockList source, BlockWriteFlags flags = default, CancellationToken cancellationToken = default) =>
            inner.WriteAsync(lba, source, heedsForceUnitAccess ? flags : BlockWriteFlags.None, cancellationToken);

        public ValueTask FlushAsync(CancellationToken cancellationToken = default) =>
            flushes ? inner.FlushAsync(cancellationToken) : ValueTask.CompletedTask;

        public ValueTask WriteZeroesAsync(BlockRange range, BlockWriteFlags flags = default, CancellationToken cancellationToken = default) =>
            inner.WriteZeroesAsync(range, flags, cancellationToken);

        public ValueTask UnmapAsync(BlockRange range, CancellationToken cancellationToken = default) => inner.UnmapAsync(range, cancellationToken);

        public ValueTask<int> GetExtentsAsync(BlockRange range, Memory<BlockExtent> extents, CancellationToken cancellationToken = default) =>
            inner.GetExtentsAsync(range, extents, cancellationToken);

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}

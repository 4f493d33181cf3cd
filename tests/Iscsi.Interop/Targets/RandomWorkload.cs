using System.Buffers.Binary;
using Iscsi.Initiator;
using Iscsi.Protocol.Scsi;
using Iscsi.Storage;

namespace Iscsi.Interop.Targets;

/// <summary>
/// Random commands of our initiator on a target of others, checked against a model of the disk: workers with a region each, so that
/// commands overlap and yet each block's contents are known. What the target says it can't do is not asked for.
/// </summary>
internal sealed class RandomWorkload
{
    private const int Workers = 4;
    private const int MaxBlocks = 600;
    private const int CompareAndWriteBlocks = 1;

    private readonly IscsiBlockDevice _disk;
    private readonly int _lun;
    private readonly int _blockSize;
    private readonly int _regionBlocks;
    private readonly int _seed;
    private readonly bool _canWriteSame;
    private readonly bool _canCompareAndWrite;
    private readonly Dictionary<string, int> _done = new(StringComparer.Ordinal);

    private RandomWorkload(IscsiBlockDevice disk, int seed, bool canWriteSame, bool canCompareAndWrite)
    {
        _disk = disk;
        _lun = disk.LogicalUnit.Lun;
        _blockSize = disk.Info.BlockSize;
        _regionBlocks = (int)Math.Min(disk.Info.BlockCount / Workers, 4096);
        _seed = seed;
        _canWriteSame = canWriteSame;
        _canCompareAndWrite = canCompareAndWrite;
    }

    /// <summary>Runs it, and reads everything back at the end.</summary>
    /// <param name="disk">Its first 16,384 blocks are overwritten.</param>
    /// <param name="seed">Repeats the commands of each worker, not their interleaving.</param>
    /// <param name="steps">Commands of each worker.</param>
    /// <returns>How many of each kind were done.</returns>
    public static async Task<IReadOnlyDictionary<string, int>> RunAsync(IscsiBlockDevice disk, int seed, int steps)
    {
        var workload = new RandomWorkload(
            disk,
            seed,
            await IsDoneAsync(disk, OperationCode.WriteSame16, disk.Info.BlockSize),
            await IsDoneAsync(disk, OperationCode.CompareAndWrite, 2 * CompareAndWriteBlocks * disk.Info.BlockSize));
        await Task.WhenAll(Enumerable.Range(0, Workers).Select(worker => Task.Run(() => workload.RunAsync(worker, steps))));
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"seed {seed}: {string.Join(", ", workload._done.OrderBy(done => done.Key, StringComparer.Ordinal).Select(done => $"{done.Value} {done.Key}"))}");
        return workload._done;
    }

    /// <summary>Tries a command on block 0, which is overwritten later.</summary>
    private static async Task<bool> IsDoneAsync(IscsiBlockDevice disk, byte operationCode, int dataBytes)
    {
        await disk.WriteAsync(0, new byte[disk.Info.BlockSize]);
        var result = await disk.Session.ExecuteAsync(disk.LogicalUnit.Lun, Cdb16(operationCode, 0, 1), dataOut: new byte[dataBytes]);
        if (result.IsGood) return true;
        Assert.True(result.Sense is { Key: SenseKey.IllegalRequest }, $"operation {operationCode:X2}h: {result.Status} {result.Sense}");
        return false;
    }

    private async Task RunAsync(int worker, int steps)
    {
        var random = new Random(HashCode.Combine(_seed, worker));
        var first = (long)worker * _regionBlocks;
        var model = new byte[_regionBlocks * _blockSize];
        random.NextBytes(model);
        for (var block = 0; block < _regionBlocks; block += 1024)
        {
            var count = Math.Min(1024, _regionBlocks - block);
            await _disk.WriteAsync(first + block, model.AsMemory(block * _blockSize, count * _blockSize));
        }

        for (var step = 0; step < steps; step++)
        {
            var count = random.Next(4) == 0 ? random.Next(1, MaxBlocks + 1) : random.Next(1, 17);
            var block = random.Next(_regionBlocks - count + 1);
            var place = model.AsMemory(block * _blockSize, count * _blockSize);
            var what = await StepAsync(random, first + block, count, place, $"seed {_seed}, worker {worker}, step {step}");
            lock (_done) _done[what] = _done.GetValueOrDefault(what) + 1;
        }

        await _disk.FlushAsync();
        var actual = new byte[model.Length];
        await _disk.ReadAsync(first, actual);
        var same = actual.AsSpan().CommonPrefixLength(model);
        Assert.True(same == model.Length, $"seed {_seed}, worker {worker}: byte {same} of its region differs at the end");
    }

    private async Task<string> StepAsync(Random random, long lba, int count, Memory<byte> place, string where)
    {
        switch (random.Next(10))
        {
            case 0 or 1 or 2:
                var actual = new byte[place.Length];
                await _disk.ReadAsync(lba, actual);
                var same = actual.AsSpan().CommonPrefixLength(place.Span);
                Assert.True(same == place.Length, $"{where}: {count} blocks at {lba} differ at byte {same}");
                return "read";
            case 3 or 4 or 5:
                random.NextBytes(place.Span);
                await _disk.WriteAsync(lba, place, random.Next(8) == 0 ? BlockWriteFlags.ForceUnitAccess : BlockWriteFlags.None);
                return "write";
            case 6 when _canWriteSame:
                var block = new byte[_blockSize];
                random.NextBytes(block);
                (await _disk.Session.ExecuteAsync(_lun, Cdb16(OperationCode.WriteSame16, lba, count), dataOut: block)).ThrowIfFailed($"{where}: WRITE SAME");
                for (var i = 0; i < count; i++) block.CopyTo(place[(i * _blockSize)..]);
                return "write same";
            case 7 when _canCompareAndWrite:
                return await CompareAndWriteAsync(random, lba, place[..(CompareAndWriteBlocks * _blockSize)], where);
            case 8 when _disk.Info.Unmap != DeviceSupport.None:
                await _disk.UnmapAsync(new BlockRange(lba, count));
                // Where it does not promise zeroes, anything may be there: write something, so that it is known again.
                place.Span.Clear();
                if (!_disk.Info.UnmappedReadsZero) await _disk.WriteAsync(lba, place);
                return "unmap";
            default:
                await _disk.WriteZeroesAsync(new BlockRange(lba, count), random.Next(2) == 0 ? BlockWriteFlags.MayUnmap : BlockWriteFlags.None);
                place.Span.Clear();
                return "write zeroes";
        }
    }

    private async Task<string> CompareAndWriteAsync(Random random, long lba, Memory<byte> place, string where)
    {
        var data = new byte[2 * place.Length];
        place.CopyTo(data);
        random.NextBytes(data.AsSpan(place.Length));
        var matches = random.Next(2) == 0;
        var differs = random.Next(place.Length);
        if (!matches) data[differs] ^= 0x10;

        var result = await _disk.Session.ExecuteAsync(_lun, Cdb16(OperationCode.CompareAndWrite, lba, CompareAndWriteBlocks), dataOut: data);

        if (matches)
        {
            result.ThrowIfFailed($"{where}: COMPARE AND WRITE");
            data.AsMemory(place.Length).CopyTo(place);
            return "compare and write";
        }

        Assert.True(result.Sense is { Key: SenseKey.Miscompare }, $"{where}: COMPARE AND WRITE of other data: {result.Status} {result.Sense}");
        return "miscompare";
    }

    /// <summary>SBC-4: operation code, flags, 64-bit address, then the count: 32 bits, or in COMPARE AND WRITE its last byte alone.</summary>
    private static byte[] Cdb16(byte operationCode, long lba, int count)
    {
        var cdb = new byte[16];
        cdb[0] = operationCode;
        BinaryPrimitives.WriteInt64BigEndian(cdb.AsSpan(2), lba);
        BinaryPrimitives.WriteInt32BigEndian(cdb.AsSpan(10), count);
        return cdb;
    }
}

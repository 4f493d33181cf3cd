using System.Buffers.Binary;

namespace Iscsi.Target.Tests.Durability;

/// <summary>
/// What a disk may hold after the power was cut. Every write puts a stamp of its own, higher than all before, into each of its blocks; a
/// block must then hold a stamp that is at least the one known to be durable, and at most the last one that was sent.
/// </summary>
internal sealed class StampedDisk(int blockCount, int blockSize)
{
    private readonly Lock _lock = new();
    private readonly long[] _sent = new long[blockCount];
    private readonly long[] _completed = new long[blockCount];
    private readonly long[] _durable = new long[blockCount];
    private long _lastStamp;

    /// <summary>Blocks that are known to be durable.</summary>
    public int DurableBlocks => _durable.Count(stamp => stamp > 0);

    /// <summary>A write is about to be sent.</summary>
    /// <param name="lba">First block.</param>
    /// <param name="data">Filled with what to write, whole blocks.</param>
    /// <returns>Its stamp.</returns>
    public long BeginWrite(int lba, Span<byte> data)
    {
        long stamp;
        lock (_lock)
        {
            stamp = ++_lastStamp;
            for (var i = 0; i < data.Length / blockSize; i++) _sent[lba + i] = stamp;
        }
        for (var i = 0; i < data.Length / blockSize; i++) Fill(data.Slice(i * blockSize, blockSize), lba + i, stamp);
        return stamp;
    }

    /// <summary>The write was answered with GOOD.</summary>
    public void EndWrite(int lba, int count, long stamp, bool isDurable)
    {
        lock (_lock)
        {
            for (var i = lba; i < lba + count; i++)
            {
                _completed[i] = Math.Max(_completed[i], stamp);
                if (isDurable) _durable[i] = Math.Max(_durable[i], stamp);
            }
        }
    }

    /// <summary>A flush is about to be sent: what it is responsible for.</summary>
    public long[] BeginFlush()
    {
        lock (_lock) return (long[])_completed.Clone();
    }

    /// <summary>The flush was answered with GOOD.</summary>
    public void EndFlush(long[] responsibleFor)
    {
        lock (_lock)
        {
            for (var i = 0; i < responsibleFor.Length; i++) _durable[i] = Math.Max(_durable[i], responsibleFor[i]);
        }
    }

    /// <summary>The disk came back after a failure: writes that were completed and not durable may be gone, and no flush is responsible for them.</summary>
    public void Reopen()
    {
        lock (_lock) _durable.CopyTo(_completed, 0);
    }

    /// <summary>Says what is wrong with what was found; null when nothing is.</summary>
    public string? FindLoss(ReadOnlySpan<byte> content)
    {
        var expected = new byte[blockSize];
        for (var lba = 0; lba < blockCount; lba++)
        {
            var block = content.Slice(lba * blockSize, blockSize);
            var stamp = BinaryPrimitives.ReadInt64LittleEndian(block);
            if (stamp < _durable[lba]) return $"block {lba} holds write {stamp}, but write {_durable[lba]} was durable";
            if (stamp > _sent[lba]) return $"block {lba} holds write {stamp}, but the last one sent there is {_sent[lba]}";
            if (stamp == 0) expected.AsSpan().Clear();
            else Fill(expected, lba, stamp);
            if (!block.SequenceEqual(expected)) return $"block {lba} is not what write {stamp} wrote there";
        }
        return null;
    }

    private static void Fill(Span<byte> block, int lba, long stamp)
    {
        for (var i = 0; i < block.Length; i += 16)
        {
            BinaryPrimitives.WriteInt64LittleEndian(block[i..], stamp);
            BinaryPrimitives.WriteInt64LittleEndian(block[(i + 8)..], ((long)lba << 16) | (uint)i);
        }
    }
}

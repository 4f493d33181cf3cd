namespace IscsiNet.Cli.Copying;

/// <summary>
/// Moves bytes in chunks, several at once, in order where an end wants it. The first failure stops the rest.
/// </summary>
internal static class ChunkPipeline
{
    /// <summary>The unit: large enough for full bursts, and a multiple of every block size.</summary>
    public const int ChunkBytes = 1 << 20;

    /// <summary>Chunks on their way: hides a round trip and the other end's work behind each other. With the buffers, 8 MiB.</summary>
    private const int Depth = 8;

    /// <summary>Copies.</summary>
    /// <param name="source">Read from <paramref name="sourceOffsetBytes"/>.</param>
    /// <param name="sourceOffsetBytes">0 for a pipe.</param>
    /// <param name="destination">Written from <paramref name="destinationOffsetBytes"/>.</param>
    /// <param name="destinationOffsetBytes">0 for a pipe.</param>
    /// <param name="lengthBytes">How much; null: to the end of the source.</param>
    /// <param name="progress">Told the bytes of each chunk that is done, from any thread.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Bytes copied: less than asked for when the source ended.</returns>
    public static Task<long> CopyAsync(
        IChunkSource source, long sourceOffsetBytes, IChunkDestination destination, long destinationOffsetBytes, long? lengthBytes,
        Action<int> progress, CancellationToken cancellationToken) =>
        RunAsync(source, sourceOffsetBytes, destinationOffsetBytes, lengthBytes, destination.IsSequential, progress, destination.WriteAsync, cancellationToken);

    /// <summary>Compares two ends of random access, chunk by chunk.</summary>
    /// <returns>The first byte that differs or that one end lacks; null: they are the same.</returns>
    public static async Task<long?> FindDifferenceAsync(
        IChunkSource left, IChunkSource right, long lengthBytes, Action<int> progress, CancellationToken cancellationToken)
    {
        var difference = long.MaxValue;
        var compared = await RunAsync(left, 0, 0, lengthBytes, inOrder: false, progress, CompareAsync, cancellationToken).ConfigureAwait(false);
        if (compared < lengthBytes) difference = Math.Min(difference, compared);
        return difference == long.MaxValue ? null : difference;

        async ValueTask CompareAsync(long offsetBytes, ReadOnlyMemory<byte> data, CancellationToken token)
        {
            var other = new byte[data.Length];
            var count = await right.ReadAsync(offsetBytes, other, token).ConfigureAwait(false);
            var common = data.Span.CommonPrefixLength(other.AsSpan(0, count));
            if (common == data.Length) return;
            InterlockedMin(ref difference, offsetBytes + common);
        }
    }

    private static async Task<long> RunAsync(
        IChunkSource source, long sourceOffsetBytes, long outputOffsetBytes, long? lengthBytes, bool inOrder, Action<int> progress,
        Func<long, ReadOnlyMemory<byte>, CancellationToken, ValueTask> consume, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var slots = new Slot[Depth];
        for (var i = 0; i < Depth; i++) slots[i] = new Slot();
        var previousRead = Task.FromResult(0);
        var previousConsumed = Task.CompletedTask;
        // The first chunk ends where a chunk of the output would, so that no two chunks share a block of it.
        var first = (int)(ChunkBytes - (source.IsSequential ? outputOffsetBytes : sourceOffsetBytes) % ChunkBytes);
        long done = 0;
        try
        {
            for (var i = 0; lengthBytes is null || done < lengthBytes; i++)
            {
                var slot = slots[i % Depth];
                await slot.Consumed.ConfigureAwait(false);
                var size = i == 0 ? first : ChunkBytes;
                if (lengthBytes is { } length && length - done < size) size = (int)(length - done);
                var read = ReadAsync(slot.Buffer.AsMemory(0, size), sourceOffsetBytes + done, source.IsSequential ? previousRead : Task.CompletedTask);
                slot.Consumed = ConsumeAsync(slot.Buffer, size, outputOffsetBytes + done, read, inOrder ? previousConsumed : Task.CompletedTask);
                previousRead = read;
                previousConsumed = slot.Consumed;
                // A disk or a file of known length can't end early; a pipe can, and its chunks come one after the other anyway.
                if (source.IsSequential && await read.ConfigureAwait(false) is var count && count < size)
                {
                    done += count;
                    break;
                }

                done += size;
            }

            foreach (var slot in slots) await slot.Consumed.ConfigureAwait(false);
            return done;
        }
        catch
        {
            await stop.CancelAsync().ConfigureAwait(false);
            // Nobody may use a buffer or an end after the return. What they threw came second.
            foreach (var slot in slots) await slot.Consumed.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            throw;
        }

        async Task<int> ReadAsync(Memory<byte> buffer, long offsetBytes, Task turn)
        {
            await turn.ConfigureAwait(false);
            return await source.ReadAsync(offsetBytes, buffer, stop.Token).ConfigureAwait(false);
        }

        async Task ConsumeAsync(byte[] buffer, int size, long offsetBytes, Task<int> read, Task turn)
        {
            var count = await read.ConfigureAwait(false);
            if (count < size && !source.IsSequential) throw new UserException($"the source ended at byte {offsetBytes + count}; it had more when the copy began");
            await turn.ConfigureAwait(false);
            if (count == 0) return;
            await consume(offsetBytes, buffer.AsMemory(0, count), stop.Token).ConfigureAwait(false);
            progress(count);
        }
    }

    private static void InterlockedMin(ref long location, long value)
    {
        for (var seen = Volatile.Read(ref location); value < seen;)
        {
            var before = Interlocked.CompareExchange(ref location, value, seen);
            if (before == seen) return;
            seen = before;
        }
    }

    private sealed class Slot
    {
        public byte[] Buffer { get; } = new byte[ChunkBytes];

        public Task Consumed { get; set; } = Task.CompletedTask;
    }
}

using System.Runtime.InteropServices;
using Reservations;

namespace Iscsi.Storage;

/// <content>The work on chunks. Each is done under the chunk's lock, so that no block is left half of one write and half of
/// another.</content>
public sealed unsafe partial class MemoryBlockDevice
{
    private void Transfer(long offsetBytes, BlockList list, Direction direction)
    {
        var done = 0;
        var runs = list.Runs;
        var run = 0;
        var runOffset = 0;
        while (done < list.Length)
        {
            var index = (offsetBytes + done) / ChunkBytes;
            var start = (int)((offsetBytes + done) % ChunkBytes);
            var take = Math.Min(list.Length - done, ChunkBytes - start);
            lock (_locks[index % LockCount])
            {
                var chunk = &_chunks[index];
                if (direction == Direction.Write) Allocate(chunk, start, take);
                for (var end = start + take; start < end;)
                {
                    var part = Math.Min(end - start, runs[run].Length - runOffset);
                    var memory = runs[run].Span.Slice(runOffset, part);
                    if (direction == Direction.Write) memory.CopyTo(new Span<byte>(chunk->Data + start, part));
                    else if (chunk->Data == null) memory.Clear();
                    else new ReadOnlySpan<byte>(chunk->Data + start, part).CopyTo(memory);
                    start += part;
                    runOffset += part;
                    if (runOffset != runs[run].Length) continue;
                    run++;
                    runOffset = 0;
                }
            }
            done += take;
        }
    }

    private void Clear(long offsetBytes, long lengthBytes, bool deallocate)
    {
        for (var end = offsetBytes + lengthBytes; offsetBytes < end;)
        {
            var index = offsetBytes / ChunkBytes;
            var start = (int)(offsetBytes % ChunkBytes);
            var take = (int)Math.Min(end - offsetBytes, ChunkBytes - start);
            lock (_locks[index % LockCount])
            {
                var chunk = &_chunks[index];
                if (!deallocate) Allocate(chunk, start, take);
                if (chunk->Data != null)
                {
                    new Span<byte>(chunk->Data + start, take).Clear();
                    // The device may end inside its last page, which is then covered up to there.
                    var isLast = offsetBytes + take == Info.LengthBytes;
                    if (deallocate) Deallocate(chunk, start, isLast ? ChunkBytes : start + take);
                }
            }
            offsetBytes += take;
        }
    }

    private void Allocate(Chunk* chunk, int start, int length)
    {
        if (chunk->Data == null)
        {
            var data = (byte*)NativeMemory.AlignedAlloc(ChunkBytes, PageBytes);
            NativeMemory.Clear(data, ChunkBytes);
            chunk->Data = data;
            Interlocked.Add(ref _allocatedBytes, ChunkBytes);
        }
        chunk->AllocatedPages |= Pages(start / PageBytes, (start + length - 1) / PageBytes + 1);
    }

    private void Deallocate(Chunk* chunk, int start, int end)
    {
        var first = (start + PageBytes - 1) / PageBytes;
        var last = end / PageBytes;
        if (first >= last) return;
        chunk->AllocatedPages &= ~Pages(first, last);
        if (chunk->AllocatedPages != 0) return;
        NativeMemory.AlignedFree(chunk->Data);
        chunk->Data = null;
        Interlocked.Add(ref _allocatedBytes, -ChunkBytes);
    }

    private int FindExtents(BlockRange range, Span<BlockExtent> extents)
    {
        var builder = new ExtentBuilder(range, extents);
        var blocksPerPage = PageBytes / Info.BlockSize;
        for (var lba = range.Lba; lba < range.Lba + range.Count;)
        {
            var page = lba / blocksPerPage;
            var pages = Volatile.Read(ref _chunks[page / PagesPerChunk].AllocatedPages);
            var isUniform = pages is 0 or (1 << PagesPerChunk) - 1;
            var next = (isUniform ? (page / PagesPerChunk + 1) * PagesPerChunk : page + 1) * blocksPerPage;
            if (!builder.AddUpTo(next, (pages & (1 << (int)(page % PagesPerChunk))) != 0)) break;
            lba = next;
        }
        return builder.Count;
    }

    private static int Pages(int first, int end) => (1 << end) - (1 << first);
}

using System.Runtime.InteropServices;

namespace Reservations;

/// <summary>
/// A pinned array cut into blocks, with what has to be known of each block. Byte states instead of bits, because neighbours belong to
/// different owners, which write without a lock.
/// </summary>
internal sealed class Slab
{
    internal const int Bytes = 2 << 20;
    private const int PageSize = 4096;

    private readonly byte[] _memory;
    private readonly int _origin;
    private readonly int _blockSize;

    internal Slab(int blockCount, int blockSize, bool touch)
    {
        Count = blockCount;
        _blockSize = blockSize;
        var length = blockCount * blockSize;
        // No array of the pinned heap starts on a page.
        _memory = GC.AllocateUninitializedArray<byte>(length + PageSize, pinned: true);
        var address = Marshal.UnsafeAddrOfPinnedArrayElement(_memory, 0);
        _origin = (int)(((address + PageSize - 1) & ~(nint)(PageSize - 1)) - address);
        Next = new int[blockCount];
        State = new BlockState[blockCount];
        if (!touch) return;
        for (var i = _origin; i < _origin + length; i += PageSize) _memory[i] = 0;
    }

    internal int Count { get; }

    /// <summary>Links the blocks of one grant; the number of the next block of the root, -1 at the end.</summary>
    internal int[] Next { get; }

    internal BlockState[] State { get; }

    internal Memory<byte> Run(int firstBlock, int blockCount) =>
        MemoryMarshal.CreateFromPinnedArray(_memory, _origin + firstBlock * _blockSize, blockCount * _blockSize);
}

/// <summary>Where a block is.</summary>
internal enum BlockState : byte
{
    /// <summary>With the root.</summary>
    Free,

    /// <summary>Kept by a node for its next draw.</summary>
    Cached,

    /// <summary>In a grant.</summary>
    Drawn,

    /// <summary>Taken out of service by a smaller budget.</summary>
    Retired,
}

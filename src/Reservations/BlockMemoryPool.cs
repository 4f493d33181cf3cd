using System.Buffers;

namespace Reservations;

/// <summary>The blocks of one level of one grant, for a pipe. A pipe's ends are on different threads, hence the lock.</summary>
internal sealed class BlockMemoryPool : MemoryPool<byte>
{
    private readonly Lock _lock = new();
    private readonly Grant _grant;
    private readonly Level _level;
    private readonly int[] _blocks;
    private readonly BlockOwner[] _owners;
    private int _free;
    private bool _disposed;

    internal BlockMemoryPool(ReservationRoot root, Grant grant, Level level, int[] blocks)
    {
        MaxBufferSize = root.BlockSize;
        _grant = grant;
        _level = level;
        _blocks = blocks;
        _owners = new BlockOwner[blocks.Length];
        // The first block on top.
        foreach (var block in blocks.AsSpan())
            _owners[blocks.Length - ++_free] = new BlockOwner(this, root.SlabOf(block).Run(block & root.SlabMask, 1));
    }

    /// <summary>The block size: a pipe that asks for more has its own way to memory, which is not ours.</summary>
    public override int MaxBufferSize { get; }

    /// <exception cref="ArgumentOutOfRangeException">More than a block is asked for.</exception>
    /// <exception cref="LeakException">All blocks are rented, or the grant is over.</exception>
    public override IMemoryOwner<byte> Rent(int minBufferSize = -1)
    {
        if (minBufferSize > MaxBufferSize || minBufferSize < -1)
            throw new ArgumentOutOfRangeException(nameof(minBufferSize), minBufferSize, $"This pool rents blocks of {MaxBufferSize} bytes.");
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (!ReservationNode.IsLive(_grant.Record, _grant.Generation)) throw new LeakException($"The grant under a pool of node {_grant.Node.Name} is over.");
            if (_free == 0) throw new LeakException($"All {_owners.Length} blocks of {_level.Name} of a pool of node {_grant.Node.Name} are rented.");
            var owner = _owners[--_free];
            owner.Rented = true;
            return owner;
        }
    }

    protected override void Dispose(bool disposing)
    {
        lock (_lock)
        {
            if (_disposed) return;
            if (_free < _owners.Length) throw new LeakException($"{_owners.Length - _free} blocks of a pool of node {_grant.Node.Name} are rented while it is disposed.");
            _disposed = true;
        }
        // After the grant's end the blocks have gone back with it.
        if (ReservationNode.IsLive(_grant.Record, _grant.Generation)) _grant.Node.Undraw(_grant.Record, _grant.Generation, _level, _blocks);
    }

    private void Return(BlockOwner owner)
    {
        lock (_lock)
        {
            if (!owner.Rented) throw new LeakException($"A block of a pool of node {_grant.Node.Name} was returned twice.");
            if (!ReservationNode.IsLive(_grant.Record, _grant.Generation)) throw new LeakException($"A block of node {_grant.Node.Name} was returned after the end of its grant.");
            owner.Rented = false;
            _owners[_free++] = owner;
        }
    }

    private sealed class BlockOwner(BlockMemoryPool pool, Memory<byte> memory) : IMemoryOwner<byte>
    {
        internal bool Rented { get; set; }

        public Memory<byte> Memory => Rented ? memory : throw new LeakException("A block was used after its return.");

        public void Dispose() => pool.Return(this);
    }
}

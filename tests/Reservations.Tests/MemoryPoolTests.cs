using System.Buffers;
using System.IO.Pipelines;
using static Reservations.Tests.Levels;

namespace Reservations.Tests;

public sealed class MemoryPoolTests : IDisposable
{
    private readonly ReservationRoot _root = Root(64);
    private readonly ReservationNode _node;
    private readonly Grant _grant;
    private readonly MemoryPool<byte> _pool;

    public MemoryPoolTests()
    {
        _node = _root.AddChild("connection", new TestOwner(), new Share(Control, 8, 8));
        _grant = _node.Prepaid(Of(Control, 4));
        _pool = _node.AsMemoryPool(_grant, Control);
    }

    public void Dispose()
    {
        _pool.Dispose();
        _grant.Dispose();
        _node.Dispose();
        _root.Dispose();
    }

    [Fact]
    public void A_rent_is_a_block_of_the_grant_and_goes_back_to_it()
    {
        Assert.Equal(4096, _pool.MaxBufferSize);
        for (var i = 0; i < 10; i++)
        {
            using var owner = _pool.Rent(1000);
            Assert.Equal(4096, owner.Memory.Length);
        }
        Assert.Equal(4, _node.State.UsedBlocks);
    }

    [Fact]
    public void More_than_a_block_or_more_than_the_grant_is_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => _pool.Rent(4097));
        var owners = Enumerable.Range(0, 4).Select(_ => _pool.Rent()).ToList();
        Assert.Throws<LeakException>(() => _pool.Rent());
        Assert.Throws<LeakException>(_pool.Dispose);
        foreach (var owner in owners) owner.Dispose();
        Assert.Throws<LeakException>(owners[0].Dispose);
        Assert.Throws<LeakException>(() => owners[0].Memory);
    }

    [Fact]
    public void Another_nodes_grant_is_refused()
    {
        using var other = _root.AddChild("other", new TestOwner(), new Share(Control, 1, 1));
        Assert.Throws<LeakException>(() => other.AsMemoryPool(_grant, Control));
        Assert.Throws<LeakException>(() => _node.AsMemoryPool(default, Control));
        Assert.Throws<LeakException>(() => _node.AsMemoryPool(_grant, Burst));
    }

    [Fact]
    public void After_the_grant_nothing_is_rented_or_returned()
    {
        var grant = _node.Prepaid(Of(Control, 2));
        var pool = _node.AsMemoryPool(grant, Control);
        var owner = pool.Rent();
        grant.Dispose();
        Assert.Throws<LeakException>(() => pool.Rent());
        Assert.Throws<LeakException>(owner.Dispose);
    }

    [Fact]
    public void Its_blocks_can_be_drawn_again_when_it_is_disposed()
    {
        var grant = _node.Prepaid(Of(Control, 3));
        var list = new BlockList();
        grant.Draw(Control, 1, list);
        var pool = _node.AsMemoryPool(grant, Control);
        Assert.Throws<LeakException>(() => grant.Draw(Control, 1, list));
        pool.Dispose();
        Assert.Throws<ObjectDisposedException>(() => pool.Rent());
        grant.Draw(Control, 2, list);
        Assert.Equal(3 * 4096, list.Length);
        grant.Dispose();
    }

    [Fact]
    public async Task A_pipe_runs_on_it()
    {
        var pipe = new Pipe(new PipeOptions(_pool, minimumSegmentSize: 4096, pauseWriterThreshold: 8192, resumeWriterThreshold: 4096, useSynchronizationContext: false));
        for (var round = 0; round < 100; round++)
        {
            pipe.Writer.GetSpan(4096)[..3000].Fill((byte)round);
            pipe.Writer.Advance(3000);
            await pipe.Writer.FlushAsync();
            var read = await pipe.Reader.ReadAsync();
            Assert.Equal(3000, read.Buffer.Length);
            pipe.Reader.AdvanceTo(read.Buffer.End);
        }
        await pipe.Writer.CompleteAsync();
        await pipe.Reader.CompleteAsync();
    }
}

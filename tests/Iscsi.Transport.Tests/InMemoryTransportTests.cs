namespace Iscsi.Transport.Tests;

/// <summary>Both ends in one process.</summary>
public sealed class InMemoryTransportTests : TransportContract
{
    [Fact]
    public async Task The_listener_hands_out_the_other_end_of_a_connect()
    {
        await using var listener = new InMemoryTransportListener("here");
        await using var client = listener.Connect();
        await using var server = await listener.AcceptAsync();
        server!.AttachReceiveMemory(Runs(512, 1));
        await client.SendAsync(Batch(Pattern(9, 1)));
        Assert.Equal(Pattern(9, 1), await ReadExactlyAsync(server, 9));
        Assert.Equal("memory:here", listener.LocalEndPoint.ToString());
    }

    [Fact]
    public async Task A_disposed_listener_refuses_connects_and_ends_accepts()
    {
        var listener = new InMemoryTransportListener();
        var accept = listener.AcceptAsync().AsTask();
        await listener.DisposeAsync();
        Assert.Null(await accept);
        Assert.Throws<IOException>(listener.Connect);
    }

    [Fact]
    public async Task A_scheduler_splits_reads_where_it_likes()
    {
        var scheduler = new Script(1, 2, 3, 0);
        var (client, server) = InMemoryTransport.CreatePair(new() { Scheduler = scheduler });
        server.AttachReceiveMemory(Runs(512, 1));
        await client.SendAsync(Batch(Pattern(10, 1)));
        foreach (var expected in new[] { 1, 2, 3 })
        {
            var result = await server.Input.ReadAsync();
            Assert.Equal(expected, result.Buffer.Length);
            server.Input.AdvanceTo(result.Buffer.End);
        }
        var stalled = server.Input.ReadAsync().AsTask();
        await client.SendAsync(Batch(Pattern(10, 2)));
        Assert.Equal(0, scheduler.RunAll());
        Assert.False(stalled.IsCompleted);

        server.ResumeReading();
        Assert.Equal(1, scheduler.RunAll());
        Assert.Equal(14, (await stalled).Buffer.Length);
    }

    [Fact]
    public async Task A_scheduler_runs_both_ends_on_one_thread()
    {
        var scheduler = new Script();
        var (client, server) = InMemoryTransport.CreatePair(new() { Scheduler = scheduler, RingBytes = 7 });
        server.AttachReceiveMemory(Runs(512, 1));
        var send = client.SendAsync(Batch(Pattern(100, 1)));
        var read = ReadExactlyAsync(server, 100);
        Assert.False(read.IsCompleted);
        scheduler.RunAll();
        Assert.True(send.IsCompletedSuccessfully);
        Assert.Equal(Pattern(100, 1), await read);
    }

    protected override ValueTask<(ITransportConnection Client, ITransportConnection Server)> ConnectAsync()
    {
        var (client, server) = InMemoryTransport.CreatePair();
        return new((client, server));
    }

    // Gives each read the next number of bytes, then everything.
    private sealed class Script(params int[] sizes) : InMemoryTransportScheduler
    {
        private readonly Queue<IThreadPoolWorkItem> _queue = new();
        private int _next;

        public override int NextReadBytes(InMemoryConnection reader, int availableBytes) =>
            _next < sizes.Length ? Math.Min(sizes[_next++], availableBytes) : availableBytes;

        public override void Post(IThreadPoolWorkItem completion) => _queue.Enqueue(completion);

        public int RunAll()
        {
            var count = 0;
            for (; _queue.TryDequeue(out var item); count++) item.Execute();
            return count;
        }
    }
}

/// <summary>The same with rings so small that every send waits.</summary>
public sealed class TinyRingTransportTests : TransportContract
{
    protected override ValueTask<(ITransportConnection Client, ITransportConnection Server)> ConnectAsync()
    {
        var (client, server) = InMemoryTransport.CreatePair(new() { RingBytes = 4099 });
        return new((client, server));
    }
}

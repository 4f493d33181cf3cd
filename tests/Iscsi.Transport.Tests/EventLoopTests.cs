using System.Diagnostics;
namespace Iscsi.Transport.Tests;

/// <summary>Loops, and executors that live on them.</summary>
public sealed class EventLoopTests : IDisposable
{
    private const int Limit = 60_000;

    private readonly EventLoops? _loops = EventLoops.IsSupported ? new EventLoops(new EventLoopOptions { Count = 2 }) : null;

    public EventLoopTests() => Assert.SkipUnless(EventLoops.IsSupported, "event loops need 64-bit Linux");

    [Fact(Timeout = Limit)]
    public async Task A_pinned_connection_completes_on_its_loop_and_another_on_the_pool()
    {
        foreach (var isPinned in new[] { true, false })
        {
            var (client, server) = await ConnectAsync();
            server.AttachReceiveMemory(TransportContract.Runs(512, 1));
            var loop = isPinned ? server.Pin() : null;
            var completedOn = ReadAsync(server, () => isPinned ? loop!.IsCurrent : WorkLoop.IsOnLoop);
            await client.SendAsync(TransportContract.Batch(new byte[] { 1 }));
            Assert.Equal(isPinned, await completedOn);
            await client.DisposeAsync();
            await server.DisposeAsync();
        }
    }

    [Fact(Timeout = Limit)]
    public async Task Connections_are_spread_over_the_loops()
    {
        var pairs = new List<(ITransportConnection Client, ITransportConnection Server)>();
        for (var i = 0; i < 3; i++) pairs.Add(await ConnectAsync());
        var byLoop = pairs.SelectMany(pair => new[] { pair.Client.Pin(), pair.Server.Pin() }).GroupBy(loop => loop).Select(group => group.Count());
        Assert.Equal([3, 3], byLoop);
        foreach (var (client, server) in pairs)
        {
            await client.DisposeAsync();
            await server.DisposeAsync();
        }
    }

    [Fact(Timeout = Limit)]
    public async Task An_executor_runs_at_its_home()
    {
        var executor = new SerialExecutor { Home = NewLoop() };
        var work = new Probe(executor);
        executor.Post(work, mayRunHere: true);
        Assert.True(await work.Ran);
    }

    [Fact(Timeout = Limit)]
    public async Task Work_that_may_block_leaves_the_loop_and_what_follows_keeps_its_place()
    {
        var executor = new SerialExecutor { Home = NewLoop() };
        var order = new List<(string Name, bool IsOnLoop)>();
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        SerialWork Step(string name, bool mayBlock = false) => new Step(mayBlock, () => order.Add((name, WorkLoop.IsOnLoop)));
        executor.Post(new Step(mayBlock: false, () =>
        {
            executor.Post(Step("first"));
            executor.Post(Step("may block", mayBlock: true));
            executor.Post(Step("behind it"));
            executor.Post(new Step(mayBlock: false, () => executor.Post(new Step(mayBlock: false, () =>
            {
                order.Add(("home again", WorkLoop.IsOnLoop));
                ended.SetResult();
            }))));
        }));
        await ended.Task;
        Assert.Equal([("first", true), ("may block", false), ("behind it", false), ("home again", true)], order);
    }

    [Fact(Timeout = Limit)]
    public async Task An_executor_that_never_runs_out_of_work_leaves_the_others_their_turn()
    {
        var loop = NewLoop();
        var greedy = new SerialExecutor { Home = loop };
        var isOver = false;
        Step? again = null;
        again = new Step(mayBlock: false, () =>
        {
            if (!Volatile.Read(ref isOver)) greedy.Post(again!);
        });
        greedy.Post(again);
        var other = new SerialExecutor { Home = loop };
        for (var i = 0; i < 100; i++)
        {
            var work = new Probe(other);
            other.Post(work);
            await work.Ran;
        }
        Volatile.Write(ref isOver, true);
    }

    [Fact(Timeout = Limit)]
    public async Task What_is_posted_to_a_loop_that_has_ended_runs_on_the_pool()
    {
        var loop = NewLoop();
        _loops!.Dispose();
        for (var i = 0; i < 1000; i++)
        {
            var executor = new SerialExecutor { Home = loop };
            var work = new Probe(executor);
            executor.Post(work);
            await work.Ran;
        }
        Assert.Throws<ObjectDisposedException>(NewLoop);
    }

    [Theory(Timeout = Limit)]
    [InlineData(0)]
    [InlineData(20)]
    [InlineData(200)]
    public async Task A_loop_that_expects_input_takes_what_comes_meanwhile_and_what_comes_when_it_sleeps_again(int microseconds)
    {
        var loop = NewLoop();
        var executor = new SerialExecutor { Home = loop };
        var (client, server) = await ConnectAsync();
        server.AttachReceiveMemory(Reservations.BlockList.Over(GC.AllocateArray<byte>(4096, pinned: true)));
        for (var i = 0; i < 200; i++)
        {
            executor.Post(new Step(mayBlock: false, loop.ExpectInput));
            for (var start = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(start).TotalMicroseconds < microseconds;) Thread.SpinWait(1);
            await client.Output.WriteAsync(new byte[1]);
            var read = await server.Input.ReadAsync();
            Assert.Equal(1, read.Buffer.Length);
            server.Input.AdvanceTo(read.Buffer.End);
            var work = new Probe(executor);
            executor.Post(work);
            Assert.True(await work.Ran);
        }
        await client.DisposeAsync();
        await server.DisposeAsync();
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(257, 0)]
    [InlineData(1, -1)]
    [InlineData(1, 11)]
    public void Options_outside_their_range_are_refused(int count, int busyPollMilliseconds)
    {
        var options = new EventLoopOptions { Count = count, BusyPoll = TimeSpan.FromMilliseconds(busyPollMilliseconds) };
        Assert.Throws<ArgumentOutOfRangeException>(() => new EventLoops(options));
    }

    public void Dispose() => _loops?.Dispose();

    private static async Task<bool> ReadAsync(ITransportConnection connection, Func<bool> look)
    {
        await connection.Input.ReadAsync().ConfigureAwait(false);
        return look();
    }

    private WorkLoop NewLoop() => OperatingSystem.IsLinux() ? _loops!.Assign() : throw new PlatformNotSupportedException();

    private ValueTask<(ITransportConnection Client, ITransportConnection Server)> ConnectAsync() =>
        SocketTransportTests.PairAsync(new() { Loops = _loops });

    private sealed class Probe(SerialExecutor executor) : SerialWork
    {
        private readonly TaskCompletionSource<bool> _ran = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task<bool> Ran => _ran.Task;

        protected internal override void Run() => _ran.SetResult(executor.Home!.IsCurrent);
    }

    private sealed class Step(bool mayBlock, Action action) : SerialWork(mayBlock)
    {
        protected internal override void Run() => action();
    }
}

/// <summary>TCP over one loop that both ends share, whose completions run on its thread.</summary>
public sealed class PinnedTransportTests : TransportContract
{
    private static readonly EventLoops? Loops = EventLoops.IsSupported ? new EventLoops(new EventLoopOptions { Count = 1 }) : null;

    protected override async ValueTask<(ITransportConnection Client, ITransportConnection Server)> ConnectAsync()
    {
        var pair = await SocketTransportTests.PairAsync(new() { Loops = Loops });
        pair.Client.Pin();
        pair.Server.Pin();
        return pair;
    }
}

/// <summary>TCP over loops that poll before they sleep.</summary>
public sealed class PollingTransportTests : TransportContract
{
    private static readonly EventLoops? Loops =
        EventLoops.IsSupported ? new EventLoops(new EventLoopOptions { Count = 1, BusyPoll = TimeSpan.FromMicroseconds(50) }) : null;

    protected override ValueTask<(ITransportConnection Client, ITransportConnection Server)> ConnectAsync() =>
        SocketTransportTests.PairAsync(new() { Loops = Loops });
}
